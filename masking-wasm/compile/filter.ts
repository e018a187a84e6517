/**
 * The filter that finds where a match may begin: for each pair of neighbouring bytes and each depth one
 * bit, "this pair may stand as bytes k and k+1 of something". The beginnings are in groups, by how soon
 * they can end, so that short ones do not blunt the filter for long ones, and by likeness, so that two
 * kinds of numbers do not let everything through that is made of both. It may only be too generous; the
 * automaton decides.
 *
 * @module
 */
import type { Entry } from './dfa.ts'
import type { ByteSet } from './expression.ts'
import type { Nfa } from './nfa.ts'

interface Group {
  readonly bit: number
  /** Pairs from the first byte on. */
  readonly depths: number
  /** 1: the pair before these is of the byte before and the first. */
  readonly left: 0 | 1
}

/** They fill 32 bits. Known to `assembly/scan.ts`. */
const groups: readonly Group[] = [
  { bit: 0, depths: 3, left: 0 },
  { bit: 3, depths: 5, left: 0 },
  { bit: 8, depths: 7, left: 0 },
  { bit: 15, depths: 8, left: 1 },
  { bit: 24, depths: 7, left: 1 },
]
/** The byte before and as many as the deepest group sees. */
const rows = 10
/** Each costs a third of a millisecond to place, and a person wrote the rules; more go into the first group. */
const judged_max = 1000

/** Indexed as the module loads it: two neighbouring bytes as one little-endian number. */
export function filterOf(
  nfa: Nfa,
  entries: readonly Entry[],
  class_of: Uint8Array,
  classes: number,
): Uint32Array {
  const pairs = new Uint32Array(classes * classes)
  const classesOf = (set: ByteSet): readonly number[] => [
    ...new Set([...set].flatMap((bit, byte) => (bit === 1 ? [class_of[byte] ?? 0] : []))),
  ]
  const set_classes = nfa.sets.map(classesOf)
  const every = Array.from({ length: classes }, (_, index) => index)
  const mark = (first: readonly number[], second: readonly number[], bit: number): void => {
    for (const a of first)
      for (const b of second) pairs[a * classes + b] = (pairs[a * classes + b] ?? 0) | bit
  }

  for (const [index, heads] of grouped(nfa, headsOf(nfa, entries)).entries()) {
    const { bit, depths, left } = groups[index] ?? { bit: 0, depths: 0, left: 0 }
    if (left === 1)
      for (const head of heads) {
        const state = nfa.states[head.state]
        const before = head.left === undefined ? every : classesOf(complement(head.left))
        if (state?.kind === 'set') mark(before, set_classes[state.set] ?? [], 1 << bit)
      }
    let states = new Set(heads.map((head) => head.state))
    for (let depth = left; depth < depths + left; depth++) {
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
            for (let later = depth + 1; later < depths + left; later++)
              mark(every, every, 1 << (bit + later))
          }
        }
      }
      states = following
    }
  }

  const filter = new Uint32Array(65_536)
  for (let first = 0; first < 256; first++) {
    const row = (class_of[first] ?? 0) * classes
    for (let second = 0; second < 256; second++)
      filter[first | (second << 8)] = pairs[row + (class_of[second] ?? 0)] ?? 0
  }
  return filter
}

interface Head {
  readonly state: number
  readonly left: ByteSet | undefined
}

/** What of a head tells how alike it is to others. */
interface JudgedHead extends Head {
  /** Bytes to the first end, counted up to the deepest group. */
  readonly shortest: number
  /** The byte before, then the first ones: which bytes may stand there. */
  readonly shape: readonly Uint8Array[]
  readonly cost: number
}

function headsOf(nfa: Nfa, entries: readonly Entry[]): readonly Head[] {
  return entries.flatMap((entry) =>
    entry.kind === 'spawned'
      ? []
      : nfa.closure(entry.state).map((state) => ({ state, left: entry.left })),
  )
}

