/**
 * Finds every command of a shell line: pipes, lists, substitutions, functions, here-documents, and the lines inside
 * of lines. Whatever it cannot follow is opaque.
 *
 * The grammar is bash's. Where the target's shell reads a line otherwise, what was found may not be what runs: a
 * line that does not parse without an error is opaque for that reason.
 *
 * @module
 */
import type { Grammar, Node } from './grammar.ts'
import { nesting_max, read_characters_max } from './limits.ts'
import {
  backquoted,
  endsWithChange,
  isWord,
  language_words,
  redirect_parts,
  wordNodes,
} from './parts.ts'
import type { OpaqueKind, Reading, ShellCommand, Word } from './reading.ts'
import { runCommand } from './run.ts'
import {
  assign,
  changeFolder,
  createState,
  evaluated_names,
  finish,
  type Input,
  push,
  type State,
  valueOf,
} from './state.ts'
import { hasUnseen } from './unseen.ts'
import { expandWord, reserved, wholeText } from './word.ts'
import { decoders, fetchers } from './wrappers.ts'

/** `line` as it came over the wire. */
export type ReadLine = (line: Uint8Array) => Reading

/** Reads a text as a shell does that was given it with `-c`, or on its input. */
export type ReadText = (text: string, input: Input, depth: number) => void

export function createReadLine(grammar: Grammar): ReadLine {
  return (line) => {
    const state = createState()
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line)
      createReader(grammar, state)(text, { kind: 'channel' }, 0)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      state.opaque.add('text')
    }
    return finish(state)
  }
}

