/** What a pump does while a person decides. */
import { expect, test } from 'bun:test'
import type { Channel, Endpoint, EndpointEvents, Frame, Wire } from '../core/connector.ts'
import type { SessionRecorder } from '../core/ports.ts'
import type { Denial, Verdict } from '../core/verdict.ts'
import { createFlight } from './flight.ts'
import { type DecideHeld, startPump } from './pump.ts'

const denial: Denial = { allowed: false, rule: 'held', message: 'it waits' }
const text = (wire: Wire): string =>
  wire.kind === 'data' ? new TextDecoder().decode(wire.bytes) : wire.event.kind
const data = (words: string): Wire => ({
  ...{ kind: 'data', stream: 0, bytes: new TextEncoder().encode(words), fields: [] },
})

/** A line that begins with `?` waits; what becomes of it is the word that goes on. */
function open(decide: DecideHeld) {
  const reached: string[] = []
  const shown: string[] = []
  const ends = new Map<string, EndpointEvents>()
  const end = (name: string, written: string[]): Endpoint => ({
    start: (on) => void ends.set(name, on),
    pause() {},
    resume() {},
    write(wire, sent) {
      written.push(text(wire))
      queueMicrotask(() => sent?.())
    },
    close: () => closed(name),
  })
  /** Once each, as an endpoint says it. */
  const closed = (name: string): void => {
    const on = ends.get(name)
    ends.delete(name)
    queueMicrotask(() => on?.closed())
  }
  const done = async (): Promise<void> => {}
  const recorder = {
    ...{ id: 's', event: done, fact() {}, early() {}, input: done, flush: done },
    buffer: (length: number) => new Uint8Array(length),
    recycle() {},
    output: (_: number, stream: 1 | 2, bytes: Uint8Array) =>
      queueMicrotask(() => pump.release(stream, bytes, bytes.length)),
  } as unknown as SessionRecorder // What a pump asks of it here.
  const held = (frame: Wire): Frame => ({
    kind: 'held',
    held: {
      ...{ statement: 1, shown: new Uint8Array(), raw: new Uint8Array(), verdict: denial },
      judge: () => denial,
      notice: (line) => new TextEncoder().encode(`${line}:${text(frame)}`),
    },
  })
  const codec = {
    decode: (wire: Wire) => ({
      ok: true as const,
      frames: [text(wire).startsWith('?') ? held(wire) : wire],
    }),
    encode: (wire: Wire) => wire,
    flush: () => ({ ok: true as const, frames: [] }),
    settle: (verdict: Verdict, is_given_up: boolean) => ({
      ok: true as const,
      frames: [data(verdict.allowed ? 'ran' : is_given_up ? 'left' : 'denied')],
    }),
  }
  const channel = {
    ...{ id: 1, request: { kind: 'database', command: new Uint8Array(), env: {} } },
    client: end('client', shown),
    refuse() {},
  } as unknown as Channel // Nothing else of it is used.
  const pump = startPump(
    ...([channel, { to_target: codec, to_client: codec }, end('target', reached)] as const),
    ...([recorder, createFlight(() => 0), () => 1, undefined, decide] as const),
  )
  const from = ends.get('client')
  return { reached, shown, send: (wire: Wire) => from?.wire(wire), gone: () => closed('client') }
}

const cancel: Wire = { kind: 'control', event: { kind: 'signal', signal: 'CANCEL' } }
const settled = (): Promise<void> => Bun.sleep(5)

test('what comes behind it goes on once it is decided, in its order, and not before', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { reached, shown, send } = open(async (_, say) => {
    say('wait')
    await promise
    return { verdict: { allowed: true, rule: 'held' }, is_given_up: false }
  })
  for (const words of ['a', '?b', 'c', '?d', 'e']) send(data(words))
  await settled()
  expect([reached, shown]).toEqual([['a'], ['wait:?b']])
  resolve()
  await settled()
  expect(reached.join('')).toBe('arancrane')
})

test('whoever interrupts gives it up, also before it is on record that they wait', async () => {
  for (const is_early of [true, false]) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { reached, send } = open(async (_, _say, onGivenUp) => {
      if (is_early) await promise
      return new Promise((decide) =>
        onGivenUp(() => decide({ verdict: denial, is_given_up: true })),
      )
    })
    send(data('?a'))
    send(data('b'))
    send(cancel)
    await settled()
    resolve()
    await settled()
    // The interrupt is not for what runs at the target.
    expect(reached.join('')).toBe('leftb')
  }
})

test('whoever leaves gives it up, and nothing of it runs', async () => {
  let given_up = 0
  const { reached, send, gone } = open(
    (_, _say, onGivenUp) =>
      new Promise(() => {
        onGivenUp(() => {
          given_up += 1
        })
      }),
  )
  send(data('?a'))
  gone()
  await settled()
  expect(given_up).toBeGreaterThan(0)
  expect(reached).toEqual([])
})
