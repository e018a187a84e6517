/**
 * How risky each command of a line is, by the catalogue.
 *
 * @module
 */

import type { Risk } from '../../core/verdict.ts'
import { baseName, unwrap } from '../program.ts'
import type { OpaqueKind, Reading, ShellCommand } from '../shell/reading.ts'
import { simpleCommands } from '../shell-words.ts'
import { catalogue, opaque_entries } from './catalogue.ts'
import type { Entry } from './entry.ts'
import { matches } from './match.ts'

export interface Finding {
  /** The entry of the catalogue. */
  readonly id: string
  readonly risk: Risk
  readonly says: string
}

export interface AssessedCommand {
  readonly command: ShellCommand
  readonly risk: Risk
  readonly findings: readonly Finding[]
  /** It stands for what could not be read. */
  readonly is_unread?: true
}

export interface Assessment {
  /** Each command that was found, and one without a program for what could not be read. */
  readonly commands: readonly AssessedCommand[]
  readonly is_shell: boolean
  readonly is_opaque: boolean
  /** The worst of all. */
  readonly risk: Risk
  /** Of all commands, the worst first, each entry once. */
  readonly findings: readonly Finding[]
}

const order: readonly Risk[] = ['low', 'medium', 'high', 'critical']
export const isAbove = (a: Risk, b: Risk): boolean => order.indexOf(a) > order.indexOf(b)

const by_program = new Map<string, readonly Entry[]>()

/** Of a line that may be a part of something, or no command at all: that it does not parse says nothing of it. */
const tolerated: ReadonlySet<OpaqueKind> = new Set(['syntax', 'text'])

/** `line`: the command as it came. `is_part`: it may be one line of many, or be meant for a program that is no shell. */
export function assess(reading: Reading, line: Uint8Array, is_part = false): Assessment {
  const text = new TextDecoder().decode(line)
  const commands = reading.commands.map((command) => assessCommand(command, text))
  // The whole line counts once, also where no command was found.
  const nothing: ShellCommand = {
    program: '',
    arguments: [],
    assigns: [],
    writes: [],
    reads: [],
    folders: [],
  }
  const unread: Finding[] = reading.opaque
    .filter((kind) => !is_part || !tolerated.has(kind))
    .map((kind) => opaque_entries[kind])
  const lines = line_entries.filter(({ shapes }) =>
    shapes.some((shape) => shape.line?.test(text) === true),
  )
  if (unread.length > 0 || lines.length > 0) {
    const findings = [...lines, ...unread].map(finding)
    const is_unread = unread.length > 0
    commands.push({
      command: nothing,
      risk: worst(findings),
      findings,
      ...(is_unread ? { is_unread: true as const } : {}),
    })
  }
  // A second reading, of words alone, where the first one met an error: it can only make it worse.
  if (reading.opaque.includes('syntax') || reading.opaque.includes('size'))
    commands.push(...roughly(text).map((command) => assessCommand(command, text)))
  const findings = [
    ...new Map(commands.flatMap((one) => one.findings).map((one) => [one.id, one])).values(),
  ].toSorted((a, b) => order.indexOf(b.risk) - order.indexOf(a.risk))
  return {
    commands,
    is_shell: reading.is_shell,
    is_opaque: unread.length > 0,
    risk: worst(findings),
    findings,
  }
}

const line_entries = catalogue.filter(({ shapes }) => shapes.some(({ line }) => line !== undefined))

function assessCommand(command: ShellCommand, text: string): AssessedCommand {
  const findings = entriesFor(command.program)
    .filter(({ shapes }) =>
      shapes.some((shape) => shape.line === undefined && matches(shape, command, { text })),
    )
    .map(finding)
  return { command, risk: worst(findings), findings }
}

const finding = ({ id, risk, says }: Finding): Finding => ({ id, risk, says })

const worst = (findings: readonly Finding[]): Risk =>
  findings.reduce<Risk>((most, { risk }) => (isAbove(risk, most) ? risk : most), 'low')

/** Entries that may match a program, so that most commands are compared with few. */
function entriesFor(program: string): readonly Entry[] {
  const known = by_program.get(program)
  if (known !== undefined) return known
  const found = catalogue.filter(({ shapes }) =>
    shapes.some(
      ({ programs }) =>
        programs === undefined ||
        programs.some((name) =>
          name.endsWith('*') ? program.startsWith(name.slice(0, -1)) : name === program,
        ),
    ),
  )
  // Names come from clients.
  if (by_program.size < programs_kept_max) by_program.set(program, found)
  return found
}
const programs_kept_max = 4_096

function roughly(text: string): readonly ShellCommand[] {
  return simpleCommands(text).map((words) => {
    const [program = '', ...rest] = unwrap(words)
    return {
      program: baseName(program),
      arguments: rest.map((word) =>
        /[*?[]/.test(word) ? { text: word, pattern: word } : { text: word },
      ),
      assigns: [],
      writes: [],
      reads: [],
      folders: ['~'],
    }
  })
}
