/**
 * Which heads share bits of the filter. What shares them gets mixed up, so each head goes where it lets
 * least more through. How much that is, is judged by what streams are like in general, byte by byte, and by samples of such (`sample.ts`).
 *
 * @module
 */
import type { ByteSet } from './expression.ts'
import type { Bits, Sampled } from './sampled.ts'

/** Of the samples each counts as so many kinds: bytes alone decide where those see no difference. */
const sample_weight = 8

/** Places of some slots each; a slot is a set of symbols, and grows by what is put there. */
export class Places {
  readonly #slots: readonly (readonly Slot[])[]
  readonly #kinds: readonly Float64Array[]
  readonly #sampled: Sampled | undefined
  readonly #scratch: readonly [Float64Array, Float64Array, Float64Array]

  /**
   * `slots`: how many each place has. `kinds`: for each kind of stream the share of each symbol. `sampled`: of which the
   * offers tell where they fit.
   */
  constructor(slots: readonly number[], kinds: readonly Float64Array[], sampled?: Sampled) {
    this.#sampled = sampled
    const symbols = kinds[0]?.length ?? 0
    this.#kinds = kinds
    const scratch = (): Float64Array => new Float64Array(kinds.length)
    this.#scratch = [scratch(), scratch(), scratch()]
    this.#slots = slots.map((count) =>
      Array.from({ length: count }, () => ({
        seen: new Uint8Array(symbols),
        shares: new Float64Array(kinds.length),
        bits: new Uint32Array(sampled?.every.length ?? 0),
      })),
    )
  }

  /** Puts it at the best of the places `among`, each given with what its slots would get; returns that. */
  put(among: readonly Offer[]): number {
    let best: Offer | undefined
    let least = Number.POSITIVE_INFINITY
    for (const offer of among) {
      const more = this.#more(offer) + this.#moreSampled(offer)
      if (more >= least) continue
      best = offer
      least = more
    }
    if (best === undefined) return -1
    for (const [index, symbols] of best.slots.entries()) {
      const slot = this.#slots[best.place]?.[index]
      if (slot === undefined) continue
      addShares(slot.shares, slot.seen, symbols, this.#kinds)
      for (let at = 0; at < symbols.length; at++) slot.seen[symbols[at] ?? 0] = 1
      const bits = best.bits?.[index]
      if (bits === undefined) continue
      for (let at = 0; at < slot.bits.length; at++)
        slot.bits[at] = (slot.bits[at] ?? 0) | (bits[at] ?? 0)
    }
    return best.place
  }

  /** How much more often all slots of the place fit by chance, summed over the kinds. */
  #more({ place, slots }: Offer): number {
    const kinds = this.#kinds
    const [before, after, shares] = this.#scratch
    before.fill(1)
    after.fill(1)
    for (let index = 0; index < slots.length; index++) {
      const slot = this.#slots[place]?.[index]
      const symbols = slots[index]
      if (slot === undefined || symbols === undefined) continue
      shares.set(slot.shares)
      addShares(shares, slot.seen, symbols, kinds)
      for (let kind = 0; kind < kinds.length; kind++) {
        before[kind] = (before[kind] ?? 0) * (slot.shares[kind] ?? 0)
        after[kind] = (after[kind] ?? 0) * (shares[kind] ?? 0)
      }
    }
    let sum = 0
    for (let kind = 0; kind < kinds.length; kind++)
      sum = sum + (after[kind] ?? 0) - (before[kind] ?? 0)
    return sum
  }

  /** The same of the samples, each of which is a kind. */
  #moreSampled({ place, bits }: Offer): number {
    const slots = this.#slots[place]
    if (this.#sampled === undefined || bits === undefined || slots === undefined) return 0
    const { every, places } = this.#sampled
    let count = 0
    for (let word = 0; word < every.length; word++) {
      let before = -1
      let after = -1
      for (let index = 0; after !== 0 && index < bits.length; index++) {
        const slot = slots[index]?.bits[word] ?? 0
        before &= slot
        after &= slot | (bits[index]?.[word] ?? 0)
      }
      for (let more = after & ~before; more !== 0; more &= more - 1) count++
    }
    return (sample_weight * count) / places
  }
}

