/**
 * The default rule set, by pack.
 *
 * @module
 */
import { cloud } from './cloud.ts'
import { forge } from './forge.ts'
import { general } from './general.ts'
import { person } from './person.ts'
import type { Pack, Rule } from './rule.ts'
import { service } from './service.ts'

export type { Pack, Rule } from './rule.ts'

export const packs: readonly Pack[] = ['secrets', 'pci', 'pii', 'hipaa']

/** In a fixed order, whatever the order of `packs`; where two rules fit alike, the first names the span. */
export function rulesOf(wanted: readonly Pack[]): readonly Rule[] {
  const all: readonly Rule[] = [...cloud, ...forge, ...service, ...general, ...person]
  return all.filter((rule) => rule.pack !== 'custom' && wanted.includes(rule.pack))
}
