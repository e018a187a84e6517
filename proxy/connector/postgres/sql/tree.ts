/**
 * The tree that PostgreSQL's own parser makes of a text: nodes are objects with one member, named by their type.
 *
 * @module
 */
import { hasSqlDetails, loadModule, parseSync } from 'libpg-query'
import type { SyntaxFault } from '../plan.ts'

/** What a node of some type holds; members are values, lists and further nodes. */
export type Node = Readonly<Record<string, unknown>>

export interface Parsed {
  /** Of each statement: the type of its node, and the node. */
  readonly statements: readonly { readonly type: string; readonly node: Node }[]
}

/** Before the first {@link parse}. */
export async function loadParser(): Promise<void> {
  await loadModule()
}

/** What is not SQL as PostgreSQL reads it has no statements, and a fault where the parser says one. */
export function parse(text: string): Parsed | { readonly fault: SyntaxFault | undefined } {
  // The parser calls an empty text an error; what consists of comments alone it does not.
  if (text.trim() === '') return { statements: [] }
  try {
    const { stmts = [] } = parseSync(text)
    const statements: { type: string; node: Node }[] = []
    for (const { stmt } of stmts) {
      const found = stmt === undefined ? undefined : typed(stmt)
      if (found === undefined) return { fault: undefined }
      statements.push(found)
    }
    return { statements }
  } catch (error) {
    // An error of syntax, or a text so nested that a stack ends.
    return { fault: faultOf(error) }
  }
}

function faultOf(error: unknown): SyntaxFault | undefined {
  if (!hasSqlDetails(error) || error.sqlDetails === undefined) return undefined
  const { message, functionName, cursorPosition } = error.sqlDetails
  // Of the scanner and the grammar: what else may be wrong with a text has other codes.
  if (functionName !== 'scanner_yyerror' || cursorPosition < 0) return undefined
  return { message, position: cursorPosition + 1 }
}

/** The type and the content of `{ "SelectStmt": { ... } }`. */
export function typed(value: unknown): { readonly type: string; readonly node: Node } | undefined {
  if (!isNode(value)) return undefined
  const [entry, ...more] = Object.entries(value)
  if (entry === undefined || more.length > 0) return undefined
  const [type, node] = entry
  return /^[A-Z]/.test(type) && isNode(node) ? { type, node } : undefined
}

/** The content, when the node is of that type. */
export function as(type: string, value: unknown): Node | undefined {
  const inner = isNode(value) ? value[type] : undefined
  return isNode(inner) ? inner : undefined
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const textAt = (node: Node | undefined, member: string): string => {
  const value = node?.[member]
  return typeof value === 'string' ? value : ''
}

/** Strings of a list of `String` nodes; another node is an empty one. */
export function names(value: unknown): readonly string[] {
  return listOf(value).map((each) => textAt(as('String', each), 'sval'))
}

/**
 * Every node of a tree, from the outside in, with its type; members that are nodes without a type (`larg`, `alias`,
 * `relation`) have the name of their member. Without recursion: how deep a text is nested is its writer's choice.
 */
export function* walk(root: unknown, root_type = ''): Generator<{ type: string; node: Node }> {
  const waiting: { readonly type: string; readonly value: unknown }[] = [
    { type: root_type, value: root },
  ]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { type, value } = next
    if (Array.isArray(value)) {
      for (const each of value.toReversed()) waiting.push({ type, value: each })
      continue
    }
    if (!isNode(value)) continue
    if (type !== '') yield { type, node: value }
    const members = Object.entries(value)
    for (const [member, inner] of members.toReversed())
      if (typeof inner === 'object' && inner !== null) waiting.push({ type: member, value: inner })
  }
}

/** Of a constant that is a text or a whole number. */
export function constantText(node: unknown): string | undefined {
  const constant = as('A_Const', node)
  const text = constant?.['sval']
  if (text !== undefined) return textAt(text as Node, 'sval') // Always a node.
  const number = constant?.['ival'] as { ival?: number } | undefined // Always such a node.
  return number === undefined ? undefined : String(number.ival ?? 0)
}
