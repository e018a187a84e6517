/**
 * Statements where columns are protected: how their results are treated, and why some do not run: those that would
 * give a protected value another place or another name, and those that nobody can read.
 *
 * @module
 */
import {
  type Analyser,
  type Analysis,
  opaque_plan,
  type Plan,
  plain_plan,
  unknown_rule,
} from '../plan.ts'
import { planOf, remembering } from './analyse.ts'
import { type Catalog, ruleOf } from './catalog.ts'
import { classify } from './classify.ts'
import { copyPlan } from './copy.ts'
import { flowRefusal, keeps } from './flow.ts'
import { onlyReads } from './reads.ts'
import { taintOf } from './taint.ts'
import { as, type Node, type Parsed, textAt, typed, walk } from './tree.ts'

/** A plan, or why there is none. */
export type Planned =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly reason: string }

/** For one state of a catalogue. */
export function createProtectingAnalyser(catalog: Catalog): Analyser {
  return {
    analyse: remembering((parsed) => analyse(parsed, catalog)),
    column: (relation, attribute, are_strangers_own) =>
      ruleOf(catalog, relation, attribute, unknown_rule, are_strangers_own),
    strategy: (relation, attribute) => catalog.relations.get(relation)?.strategies.get(attribute),
  }
}

function analyse(parsed: Parsed, catalog: Catalog): Analysis {
  const statement = classify(parsed)
  if (statement.traits.includes('code'))
    return { statement, plans: [], only_reads: false, refused: unreadable }
  const plans: Plan[] = []
  for (const { type, node } of parsed.statements) {
    const found = planned(type, node, catalog)
    if (!found.ok) return { statement, plans: [], only_reads: false, refused: found.reason }
    plans.push(found.plan)
  }
  return { statement, plans, only_reads: onlyReads(parsed) }
}

/** They move no values and give none a new name, whatever they are about. */
const harmless: ReadonlySet<string> = new Set([
  ...['TransactionStmt', 'VariableSetStmt', 'VariableShowStmt'],
  ...['ListenStmt', 'UnlistenStmt', 'NotifyStmt', 'DeallocateStmt', 'ClosePortalStmt'],
  ...['DiscardStmt', 'LockStmt', 'TruncateStmt', 'DropStmt', 'CheckPointStmt', 'FetchStmt'],
  ...['GrantStmt', 'GrantRoleStmt', 'CommentStmt'],
  ...[
    'AlterDefaultPrivilegesStmt',
    'CreateRoleStmt',
    'AlterRoleStmt',
    'AlterRoleSetStmt',
    'DropRoleStmt',
  ],
  ...['CreateSeqStmt', 'AlterSeqStmt', 'CreateEnumStmt', 'AlterEnumStmt'],
  ...['CreatedbStmt', 'AlterDatabaseStmt', 'AlterDatabaseSetStmt', 'SecLabelStmt'],
])

/** They do neither, and look at values of whole tables: an error may repeat one, `Key (pin)=(4711) is duplicated`. */
const looking: ReadonlySet<string> = new Set([
  ...['IndexStmt', 'ReindexStmt', 'ClusterStmt', 'VacuumStmt'],
])
/** They end a transaction, or make its constraints be looked at: at values of statements before. */
const concluding = /^TRANS_STMT_(?:COMMIT|PREPARE)$/

/** ... as long as no table with protected columns and no unknown function is in them. */
const harmless_elsewhere: ReadonlySet<string> = new Set([
  ...['CreateStmt', 'AlterTableStmt', 'RenameStmt', 'AlterObjectSchemaStmt', 'AlterOwnerStmt'],
  // It may have tables and views in it.
  'CreateSchemaStmt',
  ...[
    'CreateTableAsStmt',
    'ViewStmt',
    'RefreshMatViewStmt',
    'CreateStatsStmt',
    'CompositeTypeStmt',
  ],
  ...[
    'CreatePolicyStmt',
    'AlterPolicyStmt',
    'CreateDomainStmt',
    'AlterDomainStmt',
    'CreateRangeStmt',
  ],
])

const another_name =
  'a protected column would get another name or place, where it is not protected: this is for its administrator'
const unreadable =
  'columns are protected here, and this statement runs code that the gateway cannot read'

const refused = (reason: string): Planned => ({ ok: false, reason })

