/**
 * The filter that finds where a match may begin, in two steps. **Pairs**, looked at two bytes apart: which
 * pair of neighbouring bytes may stand at which rows of a head; runs of them are followed by shift-and.
 * **Rows**, for a place that the pairs let through: which bytes may stand at each row. Both may only be too
 * generous; the automaton decides.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import { type Head, headsOf, near_rows, rows } from './heads.ts'
import type { Landmarks } from './landmarks.ts'
import type { Nfa } from './nfa.ts'
import { kindsOf, type Offer, Places, type Symbols } from './places.ts'
import { Sampled } from './sampled.ts'

/** A run of pairs: rows `row` and `row + 1`, then the next two, and so on. Row 0 is the byte before. */
interface Run {
  readonly row: number
  readonly pairs: number
}

/**
 * Sixteen bits, and the same eight times in a vector: `assembly/scan.ts` knows where they end and how far behind their beginnings. Every second place
 * is looked at, so each head stands in a run that begins at an even row and in one that begins at an odd row.
 */
const runs_of_part: readonly Run[] = [
  { row: 0, pairs: 5 },
  { row: -1, pairs: 5 },
  { row: 1, pairs: 3 },
  { row: 0, pairs: 3 },
]
const part_bits = 16
/** Of a vector of the pairs and one of the rows, which has a bit for each group of heads. */
const word_bits = 128
/** In 32 bits each. */
const word_words = word_bits / 32
/** Each costs a third of a millisecond to place, and a person wrote the rules; more go where the first could. */
const judged_max = 1000

const runs: readonly Run[] = Array.from(
  { length: word_bits / part_bits },
  () => runs_of_part,
).flat()

/** Known to `assembly/scan.ts`; five vectors of bits stand before. */
const pairs_at = 80

export function filterOf(
  nfa: Nfa,
  entries: readonly Entry[],
  landmarks: Landmarks,
  class_of: Uint8Array,
  classes: number,
): Uint8Array {
  const kinds = kindsOf(class_of, classes)
  const found = headsOf(nfa, entries, landmarks)
  const heads = byGenerosity(found, class_of, kinds)
  const pairs = pairsOf(heads, classes, kinds, new Sampled(found, class_of, classes))
  const words = rowsOf(heads, classes, kinds)

  const every = (1n << BigInt(word_bits)) - 1n
  const bits = [
    bitsOf((bit) => bit),
    bitsOf((bit, run) => bit + run.pairs - 1),
    pairs.crossing,
    words.crossing,
    every,
  ]
  const filter = new Uint8Array(pairs_at + pairs.words.byteLength + words.words.byteLength)
  const view = new DataView(filter.buffer)
  for (const [index, vector] of bits.entries()) {
    view.setBigUint64(index * 16, vector & 0xffff_ffff_ffff_ffffn, true)
    view.setBigUint64(index * 16 + 8, vector >> 64n, true)
  }
  // Little-endian, as the module reads it and as every machine that runs Bun has it.
  filter.set(new Uint8Array(pairs.words.buffer), pairs_at)
  filter.set(new Uint8Array(words.words.buffer), pairs_at + pairs.words.byteLength)
  return filter
}

/** A head as the classes of bytes that may stand at each row. */
interface ClassHead {
  readonly sets: readonly Symbols[]
  readonly crosses: boolean
}

interface Words {
  /** {@link word_words} each, the lowest first. */
  readonly words: Uint32Array
  /** The bits behind which something may go over an end of line: the last ones of runs, or groups. */
  readonly crossing: bigint
}

/** The most generous first: the places that they take are then the only ones that let much through. */
function byGenerosity(
  heads: readonly Head[],
  class_of: Uint8Array,
  kinds: readonly Float64Array[],
): readonly ClassHead[] {
  const shareOf = (head: ClassHead): number =>
    kinds.reduce(
      (sum, shares) =>
        sum +
        head.sets
          .slice(0, near_rows)
          .reduce(
            (chance, set) => chance * set.reduce((total, of) => total + (shares[of] ?? 0), 0),
            1,
          ),
      0,
    )
  return heads
    .map(({ sets, crosses }) => ({
      sets: sets.map((set) =>
        Uint16Array.from(new Set(class_of.filter((_, byte) => set[byte] === 1))),
      ),
      crosses,
    }))
    .map((head) => ({ head, share: shareOf(head) }))
    .sort((a, b) => b.share - a.share)
    .map(({ head }) => head)
}

