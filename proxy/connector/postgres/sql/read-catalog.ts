/**
 * From the rows of a target's system tables to what is protected: the configured columns, the same ones of tables that
 * inherit, those that are generated of them, and every column of a view that may show of one.
 *
 * @module
 */
import type { ColumnRule } from '../../../core/column.ts'
import { catalog_steps_max, statement_bytes_max } from '../limits.ts'
import { computed_rule } from '../plan.ts'
import type { Catalog, CatalogColumn, Relation } from './catalog.ts'
import { Spread } from './spread.ts'
import { taintOf } from './taint.ts'
import { type Parsed, parse } from './tree.ts'

type Row = readonly (string | null)[]

/** Answers of {@link catalog_query}, statement by statement. */
export type CatalogRows = readonly (readonly Row[])[]

const system = 'pg_catalog'
const of_system = new Set(['pg_catalog', 'information_schema'])
/** Extensions whose functions compute from what they are given, and read nothing. */
const computing = [
  ...['uuid-ossp', 'pgcrypto', 'citext', 'hstore', 'pg_trgm', 'ltree', 'intarray', 'unaccent'],
  ...['fuzzystrmatch', 'btree_gin', 'btree_gist', 'cube', 'earthdistance', 'isn', 'seg', 'vector'],
]

/** A session sees its own temporary tables alone, and those come after this was read: another's have nothing to do with it. */
const is_lasting = `c.relpersistence <> 't'`

export const catalog_query: string = `
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','v','m','f','p','S') AND ${is_lasting};
SELECT a.attrelid, a.attnum, a.attname, a.atttypid FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r','v','m','f','p','S') AND ${is_lasting}
  ORDER BY a.attrelid, a.attnum;
SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits;
SELECT ad.adrelid, ad.adnum, d.refobjsubid FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_attrdef ad ON ad.oid = d.objid
  WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.refobjid = ad.adrelid AND d.refobjsubid > 0 AND d.refobjsubid <> ad.adnum;
SELECT DISTINCT r.ev_class, CASE WHEN d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.refobjid END
  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
  JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v','m') AND ${is_lasting}
  WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  AND d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
  AND NOT (d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.ev_class);
SELECT DISTINCT p.proname, n.nspname IN ('pg_catalog', 'information_schema') OR e.extname IN (${computing.map((name) => `'${name}'`).join(', ')}),
  COALESCE(p.pronargs > 0 AND (t.typtype = 'c' OR t.typname IN ('record', 'any', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblenonarray')), false)
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  LEFT JOIN pg_catalog.pg_type t ON t.oid = p.proargtypes[0]
  LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass`

/** Definitions of views. */
export const views_query = (views: readonly number[]): string =>
  `SELECT oid, pg_catalog.pg_get_viewdef(oid) FROM pg_catalog.pg_class WHERE oid IN (${views.join(', ')})`

/** What the planner knows of values: the most frequent ones among it. */
const statistics: readonly (readonly [relation: string, columns: RegExp])[] = [
  ['pg_stats', /^(?:most_common_vals|histogram_bounds|most_common_elems|range_\w+)$/],
  ['pg_stats_ext', /^most_common_vals$/],
  ['pg_stats_ext_exprs', /^(?:most_common_vals|histogram_bounds|most_common_elems|expr)$/],
  ['pg_statistic', /^stavalues\d$/],
  ['pg_statistic_ext_data', /^(?:stxdmcv|stxdexpr)$/],
]

export interface ReadCatalog {
  readonly catalog: Catalog
  /** Views of which a definition is needed before the catalogue is whole. */
  readonly views: readonly number[]
  readonly spread: Spread
}

export type CatalogRead =
  | ({ readonly ok: true } & ReadCatalog)
  /** One line for the user: a configured column is not there, so nobody knows what it is called now. */
  | { readonly ok: false; readonly reason: string }

export function readCatalog(
  rows: CatalogRows,
  configured: ReadonlyMap<string, ColumnRule>,
): CatalogRead {
  const [
    relation_rows = [],
    column_rows = [],
    inherited = [],
    generated = [],
    used = [],
    called = [],
  ] = rows
  const relations = relationsOf(relation_rows, column_rows)
  const by_name = new Map<string, Relation[]>()
  for (const relation of relations.values()) {
    const same = by_name.get(relation.name)
    if (same === undefined) by_name.set(relation.name, [relation])
    else same.push(relation)
  }
  for (const [path, { rule, strategy }] of configured) {
    const [schema = '', table = '', column = ''] = path.split('.')
    const relation = by_name.get(table)?.find((each) => each.schema === schema)
    // Another database of the same server may not have it.
    if (relation === undefined) continue
    const found = relation.by_name.get(column)
    if (found === undefined)
      return {
        ok: false,
        reason: `the protected column ${path} is not there any more: the gateway's configuration must say what it is called now`,
      }
    relation.protected.set(found.attribute, `column.${rule}`)
    relation.strategies.set(found.attribute, strategy)
  }
  for (const [name, columns] of statistics)
    for (const relation of by_name.get(name) ?? [])
      if (relation.schema === system)
        for (const column of relation.columns)
          if (columns.test(column.name))
            relation.protected.set(column.attribute, 'column.statistics')
  const spread = new Spread(relations, inherited, generated)
  spread.run()
  return {
    ok: true,
    catalog: { relations, by_name, ...functionsOf(called) },
    views: viewsInReach(relations, used),
    spread,
  }
}

