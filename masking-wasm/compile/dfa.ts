/**
 * The anchored, combined, deterministic automaton: subset construction over all rules at once.
 * Anchored, because an unanchored one explodes (past 300,000 states at ten rules); it is entered anew
 * at each byte instead, from a start state that depends on the byte before.
 *
 * @module
 */
import type { ByteSet } from './expression.ts'
import type { Nfa } from './nfa.ts'

/** Where a rule begins, and which bytes must not stand before it. */
export interface Entry {
  readonly rule: number
  readonly state: number
  /** `spawned` patterns begin where a context ended, not by themselves. */
  readonly kind: 'pattern' | 'context' | 'spawned'
  readonly left: ByteSet | undefined
}

export interface Dfa {
  /** Byte to class: bytes that no rule tells apart share one. */
  readonly class_of: Uint8Array
  readonly classes: number
  /** `state * classes + class` to state; 0 is dead. */
  readonly next: Uint16Array
  /** The states of the {@link Nfa} behind each state. */
  readonly members: readonly (readonly number[])[]
  /** By the byte before, 256 at the beginning of the stream. */
  readonly pattern_start: Uint16Array
  readonly context_start: Uint16Array
  /** State in which the patterns begin whose contexts end in a state; 0 for none. */
  readonly spawn: Uint16Array
}

export type Built =
  | { readonly ok: true; readonly dfa: Dfa }
  | {
      readonly ok: false
      /** Largest share first. */
      readonly rules: readonly number[]
    }

/** Previous byte of the first byte of a stream. */
export const stream_start = 256

/**
 * States are 16 bits in the tables, and 60,000 of 100 classes are 12 MB. The default packs have a quarter of
 * it: a token without repetition costs a state for each of its bytes. What a stream touches is some hundred rows.
 */
export const states_max = 60_000
/** States may be few and their members many, and it is members that cost time. */
const members_max = 800_000

export function build(nfa: Nfa, entries: readonly Entry[], separators: ByteSet): Built {
  const { class_of, classes, members: bytes } = byteClasses(nfa, entries, separators)
  const set_classes = nfa.sets.map((set) =>
    bytes.flatMap((byte, index) => (set[byte] === 1 ? [index] : [])),
  )
  const members: (readonly number[])[] = [[]]
  const ids = new Map<string, number>([['', 0]])
  const rows: Uint16Array[] = [new Uint16Array(classes)]
  const idOf = (set: readonly number[]): number => {
    const key = set.join()
    const known = ids.get(key)
    if (known !== undefined) return known
    const id = members.push(set) - 1
    ids.set(key, id)
    return id
  }
  const union = (states: readonly number[]): readonly number[] => {
    const first = states[0]
    if (states.length === 1 && first !== undefined) return nfa.closure(first)
    return [...new Set(states.flatMap((state) => nfa.closure(state)))].sort((a, b) => a - b)
  }

  const starts = (kind: Entry['kind']): Uint16Array =>
    Uint16Array.from({ length: 257 }, (_, before) =>
      idOf(
        union(
          entries
            .filter((e) => e.kind === kind && (before === stream_start || e.left?.[before] !== 1))
            .map((e) => e.state),
        ),
      ),
    )
  const pattern_start = starts('pattern')
  const context_start = starts('context')
  const entry_of = new Map<number, number>()
  for (const entry of entries) if (entry.kind === 'spawned') entry_of.set(entry.rule, entry.state)

  const spawn: number[] = [0]
  let work = 0
  for (let id = 1; id < members.length; id++) {
    const set = members[id] ?? []
    work += set.length
    if (members.length > states_max || work > members_max)
      return { ok: false, rules: byShare(nfa, members) }
    const row = new Uint16Array(classes)
    const spawned: number[] = []
    const readers: Reader[] = []
    for (const member of set) {
      const state = nfa.states[member]
      if (state?.kind === 'set')
        readers.push({ classes: set_classes[state.set] ?? [], next: state.next })
      else if (state?.kind === 'context_end') spawned.push(entry_of.get(state.rule) ?? 0)
    }
    fillRow(row, readers, (to) => idOf(union(to)))
    rows.push(row)
    spawn.push(spawned.length === 0 ? 0 : idOf(union(spawned)))
  }

  const next = new Uint16Array(members.length * classes)
  for (const [id, row] of rows.entries()) next.set(row, id * classes)
  return {
    ok: true,
    dfa: {
      class_of,
      classes,
      next,
      members,
      pattern_start,
      context_start,
      spawn: Uint16Array.from(spawn),
    },
  }
}

interface Reader {
  readonly classes: readonly number[]
  readonly next: number
}

/** The transitions of a state whose members read `classes` and go on at `next`. */
function fillRow(
  row: Uint16Array,
  readers: readonly Reader[],
  targetOf: (states: readonly number[]) => number,
): void {
  const only = readers[0]
  if (only !== undefined && readers.length === 1) {
    const target = targetOf([only.next])
    for (const of_class of only.classes) row[of_class] = target
    return
  }
  // Most classes are read by the same few members, so targets are looked up by who reads.
  const by_class: string[] = new Array<string>(row.length).fill('')
  for (const [index, reader] of readers.entries())
    for (const of_class of reader.classes) by_class[of_class] += `${index},`
  const targets = new Map<string, number>([['', 0]])
  for (let of_class = 0; of_class < row.length; of_class++) {
    const who = by_class[of_class] ?? ''
    let target = targets.get(who)
    if (target === undefined) {
      const indices = who.split(',').slice(0, -1)
      target = targetOf(indices.map((index) => readers[Number(index)]?.next ?? 0))
      targets.set(who, target)
    }
    row[of_class] = target
  }
}

/** Two bytes share a class when every set holds both or neither. */
function byteClasses(
  nfa: Nfa,
  entries: readonly Entry[],
  separators: ByteSet,
): { class_of: Uint8Array; classes: number; members: readonly number[] } {
  const line_ends = new Uint8Array(256)
  line_ends[0x0a] = 1
  line_ends[0x0d] = 1
  const lefts = new Set(entries.flatMap((entry) => entry.left ?? []))
  const sets = [...nfa.sets, ...lefts, separators, line_ends]
  const class_of = new Uint8Array(256)
  const seen = new Map<string, number>()
  const members: number[] = []
  for (let byte = 0; byte < 256; byte++) {
    const signature = sets.map((set) => set[byte] ?? 0).join('')
    let id = seen.get(signature)
    if (id === undefined) {
      id = members.push(byte) - 1
      seen.set(signature, id)
    }
    class_of[byte] = id
  }
  return { class_of, classes: members.length, members }
}

function byShare(nfa: Nfa, members: readonly (readonly number[])[]): number[] {
  const shares = new Map<number, number>()
  for (const set of members)
    for (const member of set) {
      const rule = ruleOf(nfa, member)
      shares.set(rule, (shares.get(rule) ?? 0) + 1)
    }
  return [...shares].sort((a, b) => b[1] - a[1]).map(([rule]) => rule)
}

function ruleOf(nfa: Nfa, member: number): number {
  const state = nfa.states[member]
  return state === undefined || state.kind === 'split' ? 0 : state.rule
}
