/**
 * What a text does to the schemas in which names are looked up that stand without one.
 *
 * @module
 */
import type { StatementTrait } from '../../../core/statement.ts'
import { constantText, listOf, type Node, names, type Parsed, textAt, walk } from './tree.ts'

/** After these it can be another path, and nobody has seen which. */
const hiding: ReadonlySet<StatementTrait> = new Set([
  'code',
  'own_function',
  'unknown_statement',
  'role',
])

/** Further schemas, `unknown`, or undefined where it stays. That it may be taken back with a transaction takes nothing from it. */
export function pathOf(
  { statements }: Parsed,
  traits: ReadonlySet<StatementTrait>,
): readonly string[] | 'unknown' | undefined {
  for (const trait of traits) if (hiding.has(trait)) return 'unknown'
  const found: string[] = []
  let is_touched = false
  for (const { type: top, node: whole } of statements)
    for (const { type, node } of walk(whole, top)) {
      const path = pathIn(type, node)
      if (path === undefined) continue
      if (path === 'unknown') return 'unknown'
      is_touched = true
      found.push(...path)
    }
  return is_touched ? [...new Set(found)] : undefined
}

function pathIn(type: string, node: Node): readonly string[] | 'unknown' | undefined {
  switch (type) {
    // One that has the name of the account, or of one that is named already, comes before those that were there.
    case 'CreateSchemaStmt':
      return 'unknown'
    case 'RenameStmt':
      return textAt(node, 'renameType') === 'OBJECT_SCHEMA' ? 'unknown' : undefined
    case 'VariableSetStmt': {
      if (textAt(node, 'name').toLowerCase() !== 'search_path') return undefined
      // The default is the path with which the session began: it counts anyway.
      if (textAt(node, 'kind') !== 'VAR_SET_VALUE') return []
      return schemasOf(listOf(node['args']).map(constantText))
    }
    case 'FuncCall': {
      if (names(node['funcname']).at(-1) !== 'set_config') return undefined
      const [setting, value] = listOf(node['args']).map(constantText)
      if (setting === undefined) return 'unknown'
      if (setting.toLowerCase() !== 'search_path') return undefined
      return value === undefined ? 'unknown' : listed(value)
    }
    default:
      return undefined
  }
}

/** A value of SET is one schema each. */
function schemasOf(values: readonly (string | undefined)[]): readonly string[] | 'unknown' {
  const known = values.filter((value) => value !== undefined)
  return known.length === values.length ? known : 'unknown'
}

/** One of `set_config` is a list, whose names are folded unless they are in quotes. */
function listed(value: string): readonly string[] | 'unknown' {
  const parts = value.split(',').map((part) => part.trim())
  if (value.trim() === '') return []
  if (parts.some((part) => !/^(?:[a-zA-Z_][\w$]*|"[^",]+")$/.test(part))) return 'unknown'
  return parts.map((part) => (part.startsWith('"') ? part.slice(1, -1) : part.toLowerCase()))
}
