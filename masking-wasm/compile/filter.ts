/**
 * The filter that finds where a match may begin while none is under way: for each pair of neighbouring
 * bytes and each depth one bit, "this pair may stand as bytes k and k+1 of something". The beginnings
 * are in three groups by how soon they can end, so that short ones do not blunt the filter for long
 * ones. It may only be too generous; the automaton decides.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import type { Nfa } from './nfa.ts'

/** First bit and number of depths of each group; they fill 16 bits. Known to `assembly/scan.ts`. */
const groups: readonly { readonly bit: number; readonly depths: number }[] = [
  { bit: 0, depths: 3 },
  { bit: 3, depths: 5 },
  { bit: 8, depths: 8 },
]

/** Indexed as the module loads it: two neighbouring bytes as one little-endian number. */
export function filterOf(
  nfa: Nfa,
  entries: readonly Entry[],
  class_of: Uint8Array,
  classes: number,
): Uint16Array {
  const pairs = new Uint16Array(classes * classes)
  const set_classes = nfa.sets.map((set) => [
    ...new Set([...set].flatMap((bit, byte) => (bit === 1 ? [class_of[byte] ?? 0] : []))),
  ])
  const every = Array.from({ length: classes }, (_, index) => index)
  const mark = (first: readonly number[], second: readonly number[], bit: number): void => {
    for (const a of first)
      for (const b of second) pairs[a * classes + b] = (pairs[a * classes + b] ?? 0) | bit
  }

  const heads = new Set(
    entries.flatMap((entry) => (entry.kind === 'spawned' ? [] : nfa.closure(entry.state))),
  )
  for (const { bit, depths } of groups) {
    let states = new Set([...heads].filter((head) => groupOf(nfa, head).bit === bit))
    for (let depth = 0; depth < depths; depth++) {
      const following = new Set<number>()
      const marked = new Set<string>()
      for (const id of states) {
        const state = nfa.states[id]
        if (state?.kind !== 'set') continue
        const first = set_classes[state.set] ?? []
        for (const next of nfa.closure(state.next)) {
          const then = nfa.states[next]
          if (then?.kind === 'set') {
            following.add(next)
            const key = `${state.set} ${then.set}`
            if (!marked.has(key)) mark(first, set_classes[then.set] ?? [], 1 << (bit + depth))
            marked.add(key)
          } else {
            // It has ended after this byte, so nothing that comes next and later may rule it out.
            mark(first, every, 1 << (bit + depth))
            for (let later = depth + 1; later < depths; later++)
              mark(every, every, 1 << (bit + later))
          }
        }
      }
      states = following
    }
  }

  const filter = new Uint16Array(65_536)
  for (let first = 0; first < 256; first++) {
    const row = (class_of[first] ?? 0) * classes
    for (let second = 0; second < 256; second++)
      filter[first | (second << 8)] = pairs[row + (class_of[second] ?? 0)] ?? 0
  }
  return filter
}

/** The deepest group in which whatever begins at `head` cannot end. */
function groupOf(nfa: Nfa, head: number): (typeof groups)[number] {
  const shortest = shortestFrom(nfa, head)
  const fits = groups.filter((group) => shortest > group.depths)
  return fits.at(-1) ?? { bit: 0, depths: 3 }
}

/** Bytes to the first end, counted up to the deepest group. */
function shortestFrom(nfa: Nfa, head: number): number {
  let states = new Set([head])
  for (let bytes = 0; bytes <= 8; bytes++) {
    const following = new Set<number>()
    for (const id of states) {
      const state = nfa.states[id]
      if (state?.kind !== 'set') return bytes
      for (const next of nfa.closure(state.next)) following.add(next)
    }
    states = following
  }
  return 9
}
