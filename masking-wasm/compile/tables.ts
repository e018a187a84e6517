/**
 * The automaton as the bytes that the WASM module reads. The layout is {@link header}'s order; all
 * numbers are little-endian, every section begins at a multiple of 16.
 *
 * @module
 */
import type { Dfa, Entry } from './dfa.ts'
import type { ByteSet } from './expression.ts'
import { filterOf } from './filter.ts'
import { type Landmarks, landmarksOf } from './landmarks.ts'
import type { Nfa } from './nfa.ts'

/** 'SLM3': another layout gets another magic. */
export const magic = 0x334d_4c53

/** State flags, known to `assembly/tables.ts` under the same names. */
export const flag = {
  /** A match ends here whatever follows. */
  now: 1,
  /** A match ends here if the next byte fits. */
  later: 2,
  /** Nothing can follow: the thread ends on arrival. */
  final: 4,
  /** Can read an end of line, now or later. */
  crosses: 8,
  /** Inside a context only: nothing is held back. */
  context: 16,
  /** A context ends here, and its pattern begins. */
  spawns: 32,
  /** Nothing but what has not read its landmark: whether it is there depends on the window. */
  pending: 64,
  /** Of a rule with a check: long numbers, of which many begin that are none. */
  checked: 128,
} as const

/** In `idle` and `echo`: a flush shows everything. */
export const unlimited = 0xffff

/** Threads in such states are never given up, and their number must fit the module's arrays. */
export const crossing_states_max = 192

export interface RuleFacts {
  /** Bytes that may stand after a match; absent: no matter. */
  readonly follow: { readonly set: ByteSet; readonly at_end: boolean } | undefined
  /** 0 for none. */
  readonly check: number
  /** Most bytes that a flush shows of a would-be match. */
  readonly idle: number
  readonly echo: number
}

export type Encoded =
  | { readonly ok: true; readonly tables: Uint8Array }
  | {
      readonly ok: false
      /** Largest share first. */
      readonly rules: readonly number[]
      readonly reason: string
    }

export function encode(
  nfa: Nfa,
  entries: readonly Entry[],
  dfa: Dfa,
  rules: readonly RuleFacts[],
): Encoded {
  const states = dfa.members.length
  const crosses = crossing(dfa)
  const landmarks = landmarksOf(nfa, entries)
  const flags = new Uint8Array(states)
  const accept = new Uint16Array(states)
  const label = new Uint16Array(states)
  const idle = new Uint16Array(states).fill(unlimited)
  const echo = new Uint16Array(states).fill(unlimited)
  const follows = followSets(rules)
  const lists = new AcceptLists()

  let crossing_count = 0
  const crossing_by_rule = new Map<number, number>()
  for (let id = 1; id < states; id++) {
    const facts = factsOf(nfa, dfa.members[id] ?? [], rules)
    accept[id] = lists.add(
      facts.accepts.map((rule) => [rule, follows.index(rule), rules[rule]?.check ?? 0]),
    )
    const later = facts.accepts.some((rule) => follows.index(rule) !== 0)
    const now = facts.accepts.some((rule) => follows.index(rule) === 0)
    let bits = (now ? flag.now : 0) | (later ? flag.later : 0)
    if (!facts.reads && !later) bits |= flag.final
    if (crosses[id] === 1) bits |= flag.crosses
    if (facts.live.length === 0 && facts.accepts.length === 0) bits |= flag.context
    if (dfa.spawn[id] !== 0) bits |= flag.spawns
    const members = dfa.members[id] ?? []
    if (members.length > 0 && members.every((member) => landmarks.pending.has(member)))
      bits |= flag.pending
    if ([...facts.live, ...facts.accepts].some((rule) => (rules[rule]?.check ?? 0) !== 0))
      bits |= flag.checked
    flags[id] = bits
    label[id] = Math.min(...facts.live, rules.length)
    for (const rule of facts.telling) {
      idle[id] = Math.min(idle[id] ?? 0, rules[rule]?.idle ?? 0)
      echo[id] = Math.min(echo[id] ?? 0, rules[rule]?.echo ?? 0)
    }
    if (crosses[id] === 1) {
      crossing_count++
      for (const rule of facts.rules)
        crossing_by_rule.set(rule, (crossing_by_rule.get(rule) ?? 0) + 1)
    }
  }
  if (crossing_count > crossing_states_max)
    return {
      ok: false,
      rules: [...crossing_by_rule].sort((a, b) => b[1] - a[1]).map(([rule]) => rule),
      reason: 'too large for a pattern that can go over an end of line',
    }

  return {
    ok: true,
    tables: pack(
      [states, dfa.classes, rules.length],
      [
        dfa.class_of,
        dfa.next,
        flags,
        accept,
        label,
        idle,
        echo,
        dfa.spawn,
        lists.bytes(),
        follows.bytes(),
        dfa.pattern_start,
        dfa.context_start,
        filterOf(nfa, entries, landmarks, dfa.class_of, dfa.classes),
        marksOf(landmarks),
      ],
    ),
  }
}

interface StateFacts {
  /** All rules that have a part in it, their contexts included. */
  readonly rules: ReadonlySet<number>
  /** Rules that may still match from here, ascending. */
  readonly live: readonly number[]
  /** Those of them that are past their `lead`. */
  readonly telling: readonly number[]
  /** Rules of which a match ends here, ascending. */
  readonly accepts: readonly number[]
  readonly reads: boolean
}

