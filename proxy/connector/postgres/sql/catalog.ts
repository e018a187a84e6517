/**
 * What a target's catalogue says: which relations there are, and which of their columns show what is protected.
 *
 * @module
 */

import type { ColumnStrategy } from '../../../core/column.ts'

export interface CatalogColumn {
  readonly attribute: number
  readonly name: string
  /** OID of its type. */
  readonly type: number
}

export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** In the order of the table. */
  readonly columns: readonly CatalogColumn[]
  readonly by_name: ReadonlyMap<string, CatalogColumn>
  readonly by_attribute: ReadonlyMap<number, CatalogColumn>
  /** The rule of each protected column, by attribute. Grows while the catalogue is read. */
  readonly protected: Map<number, string>
  /** Of those that are configured, and the same ones of tables that inherit: what becomes of their values. */
  readonly strategies: Map<number, ColumnStrategy>
}

export interface Catalog {
  readonly relations: ReadonlyMap<number, Relation>
  /** In whichever schema: a search path decides, and may change. */
  readonly by_name: ReadonlyMap<string, readonly Relation[]>
  /** Names of functions that only compute: PostgreSQL's own and those of known extensions, and nobody else's too. */
  readonly builtins: ReadonlySet<string>
  /** ... of functions that take a whole row: `people.row_to_json` is a call of one. */
  readonly of_rows: ReadonlySet<string>
}

/** The rule of a column, as an Analyser gives it: what is not known is protected. */
export function ruleOf(
  catalog: Catalog,
  relation: number,
  attribute: number,
  unknown: string,
  are_strangers_own: boolean,
): string | undefined {
  const found = catalog.relations.get(relation)
  if (found === undefined) return are_strangers_own ? undefined : unknown
  // Columns of the system: where a row lies, and who wrote it.
  if (attribute < 0) return undefined
  // All of a row.
  if (attribute === 0) return [...found.protected.values()][0]
  const rule = found.protected.get(attribute)
  if (rule !== undefined) return rule
  return found.by_attribute.has(attribute) ? undefined : unknown
}
