/**
 * What is gathered while a line is read, and what is known at each place of it.
 *
 * @module
 */
import { commands_max, words_max } from './limits.ts'
import { type OpaqueKind, type Reading, type ShellCommand, unknown, type Word } from './reading.ts'
import { written } from './written.ts'

/** Where the standard input of a command comes from. */
export type Input =
  /** What the client sends. */
  | { readonly kind: 'channel' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: Word }
  /** What another program prints; `opaque` says what kind of program. */
  | { readonly kind: 'pipe'; readonly opaque: OpaqueKind }

export interface State {
  readonly commands: ShellCommand[]
  readonly opaque: Set<OpaqueKind>
  is_shell: boolean
  /** Undefined for what is assigned, and not known. */
  readonly variables: Map<string, string | undefined>
  readonly aliases: Map<string, string>
  folders: readonly string[]
  /** Of all texts that were read. */
  characters: number
  /** Inside of a function its arguments are not known. */
  functions: number
  /** Inside of a loop a line runs again, with what was assigned after it. */
  loops: number
  /** Names of files that are run, as programs and as scripts. */
  readonly run: Set<string>
  /** Variables that were read; `true` where that may happen again later. */
  readonly used: Map<string, boolean>
}

export function createState(): State {
  return {
    commands: [],
    opaque: new Set(),
    is_shell: false,
    variables: new Map(),
    aliases: new Map(),
    folders: ['~'],
    characters: 0,
    functions: 0,
    loops: 0,
    run: new Set(),
    used: new Map(),
  }
}

export function push(state: State, command: ShellCommand): void {
  if (state.commands.length >= commands_max || command.arguments.length > words_max)
    state.opaque.add('size')
  else state.commands.push(command)
}

export function finish(state: State): Reading {
  const { commands, opaque, is_shell } = state
  for (const [name, kind] of commands.flatMap(written))
    if (name !== '' && state.run.has(name)) opaque.add(kind)
  return { commands, opaque: [...opaque], is_shell }
}

/** Variables whose values shells run. */
export const evaluated_names: RegExp = /^(BASH_ENV|PROMPT_COMMAND)$/

/** A second value of the same name makes it unknown: which one holds depends on what runs. */
export function assign(state: State, name: string, value: string | undefined): void {
  const known = state.variables.has(name) ? state.variables.get(name) : value
  state.variables.set(name, known === value ? value : undefined)
  const is_used = state.used.get(name)
  if (known !== value && (is_used === true || (is_used !== undefined && state.loops > 0)))
    state.opaque.add('evaluated')
}

/** Parameters that are empty in `sh -c LINE`, and what every login sets. */
export function valueOf(state: State, name: string): string | undefined {
  if (state.variables.has(name)) {
    if (state.used.get(name) !== true) state.used.set(name, state.loops + state.functions > 0)
    return state.variables.get(name)
  }
  if (name === 'HOME') return '~'
  if (name === 'IFS') return ' '
  // A loop may set them for its next turn.
  if (/^[@*1-9]$/.test(name)) return state.functions + state.loops === 0 ? '' : undefined
  return undefined
}

/** `cd` to a folder: where the next commands run, as a full path as far as it is known. */
export function changeFolder(state: State, to: string | undefined): readonly string[] {
  if (to === undefined || to === '~' || to === '--') return ['~']
  if (to.includes(unknown) || to === '-') return [unknown]
  if (/^[/~]/.test(to)) return [to]
  return state.folders.map((folder) => `${folder}/${to}`)
}
