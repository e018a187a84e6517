/**
 * Whether a command has a form of the catalogue.
 *
 * @module
 */
import type { ShellCommand, Word } from '../shell/reading.ts'
import { isWrapper } from '../shell/wrappers.ts'
import type { Shape } from './entry.ts'
import { isOfClass } from './path.ts'

export interface Line {
  readonly text: string
}

export function matches(shape: Shape, command: ShellCommand, line: Line): boolean {
  const { programs, verbs, options, paths, words, without, writes, reads, assigns } = shape
  const given = command.arguments
  if (shape.except?.includes(command.program) === true) return false
  if (programs === undefined && paths !== undefined && isWrapper(command.program)) return false
  if (programs !== undefined && !programs.some((name) => isNamed(name, command.program)))
    return false
  if (verbs !== undefined && !verbs.some((each) => hasVerbs(given, each))) return false
  if (
    options !== undefined &&
    !options.every((group) => group.some((name) => hasOption(given, name)))
  )
    return false
  if (paths !== undefined && !anyOf(given, command, paths)) return false
  if (writes !== undefined && !anyOf(command.writes, command, writes)) return false
  if (reads !== undefined && !anyOf(command.reads, command, reads)) return false
  if (assigns !== undefined && !command.assigns.some((name) => assigns.test(name))) return false
  if (shape.line !== undefined && !shape.line.test(line.text)) return false
  if (words === undefined && without === undefined) return true
  const joined = given.map(({ text }) => text).join(' ')
  return (
    (words === undefined || words.test(joined)) && (without === undefined || !without.test(joined))
  )
}

const isNamed = (name: string, program: string): boolean =>
  name.endsWith('*') ? program.startsWith(name.slice(0, -1)) : program === name

const anyOf = (
  words: readonly Word[],
  { folders }: ShellCommand,
  kinds: NonNullable<Shape['paths']>,
): boolean => words.some((word) => kinds.some((kind) => isOfClass(word, folders, kind)))

/** In order, options left out; words between them are names of regions, files and the like. */
function hasVerbs(given: readonly Word[], sequence: string): boolean {
  const wanted = sequence.split(' ')
  let next = 0
  for (const { text } of given) {
    if (text === wanted[next]) next += 1
    if (next === wanted.length) return true
  }
  return false
}

/** `r` in `-rf`, and `recursive` in `--recursive` or what GNU takes for it, `--recurs`. */
function hasOption(given: readonly Word[], name: string): boolean {
  for (const { text } of given) {
    if (text === '--') return false
    if (name.length === 1) {
      if (/^-[A-Za-z0-9]/.test(text) && text.includes(name)) return true
    } else if (text.startsWith('--') && text.length > 4) {
      const own = text.slice(2).split('=')[0] ?? ''
      if (own === name || (own.length > 2 && name.startsWith(own))) return true
    } else if (text === `-${name}`) return true
  }
  return false
}
