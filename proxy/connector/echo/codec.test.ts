/**
 * Lines come out the same, however they were cut.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Frame } from '../../core/connector.ts'
import { LineCodec } from './codec.ts'
import { line_bytes_max } from './limits.ts'

const text = (frames: readonly Frame[]): string[] =>
  frames.flatMap((frame) => (frame.kind === 'data' ? [new TextDecoder().decode(frame.bytes)] : []))

function run(chunks: readonly Uint8Array[]): string[] {
  const codec = new LineCodec(1)
  const decoded = [
    ...chunks.map((bytes) => codec.decode({ kind: 'data', stream: 1, bytes })),
    codec.flush(),
  ]
  return decoded.flatMap((it) => (it.ok ? text(it.frames) : []))
}

describe('line codec', () => {
  test('any split gives the same frames', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.nat(40)), (input, cuts) => {
        const bytes = new TextEncoder().encode(input)
        const at = [
          ...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length]),
        ].sort((a, b) => a - b)
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end))
        expect(run(chunks)).toEqual(run([bytes]))
        expect(run(chunks).join('')).toBe(new TextDecoder().decode(bytes))
      }),
    )
  })
  test('an end of the stream releases the line before it', () => {
    const codec = new LineCodec(1)
    codec.decode({ kind: 'data', stream: 1, bytes: new TextEncoder().encode('last') })
    const decoded = codec.decode({ kind: 'control', event: { kind: 'eof', stream: 1 } })
    expect(decoded.ok && decoded.frames.map((frame) => frame.kind)).toEqual(['data', 'control'])
  })
  test('a line without an end is a violation, not memory', () => {
    const codec = new LineCodec(1)
    const bytes = new Uint8Array(line_bytes_max + 1)
    expect(codec.decode({ kind: 'data', stream: 1, bytes }).ok).toBe(false)
  })
})
