/**
 * What is protected spreads: to parents and children, which have the column under the same name, and to what is generated of
 * one. The target says which these are, so that each step counts: one that lies must not be able to keep the gateway busy.
 *
 * @module
 */
import { TargetError } from '../../../core/errors.ts'
import { catalog_spread_max } from '../limits.ts'
import type { Relation } from './catalog.ts'

type Row = readonly (string | null)[]

export class Spread {
  readonly #relations: ReadonlyMap<number, Relation>
  /** Of a relation: those that have its columns, and whose columns it has. */
  readonly #kin = new Map<number, Set<number>>()
  /** Of a relation: its generated columns, each with one that it is made of. */
  readonly #generated = new Map<number, (readonly [made: number, of: number])[]>()
  #steps = 0

  constructor(
    relations: ReadonlyMap<number, Relation>,
    inherited: readonly Row[],
    generated: readonly Row[],
  ) {
    this.#relations = relations
    for (const [child, parent] of inherited) {
      this.#relate(Number(child), Number(parent))
      this.#relate(Number(parent), Number(child))
    }
    for (const [oid, made, of] of generated) {
      const list = this.#generated.get(Number(oid))
      if (list === undefined) this.#generated.set(Number(oid), [[Number(made), Number(of)]])
      else list.push([Number(made), Number(of)])
    }
  }

  #relate(one: number, other: number): void {
    const kin = this.#kin.get(one)
    if (kin === undefined) this.#kin.set(one, new Set([other]))
    else kin.add(other)
  }

  /** From all that is protected. Tells whether anything came to it; throws a `TargetError` when there is no end of it. */
  run(): boolean {
    const waiting: (readonly [Relation, number])[] = []
    for (const relation of this.#relations.values())
      for (const attribute of relation.protected.keys()) waiting.push([relation, attribute])
    const before = waiting.length
    const protect = (to: Relation, attribute: number, rule: string): boolean => {
      if (to.protected.has(attribute)) return false
      to.protected.set(attribute, rule)
      waiting.push([to, attribute])
      return true
    }
    for (let next = 0; next < waiting.length; next++) {
      const [from, attribute] = waiting[next] ?? []
      const rule = from?.protected.get(attribute ?? 0)
      if (from === undefined || attribute === undefined || rule === undefined) continue
      const name = from.by_attribute.get(attribute)?.name
      for (const oid of name === undefined ? [] : (this.#kin.get(from.oid) ?? [])) {
        this.#step()
        const to = this.#relations.get(oid)
        const same = to?.by_name.get(name ?? '')?.attribute
        if (to === undefined || same === undefined || !protect(to, same, rule)) continue
        const strategy = from.strategies.get(attribute)
        if (strategy !== undefined) to.strategies.set(same, strategy)
      }
      for (const [made, of] of this.#generated.get(from.oid) ?? []) {
        this.#step()
        if (of === attribute) protect(from, made, rule)
      }
    }
    return waiting.length > before
  }

  #step(): void {
    this.#steps += 1
    if (this.#steps > catalog_spread_max)
      throw new TargetError('target_protocol', 'the catalogue of the target is too large')
  }
}
