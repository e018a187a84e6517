/**
 * The filter that finds where a match may begin, in two steps. **Pairs**, looked at two bytes apart: which
 * pair of neighbouring bytes may stand at which rows of a head; runs of them are followed by shift-and.
 * **Rows**, for a place that the pairs let through: which bytes may stand at each row. Both may only be too
 * generous; the automaton decides.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import { type Head, headsOf, rows } from './heads.ts'
import type { Landmarks } from './landmarks.ts'
import type { Nfa } from './nfa.ts'
import { kindsOf, type Offer, Places, type Symbols } from './places.ts'

/** A run of pairs: rows `row` and `row + 1`, then the next two, and so on. Row 0 is the byte before. */
interface Run {
  readonly row: number
  readonly pairs: number
}

/**
 * They fill {@link word_bits}, in this order. Every second place is looked at, so each head stands in a run that begins
 * at an even row and in one that begins at an odd row. Two long ones keep two kinds of numbers apart; the others are
 * short, so that there are many of them, and few heads share one.
 */
const runs: readonly Run[] = [
  ...copies(2, { row: 0, pairs: 5 }),
  ...copies(4, { row: 0, pairs: 3 }),
  ...copies(3, { row: 2, pairs: 3 }),
  ...copies(2, { row: -1, pairs: 5 }),
  ...copies(6, { row: 1, pairs: 3 }),
  { row: -1, pairs: 3 },
]
/** Of a word of the pairs and one of the rows, which has a bit for each group of heads. */
const word_bits = 64
/** Each costs a third of a millisecond to place, and a person wrote the rules; more go where the first could. */
const judged_max = 1000

/** Offsets known to `assembly/scan.ts`; 32 bytes of numbers and 64 of {@link backOf} before them. */
const pairs_at = 96
const rows_at = pairs_at + 65_536 * 8
const filter_bytes = rows_at + rows * 256 * 8

export function filterOf(
  nfa: Nfa,
  entries: readonly Entry[],
  landmarks: Landmarks,
  class_of: Uint8Array,
  classes: number,
): Uint8Array {
  const kinds = kindsOf(class_of, classes)
  const heads = byGenerosity(headsOf(nfa, entries, landmarks), class_of, kinds)
  const pairs = pairsOf(heads, classes, kinds)
  const words = rowsOf(heads, classes, kinds)

  const filter = new Uint8Array(filter_bytes)
  const view = new DataView(filter.buffer)
  view.setBigUint64(
    0,
    bitsOf((bit) => bit),
    true,
  )
  view.setBigUint64(
    8,
    bitsOf((bit, run) => bit + run.pairs - 1),
    true,
  )
  view.setBigUint64(16, pairs.crossing, true)
  view.setBigUint64(24, words.crossing, true)
  filter.set(backOf(), 32)
  for (let first = 0; first < 256; first++)
    for (let second = 0; second < 256; second++) {
      const pair = (class_of[first] ?? 0) * classes + (class_of[second] ?? 0)
      copyWord(pairs.words, pair, view, pairs_at + (first | (second << 8)) * 8)
    }
  for (let row = 0; row < rows; row++)
    for (let byte = 0; byte < 256; byte++)
      copyWord(
        words.words,
        row * classes + (class_of[byte] ?? 0),
        view,
        rows_at + (row * 256 + byte) * 8,
      )
  return filter
}

/** A head as the classes of bytes that may stand at each row. */
interface ClassHead {
  readonly sets: readonly Symbols[]
  readonly crosses: boolean
}

interface Words {
  /** Two halves each, the low one first. */
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
        head.sets.reduce(
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
  )
  const every = Uint16Array.from({ length: classes }, (_, index) => index)
  const words = new Uint32Array(classes * classes * 2)
  let crossing = 0n
  for (const [index, head] of heads.entries()) {
    // By the row of its first byte; runs share most of them.
    const pairs = Array.from({ length: rows }, (_, at) =>
      product(head.sets[at - 1] ?? every, head.sets[at] ?? every, classes),
    )
    const offers = runs.map(
      (run, place): Offer => ({
        place,
        slots: Array.from(
          { length: run.pairs },
          (_, pair) => pairs[run.row + 1 + pair * 2] ?? new Uint16Array(0),
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

function copyWord(words: Uint32Array, index: number, view: DataView, at: number): void {
  view.setUint32(at, words[index * 2] ?? 0, true)
  view.setUint32(at + 4, words[index * 2 + 1] ?? 0, true)
}

function copies(count: number, run: Run): readonly Run[] {
  return new Array<Run>(count).fill(run)
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
    const at = (symbols[index] ?? 0) * 2 + (bit >> 5)
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
  const words = new Uint32Array(rows * classes * 2)
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
        const at = (row * classes + symbol) * 2 + (group >> 5)
        words[at] = (words[at] ?? 0) | (1 << (group & 31))
      }
  }
  return { words, crossing }
}

function firstBit(place: number): number {
  return runs.slice(0, place).reduce((sum, run) => sum + run.pairs, 0)
}

function bitsOf(bitOf: (first: number, run: Run) => number): bigint {
  return runs.reduce((bits, run, place) => bits | (1n << BigInt(bitOf(firstBit(place), run))), 0n)
}

/** By the bit of a run's last pair: how far before the pair the head begins. */
function backOf(): Uint8Array {
  const back = new Uint8Array(word_bits)
  for (const [place, run] of runs.entries())
    back[firstBit(place) + run.pairs - 1] = run.row + 2 * run.pairs - 3
  return back
}
