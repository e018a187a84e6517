/**
 * What a simple command runs in the end: behind `sudo`, `env`, `xargs` and their like, in a shell that is given a
 * line, in `find -exec`.
 *
 * @module
 */
import { type Options, readOptions } from './options.ts'
import type { ReadText } from './read.ts'
import { type ShellCommand, unknown, type Word } from './reading.ts'
import { evaluated_names, type Input, push, type State } from './state.ts'
import { clients, interpreters, shells, type Wrapper, wrapperOf } from './wrappers.ts'
import { baseName } from './written.ts'

const wrappers_max = 16

/** `given`: what the shell set up for it. Everything that it may run is pushed to the state. */
export function runCommand(
  words: readonly Word[],
  given: ShellCommand,
  state: State,
  input: Input,
  read: ReadText,
  depth: number,
): void {
  const run = (all: readonly Word[], sudo: string | undefined, turns: number): void => {
    const [first, ...rest] = all
    if (first === undefined) return
    if (turns > wrappers_max) {
      state.opaque.add('size')
      return
    }
    if (first.text.includes(unknown) || first.pattern !== undefined) {
      state.opaque.add('program')
      record('', rest, sudo)
      return
    }
    const program = first.text.slice(first.text.lastIndexOf('/') + 1)
    // zsh's `=rm` is where `rm` is.
    if (program.startsWith('=')) state.opaque.add('program')
    state.run.add(program)
    const alias = state.aliases.get(first.text)
    if (alias !== undefined) {
      // Taken away first: an alias of its own name is the program.
      state.aliases.delete(first.text)
      readJoined([{ text: alias }, ...rest.map(quoted)], sudo)
      state.aliases.set(first.text, alias)
    }
    record(program, program === 'find' ? withStart(rest) : rest, sudo)
    const wrapper = wrapperOf(program, rest)
    if (shells.has(program)) runShell(rest, sudo)
    else if (wrapper !== undefined)
      runWrapper(wrapper.wrapper, rest.slice(wrapper.words), sudo, turns, program)
    else runSpecial(program, rest, sudo, turns)
  }

  const record = (program: string, rest: readonly Word[], sudo: string | undefined): void =>
    push(state, { ...given, program, arguments: rest, ...(sudo === undefined ? {} : { sudo }) })

  /** All that runs in it has the rights of `sudo`, where that is somebody. */
  const readJoined = (all: readonly Word[], sudo?: string): void => {
    const text = all.map((word) => word.text).join(' ')
    const before = state.commands.length
    if (text.includes(unknown)) readPartly(text)
    else read(text, input, depth + 1)
    if (sudo === undefined) return
    for (const [index, command] of state.commands.entries())
      if (index >= before && command.sudo === undefined)
        state.commands[index] = { ...command, sudo }
  }
  /** A line with unknown pieces: each is read as a variable that nobody set. */
  const readPartly = (text: string): void => {
    if (text.trim() === unknown) {
      state.opaque.add('evaluated')
      return
    }
    // A piece may hold more than a word, and so a command.
    state.opaque.add('evaluated')
    read(text.replaceAll(unknown, '"$__unknown"'), input, depth + 1)
  }

  const runWrapper = (
    wrapper: Wrapper,
    all: readonly Word[],
    sudo: string | undefined,
    turns: number,
    program: string,
  ): void => {
    let rest = all
    if (wrapper.after !== undefined) {
      const at = all.findIndex(({ text }) => text === wrapper.after?.[0])
      if (at < 0) {
        if (wrapper.is_shell_without === true) readInput(sudo)
        return
      }
      rest = all.slice(at + 1)
      if (program === 'capsh') {
        runShell(rest, sudo)
        return
      }
    }
    const parsed = readOptions(rest, wrapper.takes, wrapper.long)
    rest = parsed.rest
    if (wrapper.assigns === true)
      while (/^[A-Za-z_]\w*=/.test(rest[0]?.text ?? '')) {
        const name = (rest[0]?.text ?? '').split('=')[0] ?? ''
        if (evaluated_names.test(name)) state.opaque.add('evaluated')
        push(state, { ...given, assigns: [name], writes: [], reads: [] })
        rest = rest.slice(1)
      }
    rest = rest.slice(wrapper.operands ?? 0)
    // OpenSSH takes options after the host, too; so do those that are given a line behind a file or a group.
    const behind =
      wrapper.operands === undefined ? undefined : readOptions(rest, wrapper.takes, wrapper.long)
    const is_line_behind = behind?.values.has(wrapper.string_option ?? '') === true
    if (behind !== undefined && (program === 'ssh' || is_line_behind)) rest = behind.rest
    const replaced = parsed.values.get('I')?.text ?? parsed.values.get('replace')?.text
    if (program === 'xargs' && (replaced !== undefined || parsed.names.has('i')))
      rest = rest.map((word) => (word.text.includes(replaced ?? '{}') ? { text: unknown } : word))
    const { user } = wrapper
    const as =
      user === undefined
        ? sudo
        : (parsed.values.get(user.option ?? '')?.text ??
          parsed.values.get(user.long ?? '')?.text ??
          user.default)
    const line =
      wrapper.string_option === undefined
        ? undefined
        : (parsed.values.get(wrapper.string_option) ??
          behind?.values.get(wrapper.string_option) ??
          parsed.values.get('command') ??
          parsed.values.get('exec') ??
          parsed.values.get('split-string'))
    if (line !== undefined) readJoined([line, ...rest], as)
    const is_shell = [...(wrapper.shell_options ?? '')].some((option) => parsed.names.has(option))
    if (rest.length === 0) {
      if (line === undefined && (is_shell || wrapper.is_shell_without === true)) readInput(as)
      return
    }
    if (line !== undefined) return
    if (wrapper.joins === true || is_shell) readJoined(rest, as)
    else run(program === 'xargs' ? [...rest, ...fromInput()] : rest, as, turns + 1)
  }

  /** What `xargs` adds. */
  const fromInput = (): readonly Word[] =>
    input.kind === 'text'
      ? input.text.split(/\s+/).flatMap((text) => (text === '' ? [] : [{ text }]))
      : [{ text: unknown }]

  /** POSIX, XCU sh: `-c LINE`, `-s`, or a file. */
  const runShell = (rest: readonly Word[], sudo: string | undefined): void => {
    const { names, values, rest: operands } = shellOptions(rest)
    const [first] = operands
    // fish has long ones.
    for (const name of ['command', 'init-command']) {
      const line = values.get(name)
      if (line !== undefined) readJoined([line], sudo)
    }
    if (values.has('command')) return
    for (const name of ['rcfile', 'init-file']) {
      const file = values.get(name)
      if (file?.text.includes(unknown) === true) state.opaque.add('piped')
      else if (file !== undefined) state.run.add(baseName(file.text))
    }
    if (names.has('c')) {
      if (first !== undefined) {
        state.functions += operands.length > 1 ? 1 : 0
        readJoined([first], sudo)
        state.functions -= operands.length > 1 ? 1 : 0
      }
    } else if (first === undefined || names.has('s') || is_input.test(first.text)) {
      // Words behind it are its parameters.
      state.functions += first === undefined ? 0 : 1
      readInput(sudo)
      state.functions -= first === undefined ? 0 : 1
    } else if (first.text === unknown) state.opaque.add('piped')
    else state.run.add(baseName(first.text))
  }

  /** Something reads commands from where its input comes from. */
  const readInput = (sudo?: string): void => {
    switch (input.kind) {
      case 'channel':
        state.is_shell = true
        return
      case 'text':
        readJoined([{ text: input.text }], sudo)
        return
      case 'file':
        if (is_input.test(input.path.text)) state.is_shell = true
        else if (input.path.text.includes(unknown)) state.opaque.add('piped')
        return
      case 'pipe':
        state.opaque.add(input.opaque)
        return
    }
  }

  const runSpecial = (
    program: string,
    rest: readonly Word[],
    sudo: string | undefined,
    turns: number,
  ): void => {
    switch (program) {
      case 'eval':
        readJoined(readOptions(rest).rest, sudo)
        return
      case 'hash':
      case 'enable':
        // Another program by that name, or another builtin.
        if (/^-\w*[pf]/.test(rest[0]?.text ?? '')) state.opaque.add('program')
        return
      case 'complete':
      case 'compgen': {
        const { values } = readOptions(rest, 'ACFGoPSWX')
        const line = values.get('C')
        if (line !== undefined) readJoined([line], sudo)
        if (/[`$]/.test(values.get('W')?.text ?? '')) state.opaque.add('evaluated')
        return
      }
      case 'set':
        // From here on `$1` is something, whatever the options were.
        if (rest.length > 0) state.functions += 1
        return
      case 'trap': {
        const { rest: operands } = readOptions(rest, '')
        if (operands[0] !== undefined) readJoined([operands[0]], sudo)
        return
      }
      case 'alias':
        for (const { text } of rest) {
          const found = /^([^=]+)=([\s\S]*)$/.exec(text)
          if (found !== null) state.aliases.set(found[1] ?? '', found[2] ?? '')
        }
        return
      case 'source':
      case '.':
        if (rest[0] !== undefined) state.run.add(baseName(rest[0].text))
        if (
          rest[0] !== undefined &&
          (is_input.test(rest[0].text) || rest[0].text.includes(unknown))
        )
          if (rest[0].text === unknown) state.opaque.add('piped')
          else readInput()
        return
      case 'read':
      case 'mapfile':
      case 'printf':
      case 'getopts':
      case 'readarray':
        for (const { text } of rest) if (/^\w+$/.test(text)) state.variables.set(text, undefined)
        if (program === 'mapfile' || program === 'readarray') {
          const line = readOptions(rest, 'CcdnOsu').values.get('C')
          if (line !== undefined) readJoined([line], sudo)
        }
        return
      case 'find':
        runFind(rest, sudo, turns)
        return
      case 'su':
        runSu(rest)
        return
      case 'tmux':
      case 'screen':
        if (
          input.kind === 'channel' &&
          (rest.length === 0 ||
            /^(a|at|attach|attach-session|new|new-session|-[rRxS]+)$/.test(rest[0]?.text ?? ''))
        )
          state.is_shell = true
        return
      case 'login':
      case 'newgrp':
        readInput()
        return
      default:
        runInterpreter(program, rest)
    }
  }

  /** `find ... -exec PROGRAM ... ;` */
  const runFind = (rest: readonly Word[], sudo: string | undefined, turns: number): void => {
    for (let at = 0; at < rest.length; at++) {
      if (!/^-(exec|execdir|ok|okdir)$/.test(rest[at]?.text ?? '')) continue
      const end = rest.findIndex(
        ({ text }, index) =>
          index > at && (text === ';' || (text === '+' && rest[index - 1]?.text === '{}')),
      )
      const inner = rest.slice(at + 1, end < 0 ? undefined : end)
      run(
        inner.map((word) => (word.text.includes('{}') ? { text: unknown } : word)),
        sudo,
        turns + 1,
      )
      at = end < 0 ? rest.length : end
    }
  }

  /** util-linux, su(1): options and the user in any order. */
  const runSu = (rest: readonly Word[]): void => {
    const line = rest.findIndex(({ text }) => /^-[a-z]*c$|^--(session-)?command$/.test(text))
    const joined = rest.find(({ text }) => /^--(session-)?command=/.test(text))?.text
    const text =
      line >= 0
        ? rest[line + 1]
        : joined === undefined
          ? undefined
          : { text: joined.slice(joined.indexOf('=') + 1) }
    const user = rest.find(
      (word, index) =>
        !word.text.startsWith('-') &&
        !/^(-[sgGwc]|--(shell|group|command))$/.test(rest[index - 1]?.text ?? ''),
    )
    if (text === undefined) readInput('root')
    else readJoined([text], user?.text ?? 'root')
  }

  /** A program of another language: without a file it reads the program from its input. */
  const runInterpreter = (program: string, rest: readonly Word[]): void => {
    const name = program.replace(/[\d.]+$/, '')
    const takes = interpreters[program] ?? interpreters[name]
    if (clients.has(program) && input.kind === 'text')
      push(state, { ...given, program, arguments: [...rest, { text: input.text }] })
    if (takes === undefined) return
    const { names, rest: operands } = readOptions(rest, `${takes}mWXIM`)
    if (
      [...takes].some((option) => names.has(option)) ||
      names.has('m') ||
      names.has('version') ||
      names.has('V') ||
      names.has('v')
    )
      return
    if (operands[0] !== undefined && !is_input.test(operands[0].text)) {
      state.run.add(baseName(operands[0].text))
      return
    }
    if (input.kind === 'text') push(state, { ...given, program, arguments: [{ text: input.text }] })
    else readInput()
  }

  run(words, undefined, 0)
}

/** `find` without a place starts here. */
const withStart = (rest: readonly Word[]): readonly Word[] =>
  rest[0] === undefined || rest[0].text.startsWith('-') ? [{ text: '.' }, ...rest] : rest

/** POSIX, XCU sh: `+x` is an option too, and others may follow it. */
function shellOptions(words: readonly Word[]): Options {
  const names = new Set<string>()
  const values = new Map<string, Word>()
  let rest = words
  for (;;) {
    const read = readOptions(rest, 'oO', ['rcfile', 'init-file', 'command', 'init-command'])
    for (const name of read.names) names.add(name)
    for (const [name, value] of read.values) values.set(name, value)
    rest = read.rest
    const plus = rest[0]?.text ?? ''
    if (!plus.startsWith('+')) return { names, values, rest }
    rest = rest.slice(/^\+[oO]$/.test(plus) ? 2 : 1)
  }
}

/** Files that are the program's own input. */
const is_input = /^(-|\/dev\/(stdin|fd\/0|tty)|\/proc\/(self|thread-self)\/fd\/0)$/

const quoted = ({ text, pattern }: Word): Word => ({
  text: pattern === undefined ? `'${text.replaceAll("'", "'\\''")}'` : text,
})
