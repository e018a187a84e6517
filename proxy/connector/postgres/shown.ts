/**
 * What who approves a statement sees: its text, what the names in it stand for, and the parameters of its run.
 *
 * @module
 */
import { statement_record_bytes_max } from '../../core/limits.ts'
import { joined } from './message.ts'

/** A record of a statement holds as much: what is longer nobody could compare with it. */
export const shown_bytes_max: number = statement_record_bytes_max

const encoder = new TextEncoder()

export interface NamedText {
  readonly name: string
  readonly text: Uint8Array | undefined
}

/** Undefined where it is too long, or a part of it is not known any more. */
export function shownText(text: Uint8Array, named: readonly NamedText[]): Uint8Array | undefined {
  return all([
    text,
    ...named.flatMap(({ name, text: inner }) => [
      encoder.encode(`\n-- ${plain(name)} is:\n`),
      inner,
    ]),
  ])
}

/** `texts`: all that a name may stand for. */
export function shownRun(
  texts: readonly (Uint8Array | undefined)[],
  parameters: Uint8Array,
): Uint8Array | undefined {
  const parts = texts.flatMap((text, index) =>
    index === 0 ? [text] : [encoder.encode('\n-- or\n'), text],
  )
  return all(parameters.length === 0 ? parts : [...parts, encoder.encode('\n'), parameters])
}

function all(parts: readonly (Uint8Array | undefined)[]): Uint8Array | undefined {
  const known = parts.filter((part) => part !== undefined)
  const length = known.reduce((sum, part) => sum + part.length, 0)
  return known.length < parts.length || length > shown_bytes_max ? undefined : joined(known, length)
}

const plain = (name: string): string => name.replace(/\p{C}/gu, '?').slice(0, 64)
