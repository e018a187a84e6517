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
import type { Nfa } from './nfa.ts'
import { kindsOf, type Offer, Places, type Symbols } from './places.ts'

/** A run of pairs: rows `row` and `row + 1`, then the next two, and so on. Row 0 is the byte before. */
interface Run {
  readonly row: number
  readonly pairs: number
}

/**
 * They fill 32 bits, in this order. Every second place is looked at, so each head stands in a run that begins at
 * an even row and in one that begins at an odd row. Two long ones keep two kinds of numbers apart; short ones,
 * so that short heads do not blunt them.
 */
const runs: readonly Run[] = [
  { row: 0, pairs: 5 },
  { row: 0, pairs: 5 },
  { row: 0, pairs: 2 },
  { row: 0, pairs: 2 },
  { row: 2, pairs: 2 },
  { row: -1, pairs: 5 },
  { row: -1, pairs: 5 },
  { row: 1, pairs: 2 },
  { row: 1, pairs: 2 },
  { row: -1, pairs: 2 },
]
/** A bit each of a word of the rows. */
const row_groups = 32
/** Each costs a third of a millisecond to place, and a person wrote the rules; more go where the first could. */
const judged_max = 1000

/** Offsets known to `assembly/scan.ts`; 16 bytes of numbers and 32 of {@link backOf} before them. */
const pairs_at = 48
const rows_at = pairs_at + 65_536 * 4
const filter_bytes = rows_at + rows * 256 * 4

export function filterOf(
  nfa: Nfa,
  entries: readonly Entry[],
  class_of: Uint8Array,
  classes: number,
): Uint8Array {
  const kinds = kindsOf(class_of, classes)
  const heads = byGenerosity(headsOf(nfa, entries), class_of, kinds)
  const pairs = pairsOf(heads, classes, kinds)
  const words = rowsOf(heads, classes, kinds)

  const filter = new Uint8Array(filter_bytes)
  const view = new DataView(filter.buffer)
  view.setUint32(
    0,
    bitsOf((bit) => bit),
    true,
  )
  view.setUint32(
    4,
    bitsOf((bit, run) => bit + run.pairs - 1),
    true,
  )
  view.setUint32(8, pairs.crossing, true)
  view.setUint32(12, words.crossing, true)
  filter.set(backOf(), 16)
  for (let first = 0; first < 256; first++)
    for (let second = 0; second < 256; second++) {
      const pair = (class_of[first] ?? 0) * classes + (class_of[second] ?? 0)
      view.setUint32(pairs_at + (first | (second << 8)) * 4, pairs.words[pair] ?? 0, true)
    }
  for (let row = 0; row < rows; row++)
    for (let byte = 0; byte < 256; byte++) {
      const word = words.words[row * classes + (class_of[byte] ?? 0)] ?? 0
      view.setUint32(rows_at + (row * 256 + byte) * 4, word, true)
    }
  return filter
}

/** A head as the classes of bytes that may stand at each row. */
interface ClassHead {
  readonly sets: readonly Symbols[]
  readonly crosses: boolean
}

interface Words {
  readonly words: Uint32Array
  /** The bits behind which something may go over an end of line: the last ones of runs, or groups. */
  readonly crossing: number
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
  const words = new Uint32Array(classes * classes)
  let crossing = 0
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
      if (head.crosses) crossing |= 1 << (bit + (runs[chosen]?.pairs ?? 0) - 1)
      for (const [pair, symbols] of (offers[chosen]?.slots ?? []).entries())
        setBit(words, symbols, bit + pair)
    }
  }
  return { words, crossing: crossing >>> 0 }
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
    const symbol = symbols[index] ?? 0
    words[symbol] = (words[symbol] ?? 0) | (1 << bit)
  }
}

/** For each row and class a bit for each group of heads. */
function rowsOf(
  heads: readonly ClassHead[],
  classes: number,
  kinds: readonly Float64Array[],
): Words {
  const places = new Places(new Array<number>(row_groups).fill(rows), kinds)
  const words = new Uint32Array(rows * classes)
  let crossing = 0
  for (const [index, head] of heads.entries()) {
    const offers = Array.from(
      { length: row_groups },
      (_, place): Offer => ({ place, slots: head.sets }),
    )
    const group = places.put(index < judged_max ? offers : offers.slice(0, 1))
    if (head.crosses) crossing |= 1 << group
    for (const [row, symbols] of head.sets.entries())
      for (const symbol of symbols) {
        const at = row * classes + symbol
        words[at] = (words[at] ?? 0) | (1 << group)
      }
  }
  return { words, crossing: crossing >>> 0 }
}

function firstBit(place: number): number {
  return runs.slice(0, place).reduce((sum, run) => sum + run.pairs, 0)
}

function bitsOf(bitOf: (first: number, run: Run) => number): number {
  return runs.reduce((bits, run, place) => bits | (1 << bitOf(firstBit(place), run)), 0) >>> 0
}

/** By the bit of a run's last pair: how far before the pair the head begins. */
function backOf(): Uint8Array {
  const back = new Uint8Array(32)
  for (const [place, run] of runs.entries())
    back[firstBit(place) + run.pairs - 1] = run.row + 2 * run.pairs - 3
  return back
}