/** For each pair of classes a bit for each pair of rows of each run. */
function pairsOf(
  heads: readonly ClassHead[],
  classes: number,
  kinds: readonly Float64Array[],
  sampled: Sampled,
): Words {
  const pair_kinds = kinds.map((shares) => {
    const of_pairs = new Float64Array(classes * classes)
    for (let pair = 0; pair < of_pairs.length; pair++)
      of_pairs[pair] = (shares[Math.floor(pair / classes)] ?? 0) * (shares[pair % classes] ?? 0)
    return of_pairs
  })
  const places = new Places(
    runs.map((run) => run.pairs),
    pair_kinds,
    sampled,
  )
  const every = Uint16Array.from({ length: classes }, (_, index) => index)
  const words = new Uint32Array(classes * classes * word_words)
  let crossing = 0n
  for (const [index, head] of heads.entries()) {
    // By the row of its first byte; runs share most of them.
    const pairs = Array.from({ length: near_rows + 1 }, (_, at) =>
      product(head.sets[at - 1] ?? every, head.sets[at] ?? every, classes),
    )
    const bits = Array.from({ length: near_rows + 1 }, (_, at) => {
      const [first, second] = [head.sets[at - 1], head.sets[at]]
      return sampled.both(
        first === undefined ? sampled.every : sampled.at(at - 1, first),
        second === undefined ? sampled.every : sampled.at(at, second),
      )
    })
    const offers = runs.map(
      (run, place): Offer => ({
        place,
        slots: Array.from(
          { length: run.pairs },
          (_, pair) => pairs[run.row + 1 + pair * 2] ?? new Uint16Array(0),
        ),
        bits: Array.from(
          { length: run.pairs },
          (_, pair) => bits[run.row + 1 + pair * 2] ?? sampled.every,
        ),
      }),
    )
    for (const parity of [0, 1]) {
      const fitting = offers.filter(({ place }) => ((runs[place]?.row ?? 0) & 1) === parity)
      const chosen = places.put(index < judged_max ? fitting : fitting.slice(0, 1))
      const bit = firstBit(chosen)
      if (head.crosses) crossing |= 1n << BigInt(bit + (runs[chosen]?.pairs ?? 0) - 1)
      for (const [pair, symbols] of (offers[chosen]?.slots ?? []).entries())
        setBit(words, symbols, bit + pair)
    }
  }
  return { words, crossing }
}

function product(first: Symbols, second: Symbols, classes: number): Symbols {
  const pairs = new Uint16Array(first.length * second.length)
  let at = 0
  for (let a = 0; a < first.length; a++)
    for (let b = 0; b < second.length; b++)
      pairs[at++] = (first[a] ?? 0) * classes + (second[b] ?? 0)
  return pairs
}

function setBit(words: Uint32Array, symbols: Symbols, bit: number): void {
  for (let index = 0; index < symbols.length; index++) {
    const at = (symbols[index] ?? 0) * word_words + (bit >> 5)
    words[at] = (words[at] ?? 0) | (1 << (bit & 31))
  }
}

/** For each row and class a bit for each group of heads. */
function rowsOf(
  heads: readonly ClassHead[],
  classes: number,
  kinds: readonly Float64Array[],
): Words {
  const places = new Places(new Array<number>(word_bits).fill(rows), kinds)
  const words = new Uint32Array(rows * classes * word_words)
  let crossing = 0n
  for (const [index, head] of heads.entries()) {
    const offers = Array.from(
      { length: word_bits },
      (_, place): Offer => ({ place, slots: head.sets }),
    )
    const group = places.put(index < judged_max ? offers : offers.slice(0, 1))
    if (head.crosses) crossing |= 1n << BigInt(group)
    for (const [row, symbols] of head.sets.entries())
      for (const symbol of symbols) {
        const at = (row * classes + symbol) * word_words + (group >> 5)
        words[at] = (words[at] ?? 0) | (1 << (group & 31))
      }
  }
  return { words, crossing }
}

function firstBit(place: number): number {
  const in_part = place % runs_of_part.length
  return (
    Math.floor(place / runs_of_part.length) * part_bits +
    runs_of_part.slice(0, in_part).reduce((sum, run) => sum + run.pairs, 0)
  )
}

function bitsOf(bitOf: (first: number, run: Run) => number): bigint {
  return runs.reduce((bits, run, place) => bits | (1n << BigInt(bitOf(firstBit(place), run))), 0n)
}
