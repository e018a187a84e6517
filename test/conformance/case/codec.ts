/**
 * Codecs alone, without a socket: how the wire is cut does not matter, and no bytes can harm them.
 *
 * @module
 */
import { expect } from 'bun:test'
import fc from 'fast-check'
import type { Codec, Direction, Frame, Stream, Wire } from '../../../proxy/core/connector.ts'
import type { World } from '../world.ts'
import type { Case } from './case.ts'

/** Of each direction: the stream that it carries. */
const directions: readonly (readonly [Direction, Stream])[] = [
  ['to_target', 0],
  ['to_client', 1],
]

export const codec_cases: readonly Case[] = [
  {
    name: 'a codec gives the same, however its wire is cut',
    async run(world) {
      each(world, (fresh, stream) =>
        fc.assert(
          fc.property(wire_bytes, cuts, (bytes, at) => {
            const whole = decodeAll(fresh(), stream, [bytes])
            const cut = decodeAll(fresh(), stream, cutAt(bytes, at))
            expect(cut.violated).toBe(whole.violated)
            if (!whole.violated) expect(joined(cut.frames)).toEqual(joined(whole.frames))
          }),
        ),
      )
    },
  },
  {
    name: 'a codec finds the same messages, however its wire is cut',
    needs: ['messages'],
    async run(world) {
      each(world, (fresh, stream) =>
        fc.assert(
          fc.property(wire_bytes, cuts, (bytes, at) => {
            const whole = decodeAll(fresh(), stream, [bytes])
            const cut = decodeAll(fresh(), stream, cutAt(bytes, at))
            if (!whole.violated) expect(cut.frames).toEqual(whole.frames)
          }),
        ),
      )
    },
  },
  {
    name: 'what is decoded and encoded again is what it was',
    async run(world) {
      each(world, (fresh, stream) =>
        fc.assert(
          fc.property(wire_bytes, cuts, (bytes, at) => {
            const decoder = fresh()
            const { frames, violated } = decodeAll(decoder, stream, cutAt(bytes, at))
            if (violated) return
            const wires = frames.filter(isWire).map((frame) => decoder.encode(frame))
            expect(joined(wires)).toEqual([{ stream, text: hex(bytes) }].filter(({ text }) => text))
          }),
        ),
      )
    },
  },
  {
    name: 'a frame that was masked to another length is framed truly again',
    async run(world) {
      each(world, (fresh, stream) =>
        fc.assert(
          fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (texts) => {
            const codec = fresh()
            const wires = texts.map((text) =>
              codec.encode({ kind: 'data', stream, bytes: Buffer.from(`${text}\n`) }),
            )
            const reader = fresh()
            const frames = wires.flatMap((wire) => {
              const decoded = reader.decode(wire)
              return decoded.ok ? decoded.frames : []
            })
            const rest = reader.flush()
            const all = [...frames, ...(rest.ok ? rest.frames : [])]
            const text = Buffer.from(joined(all)[0]?.text ?? '', 'hex').toString()
            expect(text).toBe(texts.map((line) => `${line}\n`).join(''))
          }),
        ),
      )
    },
  },
  {
    name: 'an event keeps its place behind the bytes before it',
    async run(world) {
      each(world, (fresh, stream) => {
        const codec = fresh()
        const before = codec.decode({ kind: 'data', stream, bytes: Buffer.from('half a mess') })
        const end = codec.decode({ kind: 'control', event: { kind: 'eof', stream } })
        const frames = [before, end].flatMap((decoded) => (decoded.ok ? decoded.frames : []))
        expect(frames.at(-1)).toEqual({ kind: 'control', event: { kind: 'eof', stream } })
        expect(joined(frames)).toEqual([{ stream, text: hex(Buffer.from('half a mess')) }])
        expect(codec.flush()).toEqual({ ok: true, frames: [] })
      })
    },
  },
  {
    name: 'hostile bytes are a violation, never an exception, and it does not repeat them',
    async run(world) {
      each(world, (fresh, stream) =>
        fc.assert(
          fc.property(fc.array(hostile, { maxLength: 12 }), (chunks) => {
            const codec = fresh()
            for (const bytes of chunks) {
              const decoded = codec.decode({ kind: 'data', stream, bytes: bytes.slice() })
              if (decoded.ok) continue
              expect(decoded.violation).toMatch(/^[\x20-\x7e]{1,200}$/)
              const shown = Buffer.from(bytes).toString('latin1')
              if (bytes.length >= 8) expect(decoded.violation).not.toContain(shown)
            }
            codec.flush()
          }),
        ),
      )
    },
  },
  {
    name: 'two channels do not share what a codec holds',
    async run(world) {
      const one = world.codecs()
      const two = world.codecs()
      for (const [direction, stream] of directions) {
        const half = Buffer.from('a secret half')
        one[direction].decode({ kind: 'data', stream, bytes: half })
        const other = decodeAll(two[direction], stream, [Buffer.from('mine\n')])
        expect(joined(other.frames)).toEqual([{ stream, text: hex(Buffer.from('mine\n')) }])
      }
    },
  },
]

const newline_often = fc.oneof(
  { arbitrary: fc.nat(255), weight: 6 },
  { arbitrary: fc.constant(0x0a), weight: 1 },
)
const wire_bytes = fc
  .array(newline_often, { maxLength: 300 })
  .map((bytes) => Uint8Array.from(bytes))
const cuts = fc.array(fc.nat(300), { maxLength: 12 })
const message = fc.string({ unit: fc.constantFrom('a', 'b', '*', ' ', 'é'), maxLength: 60 })
/** Huge lengths in the first bytes of anything, and much of it. */
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .uint8Array({ minLength: 1, maxLength: 8 })
    .map((it) => Uint8Array.of(255, 255, 255, 255, ...it)),
  fc.constant(new Uint8Array(40_000)),
  fc.constant(new Uint8Array()),
)

function each(world: World, run: (fresh: () => Codec, stream: Stream) => void): void {
  for (const [direction, stream] of directions) run(() => world.codecs()[direction], stream)
}

/** All that a wire decodes to, its flush included. */
function decodeAll(
  codec: Codec,
  stream: Stream,
  chunks: readonly Uint8Array[],
): { frames: Frame[]; violated: boolean } {
  const frames: Frame[] = []
  for (const bytes of chunks) {
    const decoded = codec.decode({ kind: 'data', stream, bytes: bytes.slice() })
    if (!decoded.ok) return { frames, violated: true }
    frames.push(...decoded.frames)
  }
  const rest = codec.flush()
  if (!rest.ok) return { frames, violated: true }
  return { frames: [...frames, ...rest.frames], violated: false }
}

function cutAt(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...at.filter((place) => place < bytes.length), bytes.length])]
  const sorted = places.toSorted((a, b) => a - b)
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
}

/** Bytes of each stream, without the borders between frames. */
function joined(frames: readonly Frame[]): { stream: Stream; text: string }[] {
  const found = new Map<Stream, string>()
  for (const frame of frames) {
    if (frame.kind !== 'data' || frame.bytes.length === 0) continue
    found.set(frame.stream, (found.get(frame.stream) ?? '') + hex(frame.bytes))
  }
  return [...found].map(([stream, text]) => ({ stream, text }))
}

const isWire = (frame: Frame): frame is Wire => frame.kind === 'data' || frame.kind === 'control'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
