/**
 * Where a value lies, in a message and in what it is a part of.
 *
 * @module
 */
import type { Field } from '../../core/connector.ts'

/** The same place further on. Written out, as it is done for each value of each row. */
export function movedBy({ start, end, rule }: Field, by: number): Field {
  return rule === undefined
    ? { start: by + start, end: by + end }
    : { start: by + start, end: by + end, rule }
}