function factsOf(nfa: Nfa, members: readonly number[], rules: readonly RuleFacts[]): StateFacts {
  const all = new Set<number>()
  const live = new Set<number>()
  const telling = new Set<number>()
  const accepts = new Set<number>()
  let reads = false
  for (const member of members) {
    const state = nfa.states[member]
    if (state !== undefined && state.kind !== 'split') all.add(state.rule)
    if (state?.kind === 'accept') {
      accepts.add(state.rule)
      if (rules[state.rule]?.follow !== undefined) {
        live.add(state.rule)
        telling.add(state.rule)
      }
    } else if (state?.kind === 'set') {
      reads = true
      if (state.role !== 'context') live.add(state.rule)
      if (state.role === 'pattern') telling.add(state.rule)
    }
  }
  const ascending = (set: Set<number>): number[] => [...set].sort((a, b) => a - b)
  return {
    rules: all,
    live: ascending(live),
    telling: ascending(telling),
    accepts: ascending(accepts),
    reads,
  }
}

/** Which states can still read an end of line, directly or after a context's end. */
function crossing(dfa: Dfa): Uint8Array {
  const states = dfa.members.length
  const before: number[][] = Array.from({ length: states }, () => [])
  const crosses = new Uint8Array(states)
  const pending: number[] = []
  const line_ends = [dfa.class_of[0x0a] ?? 0, dfa.class_of[0x0d] ?? 0]
  for (let id = 1; id < states; id++) {
    const row = id * dfa.classes
    const spawned = dfa.spawn[id] ?? 0
    if (spawned !== 0) before[spawned]?.push(id)
    let last = 0
    for (let of_class = 0; of_class < dfa.classes; of_class++) {
      const target = dfa.next[row + of_class] ?? 0
      // Neighbouring classes often lead to the same state; one edge is enough.
      if (target !== 0 && target !== last) before[target]?.push(id)
      last = target
    }
    if (line_ends.some((of_class) => dfa.next[row + of_class] !== 0)) {
      crosses[id] = 1
      pending.push(id)
    }
  }
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const from of before[id] ?? []) {
      if (crosses[from] === 1) continue
      crosses[from] = 1
      pending.push(from)
    }
  }
  return crosses
}

/** Behind their count, in 4 bytes, 36 bytes each: the byte, how long a word may be, two of nothing, and its bytes. */
function marksOf({ marks }: Landmarks): Uint8Array {
  const bytes = new Uint8Array(4 + marks.length * 36)
  bytes[0] = marks.length
  for (const [index, mark] of marks.entries()) {
    const at = 4 + index * 36
    bytes[at] = mark.byte
    bytes[at + 1] = mark.word_bytes_max
    bytes.set(bitmapOf(mark.word), at + 4)
  }
  return bytes
}

function bitmapOf(set: ByteSet): Uint8Array {
  const bitmap = new Uint8Array(32)
  for (let byte = 0; byte < 256; byte++)
    if (set[byte] === 1) bitmap[byte >> 3] = (bitmap[byte >> 3] ?? 0) | (1 << (byte & 7))
  return bitmap
}

/** Equal conditions share a number; 0 is "no condition". 40 bytes each: a bitmap, then `at_end`. */
function followSets(rules: readonly RuleFacts[]): {
  index(rule: number): number
  bytes(): Uint8Array
} {
  const encoded: Uint8Array[] = [new Uint8Array(40)]
  const seen = new Map<string, number>()
  const indices = rules.map((rule) => {
    if (rule.follow === undefined) return 0
    const bitmap = new Uint8Array(40)
    bitmap.set(bitmapOf(rule.follow.set))
    bitmap[32] = rule.follow.at_end ? 1 : 0
    const key = bitmap.join()
    const known = seen.get(key)
    if (known !== undefined) return known
    const index = encoded.push(bitmap) - 1
    seen.set(key, index)
    return index
  })
  return {
    index: (rule) => indices[rule] ?? 0,
    bytes: () => Uint8Array.from(encoded.flatMap((bitmap) => [...bitmap])),
  }
}

/** Lists of `[rule, follow, check]` behind their count; a state refers to the count's index. */
class AcceptLists {
  readonly #words: number[] = [0]
  readonly #seen = new Map<string, number>()

  add(entries: readonly (readonly [number, number, number])[]): number {
    if (entries.length === 0) return 0
    const key = entries.join(';')
    const known = this.#seen.get(key)
    if (known !== undefined) return known
    const at = this.#words.length
    this.#words.push(entries.length, ...entries.flat())
    this.#seen.set(key, at)
    return at
  }

  bytes(): Uint16Array {
    return Uint16Array.from(this.#words)
  }
}

const header_words = 32

function pack(
  numbers: readonly number[],
  sections: readonly (Uint8Array | Uint16Array | Uint32Array)[],
): Uint8Array {
  const offsets: number[] = []
  let end = header_words * 4
  for (const section of sections) {
    end = (end + 15) & ~15
    offsets.push(end)
    end += section.byteLength
  }
  const total = (end + 15) & ~15
  const tables = new Uint8Array(total)
  const view = new DataView(tables.buffer)
  const header = [magic, total, ...numbers, ...offsets]
  for (const [index, word] of header.entries()) view.setUint32(index * 4, word, true)
  for (const [index, section] of sections.entries()) {
    const at = offsets[index] ?? 0
    // Little-endian, as the module reads it and as every machine that runs Bun has it.
    tables.set(new Uint8Array(section.buffer, section.byteOffset, section.byteLength), at)
  }
  return tables
}
