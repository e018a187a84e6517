/**
 * Fields on their way to the recorder's Worker: thousands of small objects cost more to send than the bytes they are
 * about.
 *
 * @module
 */
import type { Field } from '../core/connector.ts'

export interface FlatFields {
  /** Start and end of each. */
  readonly places: Uint32Array<ArrayBuffer>
  /** Of those that have one: which field, and its rule. */
  readonly rules: readonly (readonly [index: number, rule: string])[]
}

export function flatten(fields: readonly Field[]): FlatFields {
  const places = new Uint32Array(2 * fields.length)
  const rules: [number, string][] = []
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]
    if (field === undefined) break
    places[2 * index] = field.start
    places[2 * index + 1] = field.end
    if (field.rule !== undefined) rules.push([index, field.rule])
  }
  return { places, rules }
}

/** Those of a message, if it has any. */
export function fieldsOf(message: {
  readonly fields?: FlatFields | readonly Field[]
}): readonly Field[] | undefined {
  if (message.fields === undefined || !('places' in message.fields)) return message.fields
  const { places, rules } = message.fields
  const fields: Field[] = []
  for (let at = 0; at < places.length; at += 2)
    fields.push({ start: places[at] ?? 0, end: places[at + 1] ?? 0 })
  for (const [index, rule] of rules) {
    const field = fields[index]
    if (field !== undefined) fields[index] = { ...field, rule }
  }
  return fields
}
