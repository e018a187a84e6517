/** What rows are made of where several facts are one record. */
import { expect, test } from 'bun:test'
import type { ExchangedFacts } from '../evidence/exchange.ts'
import { encodeExchange } from '../evidence/record.ts'
import { foldRecord, unfolded } from './fold.ts'

const session = '0195e4a0-1111-7222-8333-444444444444'
const place = { v: 1, session, seq: 4, t_us: 1_772_352_000_000_000 } as const
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const channel = 1
const range = { offset: 0, length: 3 } as const
const numbers = { statement: 1, run: 0 } as const
const output = { kind: 'output', channel, stream: 1, ...range, spans: [] } as const
const stdin = { kind: 'stdin', channel, ...range, spans: [], held: 0 } as const
const statement = {
  ...{ kind: 'statement', channel, statement: 1, name: '', prepared: true, kinds: ['select'] },
  ...{ allowed: true, rule: 'policy.query', ...range, spans: [] },
} as const satisfies ExchangedFacts
const result = (tag: string) =>
  ({ kind: 'result', channel, ...numbers, tag, rows: 1, length: 5, duration_us: 7 }) as const

function folded(...[facts, payloads]: [Parameters<typeof encodeExchange>[1], string[]]) {
  const { stored } = encodeExchange(place, facts, payloads.map(utf8))
  const written = foldedBytes(stored)
  // As another writer would spell it: found by reading all of it.
  const line_end = stored.indexOf(0x0a)
  const line = JSON.stringify(
    JSON.parse(Buffer.from(stored.subarray(0, line_end)).toString()),
    null,
    1,
  )
  const spelled = line.replaceAll('\n', ' ')
  expect(foldedBytes(Buffer.concat([utf8(spelled), stored.subarray(line_end)]))).toEqual(written)
  return written
}

function foldedBytes(stored: Uint8Array): ReturnType<typeof unfolded> {
  const into = unfolded(session)
  foldRecord(into, 4, stored)
  return into
}

test('what was shown in an exchange counts, and what was asked does not', () => {
  const facts = [stdin, output, result('SELECT 1'), output] as const
  expect(folded(facts, ['Q 1', 'D 1', '', 'D 12'])).toMatchObject({
    ...{ records: 5, output_bytes: 7, commands: [] },
  })
})

test('a statement in an exchange is a command, with its own text', () => {
  const facts = [stdin, statement, output] as const
  expect(folded(facts, ['Q 1', 'SELECT 1', 'D 1'])).toMatchObject({
    ...{ records: 5, output_bytes: 3 },
    commands: [{ seq: 4, program: 'select', confidence: 'exact', text: 'SELECT 1' }],
  })
})

test('what a target says is no fact', () => {
  const said = '{"kind":"output","bytes":9000,"kind":"statement","bytes":1'
  expect(folded([result(said), output], ['', 'D 1'])).toMatchObject({
    ...{ output_bytes: 3, commands: [] },
  })
})
