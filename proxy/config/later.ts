/**
 * Keys and values that the format has and this version does not: they are refused by name,
 * since a setting that is silently ignored is a promise that is silently broken.
 *
 * @module
 */
import type { Path } from './document.ts'

/** `*` stands for an index or a chosen name. */
const keys: ReadonlySet<string> = new Set(['listen.docker', 'listen.kubernetes', 'events'])

const values: Readonly<Record<string, readonly string[]>> = {
  'targets.*.protocol': ['docker', 'kubernetes'],
}

export interface Later {
  readonly path: Path
  readonly message: string
}

/** Everything in `data` that a later version will understand, in no order. */
export function findLater(data: unknown): readonly Later[] {
  const found: Later[] = []
  walk(data, [], '', found)
  return found
}

function walk(value: unknown, path: Path, pattern: string, found: Later[]): void {
  // No key of the format lies deeper.
  if (path.length > 6) return
  if (typeof value === 'string' && values[pattern]?.includes(value) === true) {
    found.push({ path, message: `"${value}" is not available in this version` })
    return
  }
  if (typeof value !== 'object' || value === null) return
  const is_list = Array.isArray(value)
  for (const [key, inner] of Object.entries(value)) {
    const step = is_list ? Number(key) : key
    const inner_pattern = [pattern, is_list ? '*' : key].filter((part) => part !== '').join('.')
    const inner_path = [...path, step]
    if (keys.has(inner_pattern))
      found.push({ path: inner_path, message: 'is not available in this version' })
    else walk(inner, inner_path, inner_pattern, found)
  }
}
