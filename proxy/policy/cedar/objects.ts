/**
 * Which objects a name may mean. A name without a schema is each that the path of the session leads to. Where the path is
 * not known it is every object of that name that is known; and itself, so that no rule which lists what is allowed is satisfied
 * by it. What stands for others (a view, a child, a parent) is also those of them that a policy speaks of.
 *
 * @module
 */
import type { Lookup } from '../../core/statement.ts'
import { quotedName, splitName } from '../risk/statement.ts'

export interface Meaning {
  readonly account: string
  readonly lookup: Lookup | undefined
  /** Texts with a dot that policies have. */
  readonly named: readonly string[]
}

export function objectsMeant(objects: readonly string[], meaning: Meaning): ReadonlySet<string> {
  const meant = new Set<string>()
  for (const object of objects) for (const each of meantBy(object, meaning)) meant.add(each)
  const { lookup, named } = meaning
  if (lookup?.reads !== undefined && named.length > 0)
    for (const each of reached(meant, lookup)) if (named.includes(each)) meant.add(each)
  return meant
}

function meantBy(object: string, { account, lookup, named }: Meaning): readonly string[] {
  if (object === '*') return [object, ...named]
  const [first = '', second] = splitName(object)
  if (second === undefined) {
    // PostgreSQL's own schema comes first, whatever the path says.
    const own = first.startsWith('pg_') ? [`pg_catalog.${object}`] : []
    const schemas = lookup?.schemas
    if (schemas === undefined || schemas.length === 0) {
      const known = [...named, ...(lookup?.reads?.keys() ?? []), ...(lookup?.part_of?.keys() ?? [])]
      return [object, ...own, ...known.filter((each) => splitName(each).at(-1) === first)]
    }
    const meant = schemas.map((schema) => quotedName(schema === '$user' ? account : schema))
    return [...own, ...meant.map((schema) => `${schema}.${object}`)]
  }
  if (second !== '*' || object.endsWith('"')) return [object]
  return [object, ...named.filter((each) => splitName(each)[0] === first)]
}

/** Through views and down to children; and from each of these up to whose rows it has a part of, and not down again. */
function reached(objects: ReadonlySet<string>, { reads, part_of }: Lookup): ReadonlySet<string> {
  const down = new Set(objects)
  for (const each of down) for (const next of reads?.get(each) ?? []) down.add(next)
  const up = new Set(down)
  for (const each of up) for (const next of part_of?.get(each) ?? []) up.add(next)
  return up
}
