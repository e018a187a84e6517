/**
 * A shell's text as a tree of plain nodes, by tree-sitter's grammar of bash. It recovers from errors and says so; what
 * it takes too long for is no tree.
 *
 * @module
 */
import { Language, Parser, type TreeCursor } from 'web-tree-sitter'
import {
  depth_max,
  line_characters_max,
  nodes_max,
  openings_max,
  parse_reports_max,
} from './limits.ts'

/** `type` is the grammar's name, or the text itself of a word of the language: `&&`, `do`. */
export interface Node {
  readonly type: string
  readonly text: string
  /** Where in the parsed text it begins. */
  readonly start: number
  readonly children: readonly Node[]
}

export type Parsed =
  | { readonly ok: true; readonly root: Node; readonly has_error: boolean }
  /** Too long, too deep, or too hard. */
  | { readonly ok: false }

export type Grammar = (text: string) => Parsed

let loading: Promise<Grammar> | undefined

/** Loads the parser and its grammar, which are WebAssembly: some 30 ms and 10 MB, once for a process. */
export function loadGrammar(): Promise<Grammar> {
  loading ??= load()
  return loading
}

async function load(): Promise<Grammar> {
  await Parser.init()
  const wasm = new URL(import.meta.resolve('tree-sitter-bash/tree-sitter-bash.wasm'))
  const language = await Language.load(await Bun.file(wasm).bytes())
  const parser = new Parser()
  parser.setLanguage(language)
  return (text) => {
    if (text.length > line_characters_max || countOpenings(text) > openings_max)
      return { ok: false }
    let reports = 0
    const tree = parser.parse(text, null, {
      progressCallback: () => ++reports > parse_reports_max,
    })
    if (tree === null) {
      parser.reset()
      return { ok: false }
    }
    const cursor = tree.walk()
    const seen = { nodes: 0, is_whole: true }
    try {
      const root = plainNode(cursor, text, seen, 0)
      return root === undefined
        ? { ok: false }
        : { ok: true, root, has_error: tree.rootNode.hasError || !seen.is_whole }
    } finally {
      cursor.delete()
      tree.delete()
    }
  }
}

function countOpenings(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x28 || code === 0x3c || code === 0x60 || code === 0x5b) count++
  }
  return count
}

function plainNode(
  cursor: TreeCursor,
  text: string,
  seen: { nodes: number; is_whole: boolean },
  depth: number,
): Node | undefined {
  seen.nodes += 1
  if (seen.nodes > nodes_max || depth > depth_max) return undefined
  const type = cursor.nodeType
  const start = cursor.startIndex
  const own = text.slice(start, cursor.endIndex)
  const children: Node[] = []
  const is_container = containers.has(type)
  let at = start
  if (cursor.gotoFirstChild()) {
    do {
      const child = plainNode(cursor, text, seen, depth + 1)
      if (child === undefined) return undefined
      if (is_container && !isBlank(text.slice(at, child.start))) seen.is_whole = false
      at = child.start + child.text.length
      children.push(child)
    } while (cursor.gotoNextSibling())
    cursor.gotoParent()
    if (is_container && !isBlank(text.slice(at, start + own.length))) seen.is_whole = false
  }
  return { type, text: own, start, children }
}

/**
 * Nodes of which every character but blanks belongs to a child. The grammar leaves some out that a shell reads, a
 * backslash before a blank or before the end of a word.
 */
const containers = new Set(
  'program command pipeline list redirected_statement subshell compound_statement do_group if_statement elif_clause else_clause while_statement for_statement case_statement case_item function_definition negated_command command_name command_substitution process_substitution file_redirect herestring_redirect heredoc_redirect declaration_command unset_command concatenation'.split(
    ' ',
  ),
)
const isBlank = (text: string): boolean => /^(\s|\\\n)*$/.test(text)
