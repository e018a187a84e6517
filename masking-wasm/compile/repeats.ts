/**
 * What need not begin, since it is under way: of `%?B` the match that begins with `%` reads on as one that begins with the `B` would, ends where
 * that does, and covers it. So behind a `%` none begins with `B`, and nobody pays for two.
 *
 * It holds for rules that may stand behind any byte, as then the other did begin, and that have no check, which asks where a match begins.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import type { Nfa } from './nfa.ts'

/** The same beginnings, but for those that one at the byte before covers. */
export function withoutRepeats(nfa: Nfa, entry: Entry): readonly Entry[] {
  if (entry.left !== undefined) return [entry]
  const members = nfa.closure(entry.state)
  const by_left = new Map<string, { readonly left: Uint8Array; readonly states: number[] }>()
  for (const member of members) {
    const left = new Uint8Array(256)
    for (const other of members) {
      const state = nfa.states[other]
      if (state?.kind !== 'set' || !nfa.closure(state.next).includes(member)) continue
      nfa.sets[state.set]?.forEach((has, byte) => {
        if (has === 1) left[byte] = 1
      })
    }
    const key = left.join('')
    const same = by_left.get(key) ?? { left, states: [] }
    same.states.push(member)
    by_left.set(key, same)
  }
  if (by_left.size === 1 && [...by_left.values()][0]?.left.includes(1) !== true) return [entry]
  return [...by_left.values()].map(({ left, states }) => ({
    ...entry,
    state: nfa.either(states),
    left: left.includes(1) ? left : undefined,
  }))
}
