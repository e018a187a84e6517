/**
 * Statements whose tree proves that they only read: such a one may start while its record is made durable.
 *
 * @module
 */
import { isCall } from './classify.ts'
import { names, type Parsed, textAt, walk } from './tree.ts'

/** Functions that compute from what they are given, or tell the time. */
const pure: ReadonlySet<string> = new Set([
  ...['count', 'sum', 'min', 'max', 'avg', 'abs', 'round', 'floor', 'ceil', 'mod', 'power', 'sqrt'],
  ...['lower', 'upper', 'length', 'left', 'right', 'substring', 'substr', 'replace', 'concat'],
  ...['concat_ws', 'trim', 'btrim', 'ltrim', 'rtrim', 'lpad', 'rpad', 'position', 'strpos', 'md5'],
  ...['now', 'date_trunc', 'date_part', 'extract', 'age', 'to_char', 'to_date', 'to_timestamp'],
  ...[
    'array_agg',
    'string_agg',
    'json_agg',
    'jsonb_agg',
    'json_build_object',
    'jsonb_build_object',
  ],
  ...[
    'row_number',
    'rank',
    'dense_rank',
    'lag',
    'lead',
    'first_value',
    'last_value',
    'generate_series',
  ],
])

export function onlyReads({ statements }: Parsed): boolean {
  return (
    statements.length > 0 &&
    statements.every(({ type, node }) => {
      if (type !== 'SelectStmt') return false
      for (const { type: kind, node: inner } of walk(node, type)) {
        if (/^(?:Insert|Update|Delete|Merge)Stmt$/.test(kind)) return false
        if (inner['intoClause'] !== undefined || inner['lockingClause'] !== undefined) return false
        if (!isCall(kind, inner)) continue
        const path = names(inner['funcname'])
        const is_own = path.length === 1 || (path.length === 2 && path[0] === 'pg_catalog')
        if (!is_own || !pure.has(path.at(-1) ?? '')) return false
      }
      return textAt(node, 'op') !== ''
    })
  )
}
