/**
 * The samples, by places: for each row of a head a bit for each place, whether what stands there can stand at that row of what would
 * begin at the place.
 *
 * @module
 */
import { type Head, near_rows } from './heads.ts'
import type { Symbols } from './places.ts'
import { sample_bytes, sampleTexts } from './sample.ts'

/** A bit for each place of each sample. */
export type Bits = Uint32Array

/** A run of pairs may look at a row before those of a head, and at one behind. */
const row_before = -1
const looked_at = near_rows + 2

export class Sampled {
  /** Of one sample. */
  readonly places: number
  readonly every: Bits
  /** By row, from {@link row_before} on, then by class. */
  readonly #bits: readonly (readonly Bits[])[]
  readonly #rows = new Map<string, Bits>()

  constructor(heads: readonly Head[], class_of: Uint8Array, classes: number) {
    const texts = sampleTexts(wordsOf(heads))
    const words_each = Math.floor((sample_bytes - looked_at) / 32)
    const words = words_each * texts.length
    this.places = words_each * 32
    this.every = new Uint32Array(words).fill(0xffff_ffff)
    this.#bits = Array.from({ length: looked_at }, () =>
      Array.from({ length: classes }, () => new Uint32Array(words)),
    )
    for (const [index, text] of texts.entries())
      for (let place = 0; place < this.places; place++) {
        const word = index * words_each + (place >> 5)
        for (const [row, by_class] of this.#bits.entries()) {
          const bits = by_class[class_of[text[place + row] ?? 0] ?? 0]
          if (bits !== undefined) bits[word] = (bits[word] ?? 0) | (1 << (place & 31))
        }
      }
  }

  /** Where one of `classes` stands at `row`. Borrowed. */
  at(row: number, classes: Symbols): Bits {
    const by_class = this.#bits[row - row_before]
    const key = `${row} ${classes.join()}`
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    // Of two complements the one that has less is put together.
    const few = classes.length * 2 <= (by_class?.length ?? 0)
    const has = new Set(classes)
    const bits = new Uint32Array(this.every.length).fill(few ? 0 : 0xffff_ffff)
    for (const [of_class, others] of by_class?.entries() ?? []) {
      if (has.has(of_class) !== few) continue
      for (let word = 0; word < bits.length; word++)
        bits[word] = (bits[word] ?? 0) ^ (others[word] ?? 0)
    }
    this.#rows.set(key, bits)
    return bits
  }

  /** Where both hold. */
  both(one: Bits, other: Bits): Bits {
    if (one === this.every) return other
    if (other === this.every) return one
    return one.map((word, at) => word & (other[at] ?? 0))
  }
}

const word_letters_min = 4

/** The words that heads begin with, in lower case where either may stand. */
function wordsOf(heads: readonly Head[]): readonly string[] {
  const words = new Set<string>()
  for (const { sets } of heads) {
    let word = ''
    for (const set of sets.slice(1)) {
      const letters = [...set.keys()]
        .filter((byte) => set[byte] === 1)
        .map((byte) => String.fromCharCode(byte))
      const last = letters.at(-1) ?? ''
      if (letters.some((letter) => letter.toLowerCase() !== last.toLowerCase())) break
      if (!/^[A-Za-z]$/.test(last)) break
      word += last
    }
    if (word.length >= word_letters_min) words.add(word)
  }
  return [...words]
}
