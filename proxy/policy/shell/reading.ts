/**
 * What was found in a command line: every command that it may run, and what could not be read.
 *
 * @module
 */

/** An argument as the program gets it, with {@link unknown} in place of what only running it would tell. */
export interface Word {
  readonly text: string
  /** The word as a pattern of file names, where the shell would expand it as one. */
  readonly pattern?: string
}

/** Stands in a word for what is not known: a variable, the output of a command. */
export const unknown = '\ufffc'

export interface ShellCommand {
  /** Base name; empty for a bare redirection or assignment. */
  readonly program: string
  readonly arguments: readonly Word[]
  /** Whose rights it has: the user of `sudo`, `doas`, `su`, `runuser`; absent where it is the account's own. */
  readonly sudo?: string
  /** Variables that are set for it alone. */
  readonly assigns: readonly string[]
  /** Files that the shell opens for it. */
  readonly writes: readonly Word[]
  readonly reads: readonly Word[]
  /** Folders in which it may run; `~` is the home directory. */
  readonly folders: readonly string[]
}

/** Why a part of a line says nothing about what it runs. */
export type OpaqueKind =
  /** It does not parse. */
  | 'syntax'
  /** It is no text that every shell reads alike. */
  | 'text'
  /** Longer, deeper or more than is read. */
  | 'size'
  /** The program's name is only known when it runs. */
  | 'program'
  /** A text that is only known when it runs is run. */
  | 'evaluated'
  /** A shell runs what another program prints. */
  | 'piped'
  /** ... which that program decodes. */
  | 'encoded'
  /** ... which it fetches. */
  | 'fetched'

export interface Reading {
  readonly commands: readonly ShellCommand[]
  readonly opaque: readonly OpaqueKind[]
  /** It begins an interpreter that reads what to do from the channel: a shell by another name. */
  readonly is_shell: boolean
}
