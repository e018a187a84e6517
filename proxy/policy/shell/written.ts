/**
 * Files that a line writes and then runs: what runs is only known when it does, as in `cp /bin/rm x; ./x -rf /`.
 *
 * @module
 */
import type { OpaqueKind, ShellCommand } from './reading.ts'
import { fetchers } from './wrappers.ts'

/** Programs whose last word is a file that they make. */
const makers = new Set('cp mv ln install tee rsync scp ditto'.split(' '))

/** Names of files without their folder, and how they came about. */
export function written(
  command: ShellCommand,
): readonly (readonly [name: string, kind: OpaqueKind])[] {
  const words = command.arguments.map(({ text }) => text)
  const operands = words.filter((word) => !word.startsWith('-'))
  const found: (readonly [string, OpaqueKind])[] = command.writes.map(({ text }) => [
    text,
    'evaluated',
  ])
  if (fetchers.has(command.program))
    found.push(...words.map((word) => [word.replace(/[?#].*$/, ''), 'fetched'] as const))
  if (command.program === 'tee') found.push(...operands.map((word) => [word, 'evaluated'] as const))
  if (command.program === 'dd')
    found.push(
      ...words.filter((word) => word.startsWith('of=')).map((word) => [word, 'evaluated'] as const),
    )
  const last = operands.at(-1)
  if (makers.has(command.program) && last !== undefined) {
    found.push([last, 'evaluated'])
    // Into a folder, under its own name.
    if (/(^|\/)\.{0,2}$/.test(last))
      found.push(...operands.map((word) => [word, 'evaluated'] as const))
  }
  return found.map(([path, kind]) => [baseName(path), kind])
}

/** The name by which a file is called, without its folder. */
export const baseName = (path: string): string => path.replace(/^.*[/=]/s, '')
