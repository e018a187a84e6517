/**
 * What a verb of `sluice` is: its words, its options, and what it does. Exit status: 0 done, 1 a finding,
 * a denial or a failure, 2 wrong usage.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { nearest } from '../core/nearest.ts'
import type { Console } from './console.ts'

export type ExitCode = 0 | 1 | 2

export interface Verb {
  readonly name: string
  /** One line for the list of verbs. */
  readonly summary: string
  /** The operands, as the usage line shows them: `ID`. */
  readonly operands: string
  readonly operands_min: number
  readonly operands_max: number
  readonly options: Readonly<Record<string, Option>>
  /** Words that a shell may complete as the first operand. */
  readonly completions?: readonly string[]
  run(call: Call): Promise<ExitCode>
}

export interface Option {
  /** The name of its value; without one it is a switch. */
  readonly value?: string
  readonly short?: string
  readonly is_repeatable?: boolean
  readonly help: string
}

export interface Call {
  readonly console: Console
  readonly operands: readonly string[]
  /** The value of an option; of one given more than once, the last. */
  text(name: string): string | undefined
  texts(name: string): readonly string[]
  flag(name: string): boolean
}

/** The user's words make no sense: exit 2, with the usage line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The user's words are understood and cannot be done: exit 1, with this one line. */
export class VerbError extends Error {
  override readonly name = 'VerbError'
}

/** Options that every verb with a printed result has. */
export const json_option: Option = { help: 'print JSON for programs' }

export const data_options: Readonly<Record<string, Option>> = {
  data: { value: 'DIR', help: 'the data directory (default ./data)' },
  config: { value: 'FILE', help: 'take the data directory and its key from this configuration' },
  'key-file': { value: 'FILE', help: 'the key of a data directory that is encrypted at rest' },
}

const help_option: Option = { short: 'h', help: 'show this text' }

/** Throws a {@link UsageError}. */
export function parseCall(verb: Verb, words: readonly string[], console: Console): Call {
  const options = Object.fromEntries(
    Object.entries(allOptions(verb)).map(([name, option]) => [
      name,
      {
        type: option.value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: true as const,
        ...(option.short === undefined ? {} : { short: option.short }),
      },
    ]),
  )
  let values: Readonly<Record<string, readonly (string | boolean)[] | undefined>>
  let operands: readonly string[]
  try {
    const parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true })
    values = parsed.values
    operands = parsed.positionals
  } catch (error) {
    throw new UsageError(wrongOption(error, verb))
  }
  const texts = (name: string): readonly string[] =>
    (values[name] ?? []).filter((value) => typeof value === 'string')
  const flag = (name: string): boolean => values[name]?.includes(true) === true
  for (const [name, option] of Object.entries(verb.options))
    if (option.is_repeatable !== true && texts(name).length > 1)
      throw new UsageError(`--${name} is given twice`)
  // Whoever asks for help need not be right about the rest.
  if (!flag('help') && operands.length < verb.operands_min)
    throw new UsageError(`${verb.operands} is missing`)
  if (operands.length > verb.operands_max)
    throw new UsageError(`too many words: ${JSON.stringify(operands[verb.operands_max])}`)
  return { console, operands, text: (name) => texts(name).at(-1), texts, flag }
}

/** In the words of Node, which say which option, and what it may have been meant for. */
function wrongOption(error: unknown, verb: Verb): string {
  if (!(error instanceof Error)) return 'wrong usage'
  const said = firstSentence(error.message)
  const long = /^Unknown option '--([^'=]+)'/.exec(said)?.[1]
  if (long !== undefined) {
    const meant = nearest(long, Object.keys(allOptions(verb)))
    return meant === undefined ? said : `${said}; did you mean --${meant}?`
  }
  // `rm -rf /` in words of its own.
  const is_command = /^Unknown option '-?[^-]'/.test(said) && verb.operands.includes('COMMAND')
  return is_command ? `${said}: put the command in quotes, or behind --` : said
}

export function usageLine(verb: Verb): string {
  const operands = verb.operands === '' ? '' : ` ${verb.operands}`
  return `usage: sluice ${verb.name}${operands}${verb.name === 'help' ? '' : ' [options]'}`
}

export function helpText(verb: Verb): string {
  const rows = Object.entries(allOptions(verb)).map(([name, { value, short, help }]) => {
    const names = `${short === undefined ? '    ' : `-${short}, `}--${name}`
    return [`  ${names}${value === undefined ? '' : ` ${value}`}`, help] as const
  })
  const width = Math.max(...rows.map(([left]) => left.length))
  const lines = rows.map(([left, help]) => `${left.padEnd(width)}  ${help}`)
  return `${verb.summary}\n\n${usageLine(verb)}\n\n${lines.join('\n')}\n`
}

export function allOptions(verb: Verb): Readonly<Record<string, Option>> {
  return { ...verb.options, help: help_option }
}

/** A whole number in an option, within bounds. */
export function numberOption(
  call: Call,
  name: string,
  otherwise: number,
  min: number,
  max: number,
): number {
  const text = call.text(name)
  if (text === undefined) return otherwise
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max))
    throw new UsageError(`--${name} must be a number from ${min} to ${max}`)
  return value
}

function firstSentence(message: string): string {
  return message.split(/[.\n]/)[0] ?? message
}