function judged(nfa: Nfa, { state, left }: Head): JudgedHead {
  const shape = [left === undefined ? all_bytes : complement(left)]
  let shortest = rows - 1
  let states = new Set([state])
  for (let row = 1; row < rows; row++) {
    const following = new Set<number>()
    const bytes = new Uint8Array(256)
    for (const id of states) {
      const one = nfa.states[id]
      if (one?.kind !== 'set') {
        shortest = Math.min(shortest, row - 1)
        continue
      }
      const set = nfa.sets[one.set] ?? all_bytes
      for (let byte = 0; byte < 256; byte++) bytes[byte] = (bytes[byte] ?? 0) | (set[byte] ?? 0)
      for (const next of nfa.closure(one.next)) following.add(next)
    }
    shape.push(shortest < row ? all_bytes : bytes)
    states = following
  }
  return { state, left, shortest, shape, cost: costOf(shape, 0, rows - 1) }
}

/**
 * The most generous first, each goes into that group which lets least more through with it, of those
 * that do not look beyond its end; what is shorter than all, into the first.
 */
function grouped(nfa: Nfa, heads: readonly Head[]): readonly (readonly Head[])[] {
  const members: Head[][] = groups.map((_, index) => (index === 0 ? heads.slice(judged_max) : []))
  const shapes: (readonly Uint8Array[])[] = groups.map(() =>
    Array.from({ length: rows }, () => new Uint8Array(256)),
  )
  const costs = groups.map(() => 0)
  const some = heads.slice(0, judged_max).map((head) => judged(nfa, head))
  for (const head of some.sort((a, b) => b.cost - a.cost)) {
    let best = 0
    let best_shape = head.shape
    let least = Number.POSITIVE_INFINITY
    for (const [index, { depths, left }] of groups.entries()) {
      if (index > 0 && head.shortest <= depths) continue
      const shape = union(shapes[index] ?? [], head.shape)
      const more = costOf(shape, 1 - left, depths + 1) - (costs[index] ?? 0)
      if (more >= least) continue
      best = index
      best_shape = shape
      least = more
    }
    members[best]?.push(head)
    shapes[best] = best_shape
    costs[best] = (costs[best] ?? 0) + least
  }
  return members
}

const all_bytes: ByteSet = new Uint8Array(256).fill(1)

function complement(set: ByteSet): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (set[byte] === 1 ? 0 : 1))
}

function union(one: readonly Uint8Array[], other: readonly Uint8Array[]): readonly Uint8Array[] {
  return one.map((set, row) => {
    const both = set.slice()
    const more = other[row] ?? all_bytes
    for (let byte = 0; byte < 256; byte++) if (more[byte] === 1) both[byte] = 1
    return both
  })
}

/** How often rows `from` to `to` fit by chance, summed over kinds of streams. */
function costOf(shape: readonly Uint8Array[], from: number, to: number): number {
  const chances = kinds.map(() => 1)
  for (let row = from; row <= to; row++) {
    const set = shape[row] ?? all_bytes
    for (const [kind, shares] of kinds.entries()) {
      let share = 0
      for (let byte = 0; byte < 256; byte++) share += (set[byte] ?? 0) * (shares[byte] ?? 0)
      chances[kind] = (chances[kind] ?? 0) * share
    }
  }
  return chances.reduce((sum, chance) => sum + chance, 0)
}

/**
 * Prose, numbers, codes and arbitrary bytes, without regard to any one corpus; apart, since in a number
 * the next byte is most likely a digit too.
 */
const kinds: readonly Float64Array[] = [
  kindOf(
    [0.78, 'abcdefghijklmnopqrstuvwxyz'],
    [0.08, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'],
    [0.14, ' _-.,:/="\''],
  ),
  kindOf([0.8, '0123456789'], [0.2, ' -:.,']),
  kindOf([0.9, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'], [0.1, '+/=_-\n']),
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
