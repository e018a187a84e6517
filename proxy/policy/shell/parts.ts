/**
 * Parts of the grammar's tree, and where it differs from what a shell reads.
 *
 * @module
 */
import type { Node } from './grammar.ts'

const word_types = new Set(
  'word number raw_string string ansi_c_string translated_string concatenation simple_expansion expansion command_substitution process_substitution arithmetic_expansion brace_expression extglob_pattern regex'.split(
    ' ',
  ),
)
export const isWord = ({ type }: Node): boolean => word_types.has(type)
export const redirect_parts: ReadonlySet<string> = new Set([
  '<<',
  '<<-',
  '<<<',
  'heredoc_start',
  'heredoc_end',
  'file_descriptor',
  'file_redirect',
])

export const language_words: ReadonlySet<string> = new Set(
  'if then else elif fi do done case esac while until for in function select { } ! [[ ]]'.split(
    ' ',
  ),
)

export function endsWithChange(node: Node): boolean {
  const end = node.type === 'list' ? node.children.at(-1) : node
  return end?.type === 'command' && /^(cd|pushd)\b/.test(end.text)
}

/**
 * The words of a command. What has nothing between it but a continued line is one word to a shell, and not always to
 * the grammar.
 */
export function wordNodes(node: Node, unread: () => void): readonly Node[] {
  const found: Node[] = []
  for (const child of node.children) {
    // A lone `$` is a word without a name in the grammar.
    const is_leaf = child.children.length === 0 && child.type !== 'comment'
    if (child.type !== 'command_name' && !isWord(child) && !is_leaf) continue
    const last = found.at(-1)
    const gap =
      last === undefined
        ? ' '
        : node.text.slice(last.start + last.text.length - node.start, child.start - node.start)
    // A blank that is quoted by a backslash belongs to a word, and no line ends within a command.
    if (/\\[^\n]|[\n#]/.test(gap.replaceAll('\\\n', ''))) unread()
    if (last === undefined || !/^(\\\n)*$/.test(gap)) found.push(child)
    else
      found[found.length - 1] = {
        type: 'concatenation',
        text: node.text.slice(
          last.start - node.start,
          child.start + child.text.length - node.start,
        ),
        start: last.start,
        children: [last, child],
      }
  }
  return found
}

/** POSIX, XCU 2.6.3: inside of backquotes a backslash quotes these alone. */
export const backquoted = (text: string): string => text.slice(1, -1).replace(/\\([$`\\])/g, '$1')