function firstOf(definition: string): Parsed['statements'][number] | undefined {
  // Nobody waits for what takes so long to read: all that such a view shows is covered.
  if (definition.length > statement_bytes_max) return undefined
  const parsed = parse(definition)
  return 'fault' in parsed ? undefined : parsed.statements[0]
}

/**
 * Adds what views show, which may stand on each other in any order. `breathe` is called between two of them, and awaited
 * where it gives something: there may be many, and other sessions wait.
 */
export async function readViews(
  { catalog, views, spread }: ReadCatalog,
  definitions: readonly Row[],
  breathe: () => Promise<void> | undefined,
): Promise<void> {
  const parsed = new Map<number, ReturnType<typeof firstOf>>()
  for (const [oid, text] of definitions) {
    await breathe()
    parsed.set(Number(oid), firstOf(text ?? ''))
  }
  for (let step = 0, is_changed = true; is_changed; step++) {
    is_changed = false
    for (const oid of views) {
      await breathe()
      const view = catalog.relations.get(oid)
      if (view === undefined || of_system.has(view.schema)) continue
      const statement = parsed.get(oid)
      const outputs =
        statement === undefined || step > catalog_steps_max
          ? 'all'
          : taintOf(statement.type, statement.node, catalog).outputs(statement.type, statement.node)
      for (const [index, { attribute }] of view.columns.entries()) {
        const is_same =
          outputs !== 'all' && (outputs.length === view.columns.length || outputs.length === 0)
        const rule = is_same ? outputs[index] : computed_rule
        if (rule === undefined || view.protected.has(attribute)) continue
        view.protected.set(attribute, rule)
        is_changed = true
      }
    }
    if (spread.run()) is_changed = true
  }
}

function relationsOf(
  relation_rows: readonly Row[],
  column_rows: readonly Row[],
): Map<number, Relation> {
  const columns = new Map<number, CatalogColumn[]>()
  for (const [relation, attribute, name, type] of column_rows) {
    const column = { attribute: Number(attribute), name: name ?? '', type: Number(type) }
    const list = columns.get(Number(relation))
    if (list === undefined) columns.set(Number(relation), [column])
    else list.push(column)
  }
  return new Map(
    relation_rows.map(([oid, schema, name]) => {
      const own = columns.get(Number(oid)) ?? []
      const relation: Relation = {
        ...{ oid: Number(oid), schema: schema ?? '', name: name ?? '', columns: own },
        by_name: new Map(own.map((column) => [column.name, column])),
        by_attribute: new Map(own.map((column) => [column.attribute, column])),
        protected: new Map(),
        strategies: new Map(),
      }
      return [relation.oid, relation]
    }),
  )
}

/** Views over protected columns or unknown functions, and views over those. */
function viewsInReach(
  relations: ReadonlyMap<number, Relation>,
  used: readonly Row[],
): readonly number[] {
  const reached = new Set<number>()
  /** Those that read a relation. */
  const over = new Map<number, number[]>()
  for (const [view, of] of used) {
    const source = of === null || of === undefined ? undefined : relations.get(Number(of))
    if (source === undefined || source.protected.size > 0) reached.add(Number(view))
    else {
      const views = over.get(source.oid)
      if (views === undefined) over.set(source.oid, [Number(view)])
      else views.push(Number(view))
    }
  }
  // It grows while it is looked through.
  for (const oid of reached) for (const view of over.get(oid) ?? []) reached.add(view)
  return [...reached].filter((oid) => {
    const view = relations.get(oid)
    return view !== undefined && !of_system.has(view.schema)
  })
}

function functionsOf(called: readonly Row[]): Pick<Catalog, 'builtins' | 'of_rows'> {
  const others = new Set(
    called.filter(([, is_known]) => is_known !== 't').map(([name]) => name ?? ''),
  )
  const known = called.filter(([, is_known]) => is_known === 't').map(([name]) => name ?? '')
  return {
    builtins: new Set(known.filter((name) => !others.has(name))),
    of_rows: new Set(called.filter(([, , takes]) => takes === 't').map(([name]) => name ?? '')),
  }
}