function createReader(grammar: Grammar, state: State): ReadText {
  const read: ReadText = (text, input, depth) => {
    state.characters += text.length
    if (depth > nesting_max || state.characters > read_characters_max) {
      state.opaque.add('size')
      return
    }
    if (reserved.test(text)) {
      state.opaque.add('text')
      return
    }
    // The grammar ends a word at these, a shell does not.
    if (/\\[\t\r\v\f]/.test(text)) state.opaque.add('text')
    const parsed = grammar(text)
    if (!parsed.ok) {
      state.opaque.add('size')
      return
    }
    if (parsed.has_error) state.opaque.add('syntax')
    if (hasUnseen(parsed.root, text)) state.opaque.add('evaluated')
    walk(parsed.root, input, depth)
  }

  const words = (nodes: readonly Node[]): Word[] =>
    nodes.flatMap((node) => {
      // Only bash has a quote inside of these: to another shell the string ends there.
      if (node.text.includes("$'") && /\$'[^']*\\'/.test(node.text)) state.opaque.add('text')
      return expandWord(node, (name) => valueOf(state, name))
    })

  /** `last`: of what the node ends with, where a redirection gives it another input. */
  const walk = (node: Node, input: Input, depth: number, last: Input = input): void => {
    // What was found decides already, and the rest would only take time.
    if (state.opaque.has('size')) return
    switch (node.type) {
      case 'command':
        command(node, [], last, depth)
        return
      case 'pipeline':
        pipeline(node.children, input, depth, last)
        return
      case 'list':
        list(node, input, depth, last)
        return
      case 'redirected_statement':
        redirected(node, input, depth)
        return
      case 'declaration_command':
        push(state, {
          ...bare(),
          program: node.children[0]?.text ?? '',
          assigns: settled(assignments(node)),
        })
        break
      case 'variable_assignment':
        push(state, { ...bare(), assigns: settled(assignments(node)) })
        break
      case 'for_statement':
      case 'c_style_for_statement':
        assign(
          state,
          node.children.find(({ type }) => type === 'variable_name')?.text ?? '',
          undefined,
        )
        state.loops += 1
        inside(node, input, depth)
        state.loops -= 1
        return
      case 'unset_command': {
        const names = node.children.filter(({ type }) => type === 'variable_name')
        for (const { text } of names) state.variables.set(text, undefined)
        push(state, { ...bare(), program: 'unset', arguments: names.map(({ text }) => ({ text })) })
        break
      }
      case 'while_statement':
        state.loops += 1
        inside(node, input, depth)
        state.loops -= 1
        return
      case 'function_definition':
        state.functions += 1
        inside(node, input, depth)
        state.functions -= 1
        return
      case 'subshell':
      case 'command_substitution':
      case 'process_substitution': {
        const { folders } = state
        if (node.text.startsWith('`')) read(backquoted(node.text), input, depth + 1)
        else inside(node, input, depth)
        state.folders = folders
        return
      }
      case 'compound_statement':
        for (const child of node.children) walk(child, last, depth)
        return
      default:
        break
    }
    inside(node, input, depth)
  }
  const inside = (node: Node, input: Input, depth: number): void => {
    for (const child of node.children) walk(child, input, depth)
  }

  function list(node: Node, input: Input, depth: number, last: Input): void {
    const [left, operator, ...right] = node.children
    if (left === undefined) return
    const before = state.folders
    walk(left, input, depth)
    // What follows a `cd` by `&&` runs there; anything else may run where it was before, too.
    const after = state.folders
    if (operator?.type === '&&' && after !== before && endsWithChange(left))
      state.folders = after.filter((folder) => !before.includes(folder))
    for (const each of right) walk(each, input, depth, last)
  }

  function pipeline(nodes: readonly Node[], input: Input, depth: number, last: Input): void {
    const parts = nodes.filter(({ type }) => type !== '|' && type !== '|&')
    let from = input
    for (const [index, part] of parts.entries()) {
      if (state.opaque.has('size')) return
      const is_last = index === parts.length - 1
      // A redirection is stronger than the pipe.
      walk(part, from, depth, is_last && last !== input ? last : from)
      from = printed(part)
    }
  }

  /** What a command prints, as the input of the next. */
  function printed(node: Node, here?: string): Input {
    const first = node.type === 'command' ? commandWords(node) : []
    const [program = '', ...given] = first.map(({ text }) => text)
    // What a backslash is to `echo` differs from shell to shell.
    const echoed = given.filter((word) => !/^-[neE]+$/.test(word)).join(' ')
    if (program === 'echo')
      return echoed.includes('\\')
        ? { kind: 'pipe', opaque: 'encoded' }
        : { kind: 'text', text: echoed }
    if (program === 'printf' && given.length === 1 && !/[%\\]/.test(given[0] ?? ''))
      return { kind: 'text', text: given[0] ?? '' }
    if (program === 'cat' && here !== undefined && given.length === 0)
      return { kind: 'text', text: here }
    const names = programsOf(node)
    const kind: OpaqueKind = names.some((name) => fetchers.has(name))
      ? 'fetched'
      : names.some((name) => decoders.has(name))
        ? 'encoded'
        : 'piped'
    return { kind: 'pipe', opaque: kind }
  }

  function commandWords(node: Node): Word[] {
    return words(wordNodes(node, () => state.opaque.add('text')))
  }

  function programsOf(node: Node): string[] {
    if (node.type === 'command')
      return commandWords(node)
        .slice(0, 8)
        .map(({ text }) => text.slice(text.lastIndexOf('/') + 1))
    return node.children.flatMap(programsOf)
  }

  /** A statement with files or a text for its input. The grammar puts what follows a here-document into it. */
  function redirected(node: Node, input: Input, depth: number): void {
    const redirects = node.children.filter(({ type }) => type.endsWith('_redirect'))
    const body = node.children.find(({ type }) => !type.endsWith('_redirect'))
    const files = opened(redirects)
    const more = redirects.flatMap((each) => moreWords(each))
    const here = redirects.flatMap((each) => hereText(each) ?? []).at(-1)
    const own: Input | undefined =
      here !== undefined
        ? { kind: 'text', text: here }
        : files.reads[0] === undefined
          ? undefined
          : { kind: 'file', path: files.reads[0] }
    if (body?.type === 'command') command(body, redirects, own ?? input, depth, more)
    else {
      if (body !== undefined) walk(body, input, depth, own ?? input)
      // Words of the last command of a pipe.
      if (more.length > 0) state.opaque.add('syntax')
      if (files.writes.length + files.reads.length > 0) push(state, { ...bare(), ...files })
    }
    for (const each of redirects) {
      const nested = each.children.filter(
        (child) => !redirect_parts.has(child.type) && !isWord(child),
      )
      const next = nested.some((child) => child.type === '|' || child.type === 'pipeline')
      const from = next && body !== undefined ? printed(body, here) : input
      for (const child of nested)
        if (child.type === 'pipeline') pipeline(child.children, from, depth, from)
        else walk(child, from, depth)
      for (const child of each.children)
        if (isWord(child) || child.type === 'file_redirect') walk(child, input, depth)
    }
  }

  function command(
    node: Node,
    outer: readonly Node[],
    input: Input,
    depth: number,
    more: readonly Word[] = [],
  ): void {
    const redirects = [...outer, ...node.children.filter(({ type }) => type.endsWith('_redirect'))]
    const named = node.children.filter(({ type }) => type === 'variable_assignment')
    const own = node.children.flatMap((each) =>
      each.type.endsWith('_redirect') ? moreWords(each) : [],
    )
    const here = node.children.flatMap((each) => hereText(each) ?? []).at(-1)
    const files = opened(redirects)
    const from: Input = here === undefined ? input : { kind: 'text', text: here }
    const all = [...commandWords(node), ...own, ...more]
    for (const child of node.children)
      if (child.type !== 'variable_assignment') walk(child, input, depth)
      else inside(child, input, depth)
    const assigns = named.flatMap(assignments)
    if (assigns.some((name) => evaluated_names.test(name))) state.opaque.add('evaluated')
    // A word of the language in the place of a program was not understood.
    if (all[0] !== undefined && language_words.has(all[0].text)) state.opaque.add('syntax')
    if (all.length === 0) {
      push(state, { ...bare(), ...files, assigns })
      return
    }
    const given: ShellCommand = { ...bare(), ...files, assigns }
    runCommand(all, given, state, from, read, depth)
    const [program, ...operands] = all.map(({ text }) => text)
    if (program === 'cd' || program === 'pushd')
      state.folders = [
        ...new Set([
          ...state.folders,
          ...changeFolder(
            state,
            operands.find((word) => !/^-[LPe@]+$/.test(word)),
          ),
        ]),
      ].slice(-8)
  }

  const bare = (): ShellCommand => ({
    program: '',
    arguments: [],
    assigns: [],
    writes: [],
    reads: [],
    folders: state.folders,
  })

  /** The names that are set. */
  function assignments(node: Node): string[] {
    const names: string[] = []
    const all = node.type === 'variable_assignment' ? [node] : node.children
    for (const each of all) {
      const [name, operator, value] = each.children
      if (each.type !== 'variable_assignment' || name === undefined) continue
      const is_plain =
        name.type === 'variable_name' && operator?.text === '=' && value?.type !== 'array'
      const text = value === undefined ? '' : wholeText(value, (of) => valueOf(state, of))
      names.push(name.text.replace(/\[[\s\S]*$/, ''))
      assign(state, names.at(-1) ?? '', is_plain && !reserved.test(text) ? text : undefined)
    }
    return names
  }

  /** What words become depends on these: nothing behind is what it seems. */
  const settled = (names: readonly string[]): readonly string[] => {
    if (
      names.some(
        (name) =>
          /^(HOME|IFS|CDPATH|OLDPWD|PWD|BASH_ALIASES)$/.test(name) || evaluated_names.test(name),
      )
    )
      state.opaque.add('evaluated')
    return names
  }

  /** The files that redirections open. */
  function opened(redirects: readonly Node[]): Pick<ShellCommand, 'writes' | 'reads'> {
    const reads: Word[] = []
    const writes: Word[] = []
    for (const each of redirects) {
      if (each.type !== 'file_redirect') {
        // A here-document may be followed by redirections of the same command.
        const nested = opened(each.children)
        reads.push(...nested.reads)
        writes.push(...nested.writes)
        continue
      }
      const [destination] = each.children.filter(isWord)
      const operator = each.children.find(({ type }) => /[<>]/.test(type))?.type ?? '>'
      if (destination === undefined) continue
      const [file] = words([destination])
      if (file !== undefined && !/^(\d+-?|-)$/.test(file.text))
        (operator === '<' ? reads : writes).push(file)
    }
    return { reads, writes }
  }

  /** The grammar takes the words after a redirection for further files: to a shell they are arguments. */
  function moreWords(redirect: Node): Word[] {
    const found = redirect.children.filter(isWord)
    if (redirect.type === 'file_redirect') return words(found.slice(1))
    if (redirect.type === 'herestring_redirect') return []
    return words(found)
  }

  function hereText(redirect: Node): string | undefined {
    if (redirect.type === 'heredoc_redirect')
      return redirect.children.find(({ type }) => type === 'heredoc_body')?.text ?? ''
    if (redirect.type !== 'herestring_redirect') return undefined
    const word = redirect.children.find(isWord)
    return word === undefined ? '' : wholeText(word, (name) => valueOf(state, name))
  }
  return read
}
