/**
 * What a match, or the context of one, begins with: for the byte before it and the first few of its own, which bytes
 * may stand there. The filter is made of these.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import type { ByteSet } from './expression.ts'
import type { Landmarks } from './landmarks.ts'
import type { Nfa } from './nfa.ts'
import { chanceOf } from './places.ts'

/** The byte before and those that are looked at; known to `assembly/scan.ts`. */
export const rows = 14
/** Of these, those that are looked at first. */
export const near_rows = 10

export interface Head {
  /** {@link rows} sets: the byte before, then the first ones. Past a match's end every byte may stand. */
  readonly sets: readonly ByteSet[]
  /** What begins so can go over an end of line. */
  readonly crosses: boolean
}

/**
 * Without repetition. A spawned pattern begins where its context ended and is not looked for, and what has a landmark is
 * found from that.
 */
export function headsOf(
  nfa: Nfa,
  entries: readonly Entry[],
  landmarks: Landmarks,
): readonly Head[] {
  const heads = new Map<string, Head>()
  const spawned = spawnedOf(entries)
  for (const entry of entries) {
    if (entry.kind === 'spawned' || landmarks.entries.has(entry)) continue
    const before = entry.left === undefined ? all_bytes : complement(entry.left)
    for (const state of nfa.closure(entry.state)) {
      const line_end = reachesLineEnd(nfa, state, spawned)
      for (const sets of split(nfa, before, state)) {
        const key = sets.map((set) => set.join('')).join()
        heads.set(key, { sets, crosses: heads.get(key)?.crosses === true || line_end })
      }
    }
  }
  return [...heads.values()]
}

/** Places at which one beginning in so many kinds of streams fits by chance are rare enough. */
const chance_min = 1e-4
const parts_max = 32

/**
 * The beginning at `state` in parts, if it would fit often: `[0-9a-f]{1,4}:` fits nearly all words as one head, where each
 * place has the bytes of all lengths, and hardly any as four.
 */
function split(nfa: Nfa, before: ByteSet, state: number): readonly (readonly ByteSet[])[] {
  const whole: Part = { path: [[state]], sets: [before, ...firstBytes(nfa, [[state]])] }
  const done: (readonly ByteSet[])[] = []
  const pending = [{ part: whole, chance: chanceOf(whole.sets.slice(0, near_rows)) }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const parts =
      next.chance < chance_min || pending.length + done.length >= parts_max
        ? []
        : divided(nfa, next.part.path)
    if (parts.length === 0) {
      done.push(next.part.sets)
      continue
    }
    for (const path of parts) {
      const sets = [before, ...firstBytes(nfa, path)]
      pending.push({ part: { path, sets }, chance: chanceOf(sets.slice(0, near_rows)) })
    }
    pending.sort((a, b) => a.chance - b.chance)
  }
  return done
}

interface Part {
  /** The states that may read the first bytes, as far as it was decided. */
  readonly path: readonly (readonly number[])[]
  readonly sets: readonly ByteSet[]
}

/** The path longer by a place, once for each set of bytes that may be read there; as long as there is but one, further. */
function divided(
  nfa: Nfa,
  path: readonly (readonly number[])[],
): (readonly (readonly number[])[])[] {
  const longer = [...path]
  while (longer.length < near_rows - 1) {
    const by_set = new Map<number, number[]>()
    for (const id of longer.at(-1) ?? []) {
      const one = nfa.states[id]
      if (one?.kind !== 'set') return []
      for (const next of nfa.closure(one.next)) {
        const following = nfa.states[next]
        const set = following?.kind === 'set' ? following.set : -1
        by_set.set(set, [...new Set([...(by_set.get(set) ?? []), next])])
      }
    }
    const choices = [...by_set.values()]
    if (choices.length > 1) return choices.map((states) => [...longer, states])
    longer.push(choices[0] ?? [])
  }
  return []
}

function firstBytes(nfa: Nfa, path: readonly (readonly number[])[]): readonly ByteSet[] {
  const sets: ByteSet[] = []
  let states = new Set(path[0])
  let ended = false
  while (sets.length < rows - 1) {
    const following = new Set<number>()
    const bytes = new Uint8Array(256)
    for (const id of states) {
      const one = nfa.states[id]
      if (one?.kind !== 'set') {
        ended = true
        continue
      }
      const set = nfa.sets[one.set] ?? all_bytes
      for (let byte = 0; byte < 256; byte++) bytes[byte] = (bytes[byte] ?? 0) | (set[byte] ?? 0)
      for (const next of nfa.closure(one.next)) following.add(next)
    }
    // It may have ended before this byte, so nothing that stands here or later may rule it out.
    sets.push(ended ? all_bytes : bytes)
    states = new Set(path[sets.length] ?? following)
  }
  return sets
}

/** By rule: where its pattern begins, behind its context. */
export function spawnedOf(entries: readonly Entry[]): ReadonlyMap<number, number> {
  return new Map(
    entries.flatMap(({ kind, rule, state }) =>
      kind === 'spawned' ? [[rule, state] as const] : [],
    ),
  )
}

/** Can any state from here on read an end of line, the pattern behind a context included? */
export function reachesLineEnd(
  nfa: Nfa,
  from: number,
  spawned: ReadonlyMap<number, number>,
): boolean {
  const seen = new Set([from])
  // A set grows while it is walked, and the walk sees what was added.
  for (const id of seen) {
    const state = nfa.states[id]
    if (state?.kind === 'context_end') {
      const pattern = spawned.get(state.rule)
      if (pattern !== undefined) seen.add(pattern)
    } else if (state?.kind === 'split') for (const next of state.next) seen.add(next)
    else if (state?.kind === 'set') {
      const set = nfa.sets[state.set] ?? all_bytes
      if (set[0x0a] === 1 || set[0x0d] === 1) return true
      seen.add(state.next)
    }
  }
  return false
}

const all_bytes: ByteSet = new Uint8Array(256).fill(1)

function complement(set: ByteSet): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (set[byte] === 1 ? 0 : 1))
}