function planned(type: string, node: Node, catalog: Catalog): Planned {
  switch (type) {
    case 'SelectStmt':
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt':
      return data(type, node, catalog)
    case 'PrepareStmt':
    case 'DeclareCursorStmt': {
      const inner = innerOf(node['query'], catalog)
      return inner.ok ? { ok: true, plan: planOf(type, node, plain_plan, inner.plan) } : inner
    }
    case 'ExplainStmt': {
      const inner = innerOf(node['query'], catalog)
      if (!inner.ok) return inner
      // A plan shows what was asked for. What an unknown function gives may be worked out in it.
      const is_strange = taintOf(type, node, catalog).is_strange
      return { ok: true, plan: is_strange ? opaque_plan : plain_plan }
    }
    case 'ExecuteStmt': {
      // What it is given goes where the statement of that name says, which may be a table.
      const { is_touched } = taintOf(type, node, catalog)
      return is_touched ? refused(another_name) : { ok: true, plan: planOf(type, node, plain_plan) }
    }
    case 'CallStmt':
      return { ok: true, plan: opaque_plan }
    case 'CopyStmt': {
      const copying = copyPlan(node, catalog, (query) => innerOf(query, catalog), another_name)
      return copying.ok ? { ok: true, plan: planOf(type, node, copying.plan) } : copying
    }
    default:
      break
  }
  if (looking.has(type))
    return { ok: true, plan: planOf(type, node, lookingPlan(type, node, catalog)) }
  if (type === 'ConstraintsSetStmt' || concluding.test(textAt(node, 'kind')))
    return { ok: true, plan: planOf(type, node, spoken_plan) }
  if (harmless.has(type)) return { ok: true, plan: planOf(type, node, plain_plan) }
  if (!harmless_elsewhere.has(type) || givesAway(type, node)) return refused(unreadable)
  // The names in the configuration are of the schema too.
  const is_schema = textAt(node, 'renameType') === 'OBJECT_SCHEMA'
  const { is_touched } = taintOf(type, node, catalog)
  return is_touched || is_schema
    ? refused(another_name)
    : { ok: true, plan: planOf(type, node, plain_plan) }
}

/** It shows nothing but what the target says of it. */
const spoken_plan: Plan = { outputs: { is_touched: true, computed: 'none' } }

/** Without a name of a table it is about all of them, or about an index of one. */
function lookingPlan(type: string, node: Node, catalog: Catalog): Plan {
  const names_one = [...walk(node, type)].some((each) => textAt(each.node, 'relname') !== '')
  const is_index = textAt(node, 'kind') === 'REINDEX_OBJECT_INDEX'
  const is_elsewhere = names_one && !is_index && !taintOf(type, node, catalog).is_touched
  return is_elsewhere ? plain_plan : spoken_plan
}

/**
 * A domain's check is handed every value that is cast to it, where no statement says so; and what `EXECUTE` makes a table
 * of is in another statement.
 */
function givesAway(type: string, node: Node): boolean {
  if (type === 'CreateTableAsStmt') return as('ExecuteStmt', node['query']) !== undefined
  if (type !== 'CreateDomainStmt' && type !== 'AlterDomainStmt') return false
  return [...walk(node, type)].some((each) => keeps(each.type, each.node))
}

function innerOf(query: unknown, catalog: Catalog): Planned {
  const inner = typed(query)
  if (inner === undefined) return refused(unreadable)
  return planned(inner.type, inner.node, catalog)
}

function data(type: string, node: Node, catalog: Catalog): Planned {
  const taint = taintOf(type, node, catalog)
  const strangers = strangersOf(type, node, catalog)
  const known: Plan = strangers.length === 0 ? plain_plan : { ...plain_plan, strangers }
  if (!taint.is_touched) return { ok: true, plan: planOf(type, node, known) }
  if (flowRefusal(type, node, taint, catalog)) return refused(another_name)
  const computed = taint.outputs(type, node)
  return { ok: true, plan: { ...known, outputs: { is_touched: true, computed } } }
}

/** Relations of the statement that the catalogue does not have, whatever schema is said. */
function strangersOf(type: string, node: Node, catalog: Catalog): readonly string[] {
  const found = new Set<string>()
  const common = new Set<string>()
  for (const { type: kind, node: inner } of walk(node, type)) {
    if (kind === 'CommonTableExpr') common.add(textAt(inner, 'ctename'))
    const name = textAt(inner, 'relname')
    if (name !== '' && !catalog.by_name.has(name)) found.add(name)
  }
  return [...found].filter((name) => !common.has(name))
}
