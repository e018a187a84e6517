/**
 * Expressions as a nondeterministic automaton (Thompson's construction), all rules in one.
 *
 * @module
 */
import type { ByteSet, Expression } from './expression.ts'

/** What part of its rule a state belongs to; it decides what is held back and what a flush may show. */
export type Role = 'context' | 'lead' | 'pattern'

export type NfaState =
  | {
      readonly kind: 'set'
      readonly set: number
      readonly next: number
      readonly rule: number
      readonly role: Role
    }
  | { readonly kind: 'split'; readonly next: number[] }
  | { readonly kind: 'context_end'; readonly rule: number }
  | { readonly kind: 'accept'; readonly rule: number }

/** Repetitions nest, so a short pattern can stand for a huge automaton. */
const states_max = 60_000

export class Nfa {
  readonly states: NfaState[] = []
  readonly sets: ByteSet[] = []
  readonly #set_ids = new Map<string, number>()
  /** A repetition adds the same set object many times. */
  readonly #known_sets = new Map<ByteSet, number>()
  readonly #closures = new Map<number, readonly number[]>()

  accept(rule: number): number {
    return this.#push({ kind: 'accept', rule })
  }

  contextEnd(rule: number): number {
    return this.#push({ kind: 'context_end', rule })
  }

  either(states: readonly number[]): number {
    const only = states[0]
    return states.length === 1 && only !== undefined
      ? only
      : this.#push({ kind: 'split', next: [...states] })
  }

  /** Adds `expression` before state `next`; returns where it begins. Throws {@link NfaTooLarge}. */
  add(expression: Expression, next: number, rule: number, role: Role): number {
    switch (expression.kind) {
      case 'set':
        return this.#push({ kind: 'set', set: this.#setId(expression.set), next, rule, role })
      case 'sequence':
        return expression.parts.reduceRight((to, part) => this.add(part, to, rule, role), next)
      case 'either':
        return this.#push({
          kind: 'split',
          next: expression.parts.map((part) => this.add(part, next, rule, role)),
        })
      case 'repeat':
        return this.#repeat(expression.part, expression.min, expression.max, next, rule, role)
    }
  }

  /** The states that read a byte or accept, reachable from `state` without reading; sorted. */
  closure(state: number): readonly number[] {
    const known = this.#closures.get(state)
    if (known !== undefined) return known
    const seen = new Set<number>()
    const found: number[] = []
    const pending = [state]
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seen.has(at)) continue
      seen.add(at)
      const node = this.states[at]
      if (node?.kind === 'split') pending.push(...node.next)
      else found.push(at)
    }
    found.sort((a, b) => a - b)
    this.#closures.set(state, found)
    return found
  }

  /**
   * The same beginning in another role. A state stands for the byte that it will read, and what is about
   * to read the first byte of a pattern has not read any of it.
   */
  retake(entry: number, role: Role): number {
    return this.#push({
      kind: 'split',
      next: this.closure(entry).map((id) => {
        const state = this.states[id]
        return state?.kind === 'set' ? this.#push({ ...state, role }) : id
      }),
    })
  }

  #repeat(
    part: Expression,
    min: number,
    max: number,
    next: number,
    rule: number,
    role: Role,
  ): number {
    let entry = next
    if (max === Number.POSITIVE_INFINITY) {
      const branches: number[] = [next]
      const loop = this.#push({ kind: 'split', next: branches })
      branches.push(this.add(part, loop, rule, role))
      entry = loop
    } else {
      for (let i = min; i < max; i++)
        entry = this.#push({ kind: 'split', next: [next, this.add(part, entry, rule, role)] })
    }
    for (let i = 0; i < min; i++) entry = this.add(part, entry, rule, role)
    return entry
  }

  #setId(set: ByteSet): number {
    const same = this.#known_sets.get(set)
    if (same !== undefined) return same
    const key = set.join('')
    const id = this.#set_ids.get(key) ?? this.sets.push(set) - 1
    this.#set_ids.set(key, id)
    this.#known_sets.set(set, id)
    return id
  }

  #push(state: NfaState): number {
    if (this.states.length >= states_max) throw new NfaTooLarge()
    return this.states.push(state) - 1
  }
}

/** Caught by the compiler, which knows the rule. */
export class NfaTooLarge extends Error {
  override readonly name = 'NfaTooLarge'
}
