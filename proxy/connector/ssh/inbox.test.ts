/**
 * What waits in an inbox keeps its order, and has a bound.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Stream, Wire } from '../../core/connector.ts'
import { Inbox } from './inbox.ts'
import { held_block_bytes, held_events_max } from './limits.ts'

const data = (stream: Stream, bytes: Uint8Array): Wire => ({ kind: 'data', stream, bytes })
const resize = (columns: number): Wire => ({
  kind: 'control',
  event: { kind: 'resize', columns, rows: 1 },
})

function drain(inbox: Inbox): Wire[] {
  const wires: Wire[] = []
  for (let wire = inbox.shift(); wire !== undefined; wire = inbox.shift()) wires.push(wire)
  return wires
}

/** One entry per byte or event, so that joins do not show. */
const flat = (wires: readonly Wire[]): string[] =>
  wires.flatMap((wire) =>
    wire.kind === 'control' ? ['event'] : [...wire.bytes].map((byte) => `${wire.stream}:${byte}`),
  )

describe('inbox', () => {
  test('bytes and events keep their order, whatever is joined', () => {
    const wire = fc.oneof(
      fc.tuple(fc.constantFrom<Stream>(1, 2), fc.uint8Array({ maxLength: 40 })),
      fc.constant('eof' as const),
      fc.constant('shift' as const),
    )
    fc.assert(
      fc.property(fc.array(wire), (steps) => {
        const inbox = new Inbox()
        const given: Wire[] = []
        const got: Wire[] = []
        for (const step of steps) {
          if (step === 'shift') {
            const next = inbox.shift()
            if (next !== undefined) got.push(next)
            continue
          }
          const next: Wire =
            step === 'eof' ? { kind: 'control', event: { kind: 'eof', stream: 1 } } : data(...step)
          given.push(next)
          inbox.push(next)
        }
        expect(flat([...got, ...drain(inbox)])).toEqual(flat(given))
        expect(inbox.isEmpty).toBe(true)
      }),
    )
  })
  test('small packets share a block, large ones are not copied', () => {
    const inbox = new Inbox()
    for (let i = 0; i < 1_000; i++) inbox.push(data(1, new Uint8Array(1)))
    const large = new Uint8Array(held_block_bytes)
    inbox.push(data(1, large))
    const wires = drain(inbox)
    expect(wires.map((wire) => wire.kind === 'data' && wire.bytes.length)).toEqual([
      1_000,
      held_block_bytes,
    ])
    expect(wires[1]?.kind === 'data' && wires[1].bytes.buffer === large.buffer).toBe(true)
  })
  test('of many sizes the last counts', () => {
    const inbox = new Inbox()
    for (let columns = 1; columns <= 500; columns++) inbox.push(resize(columns))
    expect(drain(inbox)).toEqual([resize(500)])
  })
  test('signals have a limit, an end of the stream has none', () => {
    const inbox = new Inbox()
    const signal: Wire = { kind: 'control', event: { kind: 'signal', signal: 'USR1' } }
    for (let i = 0; i < 500; i++) inbox.push(signal)
    inbox.push({ kind: 'control', event: { kind: 'eof', stream: 0 } })
    expect(drain(inbox)).toHaveLength(held_events_max + 1)
  })
})
