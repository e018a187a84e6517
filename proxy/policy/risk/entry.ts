/**
 * The form of the risk catalogue: what makes a command risky, as data.
 *
 * @module
 */
import type { Risk } from '../../core/verdict.ts'
import type { PathClass } from './path.ts'

export interface Entry {
  /** Kebab-case, unique; a policy and a record name it. */
  readonly id: string
  /** `critical`: nobody means it on a machine that matters. `high`: somebody else should look. `medium`: worth a note. */
  readonly risk: Exclude<Risk, 'low'>
  /** What it does, for the person who is asked. */
  readonly says: string
  /** A command is risky when it has one of these forms. */
  readonly shapes: readonly Shape[]
  /** Lines that have it, and lines that look like it and have not. Tested. */
  readonly examples: readonly string[]
  readonly counter_examples: readonly string[]
}

/** All that is given must hold. */
export interface Shape {
  /** Base names; a `*` at the end stands for any rest. Absent: any program. */
  readonly programs?: readonly string[]
  /** Of any program: but not these, and not one that only runs another, which is looked at itself. */
  readonly except?: readonly string[]
  /** The operands begin with one of these sequences, in this order; other words may stand between, options do not count. */
  readonly verbs?: readonly string[]
  /** One of each group is there: a letter of short options, or a long name. */
  readonly options?: readonly (readonly string[])[]
  /** One of the words is a path of one of these classes. */
  readonly paths?: readonly PathClass[]
  /** The arguments, joined by spaces. */
  readonly words?: RegExp
  readonly without?: RegExp
  /** The shell writes, or reads, such a file for it. */
  readonly writes?: readonly PathClass[]
  readonly reads?: readonly PathClass[]
  /** It sets such a variable. */
  readonly assigns?: RegExp
  /** The whole line, as it stands. */
  readonly line?: RegExp
}
