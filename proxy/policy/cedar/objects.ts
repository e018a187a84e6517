/**
 * Which objects a name may mean. A name without a schema is each that the path of the session leads to. Where the path is
 * not known it is every object of that name that a policy speaks of, so that no rule is passed by leaving a schema out; and
 * itself, so that no rule which lists what is allowed is satisfied by it.
 *
 * @module
 */
import { quotedName, splitName } from '../risk/statement.ts'

export interface Lookup {
  readonly account: string
  readonly schemas: readonly string[] | undefined
  /** Texts with a dot that policies have. */
  readonly named: readonly string[]
}

export function objectsMeant(objects: readonly string[], lookup: Lookup): ReadonlySet<string> {
  const meant = new Set<string>()
  for (const object of objects) for (const each of meantBy(object, lookup)) meant.add(each)
  return meant
}

function meantBy(object: string, { account, schemas, named }: Lookup): readonly string[] {
  if (object === '*') return [object, ...named]
  const [first = '', second] = splitName(object)
  if (second === undefined) {
    // PostgreSQL's own schema comes first, whatever the path says.
    const own = first.startsWith('pg_') ? [`pg_catalog.${object}`] : []
    if (schemas === undefined || schemas.length === 0)
      return [object, ...own, ...ofName(first, named)]
    const meant = schemas.map((schema) => quotedName(schema === '$user' ? account : schema))
    return [...own, ...meant.map((schema) => `${schema}.${object}`)]
  }
  if (second !== '*' || object.endsWith('"')) return [object]
  return [object, ...named.filter((each) => splitName(each)[0] === first)]
}

const ofName = (name: string, named: readonly string[]): readonly string[] =>
  named.filter((each) => splitName(each).at(-1) === name)
