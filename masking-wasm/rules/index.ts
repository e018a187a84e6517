/**
 * The default rule set, by pack.
 *
 * @module
 */
import { card } from './card.ts'
import { chat } from './chat.ts'
import { ci } from './ci.ts'
import { cloud } from './cloud.ts'
import { east } from './east.ts'
import { forge } from './forge.ts'
import { general } from './general.ts'
import { health } from './health.ts'
import { hosting } from './hosting.ts'
import { key } from './key.ts'
import { login } from './login.ts'
import { mail } from './mail.ts'
import { model } from './model.ts'
import { network } from './network.ts'
import { observe } from './observe.ts'
import { payment } from './payment.ts'
import { person } from './person.ts'
import { registry } from './registry.ts'
import type { Pack, Rule } from './rule.ts'
import { vault } from './vault.ts'
import { west } from './west.ts'
import { work } from './work.ts'
import { world } from './world.ts'

export type { Pack, Rule } from './rule.ts'

export const packs: readonly Pack[] = ['secrets', 'pci', 'pii', 'hipaa', 'network']

/** On where nobody chose. */
export const default_packs: readonly Pack[] = ['secrets', 'pci']

const all: readonly Rule[] = [
  ...cloud,
  ...hosting,
  ...forge,
  ...ci,
  ...registry,
  ...model,
  ...chat,
  ...payment,
  ...mail,
  ...observe,
  ...work,
  ...vault,
  ...key,
  ...login,
  ...general,
  ...card,
  ...person,
  ...west,
  ...east,
  ...world,
  ...health,
  ...network,
]

/** In a fixed order, whatever the order of `packs`; where two rules fit alike, the first names the span. */
export function rulesOf(wanted: readonly Pack[]): readonly Rule[] {
  return all.filter((rule) => rule.pack !== 'custom' && wanted.includes(rule.pack))
}
