/**
 * When something goes to the recorder: what nobody waits for goes with what comes next, and what is to be shown waits for
 * no longer than the commit before it.
 */
import { expect, jest, test } from 'bun:test'
import { unawaited_ms_max } from '../core/limits.ts'
import { readBatch } from './batch.ts'
import type { ToRecorder } from './messages.ts'
import { Outbox } from './outbox.ts'

function open(now_ms?: () => number): { readonly outbox: Outbox; readonly sent: string[][] } {
  const sent: string[][] = []
  const outbox = new Outbox((batch) => {
    const kinds: string[] = []
    readBatch(batch, (message: ToRecorder) => kinds.push(message.kind))
    sent.push(kinds)
  }, now_ms)
  return { outbox, sent }
}

const ask = ({ batch }: Outbox): void => {
  batch.fact(1, 1, { kind: 'run', statement: 1, run: 1, parameters: new Uint8Array() })
  batch.input(1, 1, 0, Uint8Array.of(1), [])
}
const answer = ({ batch }: Outbox): boolean => batch.output(1, 1, 1, Uint8Array.of(2), [])
const turn = (): Promise<void> => new Promise(setImmediate)

test('what nobody waits for goes with its answer, or a little later when none comes', async () => {
  jest.useFakeTimers()
  try {
    const { outbox, sent } = open()
    ask(outbox)
    outbox.sometime()
    await Promise.resolve()
    expect(sent).toEqual([])
    answer(outbox)
    outbox.soon()
    await Promise.resolve()
    expect(sent).toEqual([['fact', 'input', 'output']])
    ask(outbox)
    outbox.sometime()
    jest.advanceTimersByTime(unawaited_ms_max)
    expect(sent.at(-1)).toEqual(['fact', 'input'])
  } finally {
    jest.useRealTimers()
  }
})

test('what is shown while the recorder commits goes when that is over, in one piece', async () => {
  const { outbox, sent } = open()
  answer(outbox)
  outbox.gather()
  await turn()
  expect(sent).toEqual([['output']])
  for (let more = 0; more < 3; more++) {
    answer(outbox)
    outbox.gather()
    await turn()
  }
  outbox.committed()
  expect(sent.slice(1)).toEqual([['output', 'output', 'output']])
  outbox.committed()
  answer(outbox)
  outbox.gather()
  await turn()
  expect(sent.length).toBe(3)
})

test('a timer for what was sent meanwhile sends nothing that came since', async () => {
  let now_ms = 1_000
  jest.useFakeTimers()
  try {
    const { outbox, sent } = open(() => now_ms)
    const pass = (ms: number): void => {
      now_ms += ms
      jest.advanceTimersByTime(ms)
    }
    ask(outbox)
    outbox.sometime()
    pass(unawaited_ms_max - 1)
    outbox.soon()
    await Promise.resolve()
    ask(outbox)
    outbox.sometime()
    pass(1)
    expect(sent.length).toBe(1)
    pass(unawaited_ms_max - 1)
    expect(sent.length).toBe(2)
  } finally {
    jest.useRealTimers()
  }
})

test('a commit that never comes holds nothing up for long, and who waits for an answer not at all', async () => {
  const { outbox, sent } = open()
  answer(outbox)
  outbox.gather()
  await turn()
  answer(outbox)
  outbox.gather()
  outbox.soon()
  await Promise.resolve()
  expect(sent.length).toBe(2)
  answer(outbox)
  outbox.gather()
  for (let waited = 0; sent.length < 3 && waited < 400; waited++) await Bun.sleep(5)
  expect(sent.length).toBe(3)
})

test('a flood of what nobody waits for is not gathered without end', () => {
  const { outbox, sent } = open()
  const bytes = new Uint8Array(4_000)
  for (let count = 0; count < 40; count++) {
    outbox.batch.input(1, 1, 0, bytes, [])
    outbox.sometime()
  }
  expect(sent.length).toBeGreaterThan(2)
})
