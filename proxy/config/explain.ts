/**
 * What is wrong with the shape of a config, in the words of its reader. Never repeats a value.
 *
 * @module
 */
import { z } from 'zod'
import { nearest } from '../core/nearest.ts'
import { type Path, quote } from './document.ts'
import { configSchema } from './schema.ts'

export interface Problem {
  readonly path: Path
  readonly message: string
}

/** `issue` must come from a parse with `reportInput`. */
export function explain(issue: z.core.$ZodIssue): readonly Problem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
  const one = (message: string): readonly Problem[] => [{ path, message }]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, path) }))
    case 'invalid_type':
      if (issue.input === undefined) return one('is missing')
      if (issue.input === null) return one(`is empty; expected ${kind(issue.expected)}`)
      return one(`expected ${kind(issue.expected)}`)
    case 'invalid_value':
      if (issue.input === undefined) return one('is missing')
      return one(`expected ${issue.values.map(String).join(' or ')}`)
    case 'invalid_union':
      if (issue.input === undefined) return one('is missing')
      if (path.join('.') === 'policy.shell')
        return one('expected allow or deny, or { minimum_confidence: screen, shell or exact }')
      // One that may also be a mapping: what is wrong in it is of more use.
      if (typeof issue.input === 'object' && issue.input !== null && !Array.isArray(issue.input))
        return (issue.errors.at(-1) ?? []).flatMap((inner) =>
          explain({ ...inner, path: [...issue.path, ...inner.path] }),
        )
      return one('expected a string or a list of strings')
    case 'invalid_key':
      return one(issue.issues[0]?.message ?? 'this name is not possible')
    case 'invalid_format':
      return one(issue.message)
    case 'too_small':
      return one(`expected at least ${issue.minimum}${unit(issue.origin, issue.minimum)}`)
    case 'too_big':
      return one(`expected at most ${issue.maximum}${unit(issue.origin, issue.maximum)}`)
    case 'not_multiple_of':
    case 'invalid_element':
    case 'custom':
      return one('this value is not possible')
  }
}

function kind(expected: string): string {
  switch (expected) {
    case 'string':
      return 'a string'
    case 'int':
      return 'a whole number'
    case 'number':
      return 'a number'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
    case 'record':
      return 'a mapping of keys to values'
    default:
      return expected
  }
}

function unit(origin: string, amount: number | bigint): string {
  const is_one = Number(amount) === 1
  if (origin === 'string') return is_one ? ' character' : ' characters'
  if (origin === 'array') return is_one ? ' entry' : ' entries'
  return ''
}

function unknownKey(key: string, path: Path): string {
  const known = knownKeys(path)
  const meant = nearest(key, known)
  return meant === undefined
    ? `unknown key; known here: ${known.join(', ')}`
    : `unknown key; did you mean ${quote(meant)}?`
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | false
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
}

/** Taken from the schema itself, so that a hint never names what is not there. */
function knownKeys(path: Path): readonly string[] {
  // A JSON Schema is wider than what is read of it here.
  let at = z.toJSONSchema(configSchema) as JsonSchema | undefined
  for (const part of path) {
    const open = at?.additionalProperties
    at =
      typeof part === 'number'
        ? at?.items
        : (at?.properties?.[part] ?? (open === false ? undefined : open))
  }
  const shapes = at === undefined ? [] : [at, ...(at.anyOf ?? [])]
  return shapes.flatMap(({ properties = {} }) => Object.keys(properties))
}
