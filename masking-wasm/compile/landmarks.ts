/**
 * Rules that begin with any word, and go on only if a rare byte ends it: an e-mail address and its `@`. Their beginning
 * is found from that byte, back over the word, instead of following each word to see what comes.
 *
 * It is possible where the bytes of the word are just those that must not stand before it: then the word's first byte is
 * the only place at which a match can begin, and a function of the bytes alone.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import type { ByteSet } from './expression.ts'
import { reachesLineEnd, spawnedOf } from './heads.ts'
import type { Nfa } from './nfa.ts'
import { rarity } from './places.ts'

export interface Landmark {
  /** The byte that ends the word. */
  readonly byte: number
  /** What the word is made of; it is not preceded by any of them. */
  readonly word: ByteSet
  /** Its bytes, at most. */
  readonly word_bytes_max: number
}

export interface Landmarks {
  readonly marks: readonly Landmark[]
  /** Found from a mark, so no beginnings for the rest of the filter. */
  readonly entries: ReadonlySet<Entry>
  /** States of the {@link Nfa} that have not read their mark. */
  readonly pending: ReadonlySet<number>
}

/** Known to `assembly/scan.ts`: each is looked for in all bytes. What is over is found like everything else. */
export const landmarks_max = 4
/** Known to `assembly/scan.ts`. */
const word_bytes_limit = 128

export function landmarksOf(nfa: Nfa, entries: readonly Entry[]): Landmarks {
  const marks = new Map<string, Landmark>()
  const found = new Set<Entry>()
  const pending = new Set<number>()
  const spawned = spawnedOf(entries)
  for (const entry of entries) {
    const one = landmarkOf(nfa, entry)
    // Where everything is masked up to the line's end, no mark is looked for.
    if (one === undefined || reachesLineEnd(nfa, entry.state, spawned)) continue
    const key = `${one.mark.byte} ${one.mark.word_bytes_max} ${one.mark.word.join('')}`
    if (!marks.has(key) && marks.size === landmarks_max) continue
    marks.set(key, one.mark)
    found.add(entry)
    for (const state of one.pending) pending.add(state)
  }
  return { marks: [...marks.values()], entries: found, pending }
}

function landmarkOf(
  nfa: Nfa,
  { kind, state, left }: Entry,
): { readonly mark: Landmark; readonly pending: ReadonlySet<number> } | undefined {
  if (kind === 'spawned' || left === undefined) return undefined
  const pending = new Set<number>()
  let byte: number | undefined
  let states = new Set(nfa.closure(state))
  let length = 0
  // In step with the word's bytes; a repetition without end never comes out of it.
  for (; states.size > 0; length++) {
    if (length > word_bytes_limit) return undefined
    const following = new Set<number>()
    for (const id of states) {
      const one = nfa.states[id]
      if (one?.kind !== 'set') return undefined
      pending.add(id)
      const set = nfa.sets[one.set]
      if (set === undefined) return undefined
      if (set.every((has, of) => has === left[of])) {
        for (const next of nfa.closure(one.next)) following.add(next)
        continue
      }
      const only = set.indexOf(1)
      if (length === 0 || left[only] === 1 || set.includes(1, only + 1)) return undefined
      if (byte !== undefined && byte !== only) return undefined
      byte = only
    }
    states = following
  }
  if (byte === undefined) return undefined
  const mark = { byte, word: left, word_bytes_max: length - 1 }
  return rarity(byte) * rarer < rarity(left) ? { mark, pending } : undefined
}

/** A mark costs more than a byte of a word, so it must be rarer by far. */
const rarer = 8
