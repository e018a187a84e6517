/**
 * A text of statements, analysed: parsed once, and remembered while it is short.
 *
 * @module
 */
import { parsed_bytes_max, parsed_max, statement_bytes_max } from '../limits.ts'
import { type Analyser, type Analysis, type Plan, plain_plan } from '../plan.ts'
import { classify, unparsed } from './classify.ts'
import { effectOf, showsOf } from './effect.ts'
import { onlyReads } from './reads.ts'
import { Shapes } from './shapes.ts'
import { type Parsed, parse, textAt, walk } from './tree.ts'

const unread: Analysis = { statement: unparsed, plans: [], only_reads: false }
const utf8 = new TextDecoder('utf-8', { fatal: true })
const latin1 = new TextDecoder('latin1')

/** Where no columns are protected. */
export function createAnalyser(): Analyser {
  return {
    analyse: remembering((parsed) => ({
      statement: classify(parsed),
      plans: parsed.statements.map(({ type, node }) => planOf(type, node, plain_plan)),
      only_reads: onlyReads(parsed),
    })),
  }
}

/** What a statement does to names of the session, shows of them, and copies, added to what is known of it otherwise. */
export function planOf(
  type: string,
  node: Parsed['statements'][number]['node'],
  plan: Plan,
  inner: Plan = plain_plan,
): Plan {
  const effect = effectOf(type, node, inner)
  const shows = showsOf(type, node)
  return {
    ...plan,
    ...(effect === undefined ? {} : { effect }),
    ...(shows === undefined ? {} : { shows }),
    ...(type === 'CopyStmt' ? { copies: node['is_from'] === true ? 'in' : 'out' } : {}),
  }
}

/** Analyses each text once while it is remembered. */
export function remembering(analyse: (parsed: Parsed) => Analysis): (text: Uint8Array) => Analysis {
  const known = new Map<string, Analysis>()
  const shapes = new Shapes<Analysis>()
  return (bytes) => {
    const seen = shapes.get(bytes)
    if (seen !== undefined) return seen
    if (bytes.length > statement_bytes_max) return unread
    const { text, is_utf8 } = decode(bytes)
    const shape = is_utf8 ? shapeOf(text) : `\0${text}`
    const before = known.get(shape)
    if (before !== undefined) {
      shapes.set(bytes, before)
      return before
    }
    const parsed = parse(text)
    if ('fault' in parsed)
      return parsed.fault === undefined ? unread : { ...unread, fault: parsed.fault }
    const read = withNames(analyse(parsed), parsed)
    const analysis: Analysis = text.includes("\\'") ? { ...read, is_ambiguous: true } : read
    // The protocol has names in bytes: of which these are is not known.
    if (!is_utf8 && namesIn(analysis).some((name) => /[^\x00-\x7f]/.test(name))) return unread
    if (bytes.length > parsed_bytes_max) return analysis
    const [oldest] = known.keys()
    if (known.size >= parsed_max && oldest !== undefined) known.delete(oldest)
    known.set(shape, analysis)
    shapes.set(bytes, analysis)
    return analysis
  }
}

/** Of prepared statements and cursors. */
function namesIn({ plans, executes = [], fetches = [] }: Analysis): readonly string[] {
  const made = plans.map(({ effect }) =>
    effect !== undefined && 'name' in effect ? (effect.name ?? '') : '',
  )
  return [...made, ...executes, ...fetches]
}

/** `EXPLAIN ANALYZE EXECUTE` runs one too. */
function withNames(analysis: Analysis, { statements }: Parsed): Analysis {
  const executes = new Set<string>()
  const fetches = new Set<string>()
  for (const { type: top, node: whole } of statements)
    for (const { type, node } of walk(whole, top)) {
      if (type === 'ExecuteStmt') executes.add(textAt(node, 'name'))
      if (type === 'FetchStmt') fetches.add(textAt(node, 'portalname'))
    }
  return executes.size + fetches.size === 0
    ? analysis
    : { ...analysis, executes: [...executes], fetches: [...fetches] }
}

/** Whole numbers that stand for themselves, and not in a name, a parameter or another number. */
const numbers = /(?<![\w.$\u0080-\uffff])\d+(?![\w.$\u0080-\uffff])/g
/** Where a number may stand in something else: texts, names in quotes, comments. */
const quoting = /['"$\\]|--|\/\*/

/** The same for texts that differ in whole numbers alone: no number decides over anything that an analysis says. */
function shapeOf(text: string): string {
  return quoting.test(text) ? text : text.replace(numbers, '0')
}

/** Encodings in which a byte of ASCII may be part of another character are kept out: what is ASCII is read alike. */
function decode(bytes: Uint8Array): { readonly text: string; readonly is_utf8: boolean } {
  try {
    return { text: utf8.decode(bytes), is_utf8: true }
  } catch {
    return { text: latin1.decode(bytes), is_utf8: false }
  }
}