/** To the shares of a slot, those of what it has not seen. Most of the filter's making is this loop. */
function addShares(
  to: Float64Array,
  seen: Uint8Array,
  symbols: Symbols,
  kinds: readonly Float64Array[],
): void {
  // By index: an iterator over a typed array costs more than the sum.
  for (let index = 0; index < symbols.length; index++) {
    const symbol = symbols[index] ?? 0
    if (seen[symbol] === 1) continue
    for (let kind = 0; kind < kinds.length; kind++)
      to[kind] = (to[kind] ?? 0) + (kinds[kind]?.[symbol] ?? 0)
  }
}

export interface Offer {
  readonly place: number
  readonly slots: readonly Symbols[]
  /** For each slot where in the samples it would fit. */
  readonly bits?: readonly Bits[]
}

export type Symbols = Uint16Array

interface Slot {
  readonly seen: Uint8Array
  /** By kind: how often a symbol of the slot stands at some place of a stream. */
  readonly shares: Float64Array
  readonly bits: Bits
}

/**
 * Shares of the classes of bytes in prose, numbers, codes, digests and arbitrary bytes. They are kept apart,
 * since in a number the next byte is most likely a digit too.
 */
export function kindsOf(class_of: Uint8Array, classes: number): readonly Float64Array[] {
  return kinds.map((shares) => {
    const by_class = new Float64Array(classes)
    for (const [byte, of_class] of class_of.entries())
      by_class[of_class] = (by_class[of_class] ?? 0) + (shares[byte] ?? 0)
    return by_class
  })
}

/** How often one of `bytes` stands at some place, summed over the same kinds of streams. */
export function rarity(bytes: number | ByteSet): number {
  return kinds.reduce(
    (sum, shares) =>
      sum +
      (typeof bytes === 'number'
        ? (shares[bytes] ?? 0)
        : shares.reduce((total, share, byte) => total + (bytes[byte] === 1 ? share : 0), 0)),
    0,
  )
}

/** How often bytes fit `sets` one after the other, summed over the same kinds of streams. */
export function chanceOf(sets: readonly ByteSet[]): number {
  return kinds.reduce(
    (sum, shares) =>
      sum +
      sets.reduce((chance, set) => {
        let share = 0
        for (let byte = 0; byte < 256; byte++) if (set[byte] === 1) share += shares[byte] ?? 0
        return chance * share
      }, 1),
    0,
  )
}

/** Letters by their share in English, `z` being one (R. E. Lewand, Cryptological Mathematics, 2000). */
const letters = Object.entries({
  ...{ a: 110, b: 20, c: 38, d: 57, e: 172, f: 30, g: 27, h: 82, i: 94, j: 2, k: 10, l: 54, m: 33 },
  ...{ n: 91, o: 101, p: 26, q: 1, r: 81, s: 85, t: 122, u: 37, v: 13, w: 32, x: 2, y: 27, z: 1 },
})
  .map(([letter, share]) => letter.repeat(share))
  .join('')

const kinds: readonly Float64Array[] = [
  kindOf([0.78, letters], [0.08, letters.toUpperCase()], [0.14, ' _-.,:/="\'']),
  kindOf([0.8, '0123456789'], [0.2, ' -:.,']),
  kindOf([0.9, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'], [0.1, '+/=_-\n']),
  kindOf([0.95, '0123456789abcdef'], [0.05, '-: ']),
  new Float64Array(256).fill(1 / 256),
]

function kindOf(...parts: readonly (readonly [share: number, bytes: string])[]): Float64Array {
  const shares = new Float64Array(256)
  for (const [share, bytes] of parts)
    for (const char of bytes) {
      const byte = char.charCodeAt(0)
      shares[byte] = (shares[byte] ?? 0) + share / bytes.length
    }
  return shares
}
