/**
 * What a match, or the context of one, begins with: for the byte before it and the first few of its own, which bytes
 * may stand there. The filter is made of these.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import type { ByteSet } from './expression.ts'
import type { Nfa } from './nfa.ts'

/** The byte before and the nine that are looked at; known to `assembly/scan.ts`. */
export const rows = 10

export interface Head {
  /** {@link rows} sets: the byte before, then the first ones. Past a match's end every byte may stand. */
  readonly sets: readonly ByteSet[]
  /** What begins so can go over an end of line. */
  readonly crosses: boolean
}

/** Without repetition. A spawned pattern begins where its context ended and is not looked for. */
export function headsOf(nfa: Nfa, entries: readonly Entry[]): readonly Head[] {
  const heads = new Map<string, Head>()
  const spawned = new Map(
    entries.flatMap(({ kind, rule, state }) =>
      kind === 'spawned' ? [[rule, state] as const] : [],
    ),
  )
  for (const entry of entries) {
    if (entry.kind === 'spawned') continue
    const before = entry.left === undefined ? all_bytes : complement(entry.left)
    for (const state of nfa.closure(entry.state)) {
      const sets = [before, ...firstBytes(nfa, state)]
      const key = sets.map((set) => set.join('')).join()
      const crosses = heads.get(key)?.crosses === true || reachesLineEnd(nfa, state, spawned)
      heads.set(key, { sets, crosses })
    }
  }
  return [...heads.values()]
}

function firstBytes(nfa: Nfa, state: number): readonly ByteSet[] {
  const sets: ByteSet[] = []
  let states = new Set([state])
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
    states = following
  }
  return sets
}

/** Can any state from here on read an end of line, the pattern behind a context included? */
function reachesLineEnd(nfa: Nfa, from: number, spawned: ReadonlyMap<number, number>): boolean {
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
