/**
 * Texts that are one but for whole numbers in them, known by their bytes: to decode a text takes longer than to run it.
 *
 * @module
 */
import { parsed_bytes_max, parsed_max } from '../limits.ts'

interface Known<T> {
  readonly shape: Uint8Array
  readonly value: T
}

/** What the text that was looked at last is but for its numbers. */
const shape: Uint8Array<ArrayBuffer> = new Uint8Array(parsed_bytes_max)
let shape_bytes = 0
let shape_hash = 0

const code = (character: string): number => character.charCodeAt(0)
const zero = code('0')
const minus = code('-')
const slash = code('/')
const star = code('*')

/** What a byte is of: a digit, a name or another number that goes on, what a number may stand in, or nothing of these. */
const kinds = { digit: 1, name: 2, quoting: 3 } as const
const kind_of: Uint8Array = Uint8Array.from({ length: 128 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  if (/\d/.test(character)) return kinds.digit
  if (/[\w.]/.test(character)) return kinds.name
  return /['"$\\]/.test(character) ? kinds.quoting : 0
})

/** By shape; of the newest. */
export class Shapes<T> {
  readonly #known = new Map<number, Known<T>>()

  /** Undefined where nothing is known of it. Two texts of one shape have the same value. */
  get(text: Uint8Array): T | undefined {
    if (!look(text)) return undefined
    const known = this.#known.get(shape_hash)
    return known !== undefined && isShape(known.shape) ? known.value : undefined
  }

  /** Nothing, for a text that is too long or has other characters than ASCII. */
  set(text: Uint8Array, value: T): void {
    if (!look(text)) return
    this.#known.delete(shape_hash)
    const [oldest] = this.#known.keys()
    if (this.#known.size >= parsed_max && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(shape_hash, { shape: shape.slice(0, shape_bytes), value })
  }
}

function isShape(known: Uint8Array): boolean {
  if (known.length !== shape_bytes) return false
  for (let at = 0; at < shape_bytes; at++) if (known[at] !== shape[at]) return false
  return true
}

/** Whether it has a shape: a number that stands for itself is 0 there, unless one may stand in something else. */
function look(text: Uint8Array): boolean {
  if (text.length > parsed_bytes_max) return false
  let to = 0
  let before = 0
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0
    if (byte > 0x7f) return false
    const kind = kind_of[byte]
    const begins_comment = byte === minus ? before === minus : byte === star && before === slash
    if (kind === kinds.quoting || begins_comment) return lookAsItIs(text)
    const is_alone = kind === kinds.digit && (to === 0 || (kind_of[before] ?? 0) === 0)
    if (is_alone) {
      const end = numberEnd(text, at)
      if (end > at) {
        shape[to++] = zero
        before = zero
        at = end - 1
        continue
      }
    }
    shape[to++] = byte
    before = byte
  }
  shape_bytes = to
  shape_hash = hashOf(to)
  return true
}

function lookAsItIs(text: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0
    if (byte > 0x7f) return false
    shape[at] = byte
  }
  shape_bytes = text.length
  shape_hash = hashOf(text.length)
  return true
}

/** Of the digits that begin at `from`; 0 where something goes on behind them. */
function numberEnd(text: Uint8Array, from: number): number {
  let at = from
  while (at < text.length && kind_of[text[at] ?? 0] === kinds.digit) at += 1
  if (at === text.length) return at
  const behind = text[at] ?? 0
  return kind_of[behind] === 0 ? at : 0
}

/** FNV-1a. Whoever finds two texts with one hash has them take each other's place, and no more. */
function hashOf(bytes: number): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < bytes; at++) hash = Math.imul(hash ^ (shape[at] ?? 0), 0x01000193)
  return hash
}
