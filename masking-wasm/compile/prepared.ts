/**
 * The default packs as they were compiled at build time: what most gateways and commands run with then costs
 * some milliseconds at their start, not a second. Any other rules are compiled, and so is everything where secrets are known.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { default_packs, rulesOf } from '../rules/index.ts'
import type { KnownSecret } from '../rules/known.ts'
import type { Rule } from '../rules/rule.ts'
import { type Compiled, compile, compileKnown, digestOf, hashOf, type Ruleset } from './compile.ts'

export const prepared_path: string = fileURLToPath(
  new URL('../build/default.tables', import.meta.url),
)

/** What stands before the tables, as one line of JSON; all of it is compressed with zstd. */
interface Head extends Omit<Ruleset, 'tables' | 'hash'> {
  /** {@link digestOf} the rules: others are not what was prepared. */
  readonly rules: string
}

const line_feed = 0x0a

/** As {@link compile}, and {@link compileKnown} where there are known secrets. */
export function rulesetOf(rules: readonly Rule[], known: readonly KnownSecret[] = []): Compiled {
  if (known.length > 0) return compileKnown(rules, known)
  const prepared = rules.length === rulesOf(default_packs).length ? read(rules) : undefined
  return prepared === undefined ? compile(rules) : { ok: true, ruleset: prepared }
}

/** For the build. */
export function prepare(): Uint8Array {
  const rules = rulesOf(default_packs)
  const compiled = compile(rules)
  if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
  const { tables, names, slow } = compiled.ruleset
  const head: Head = { rules: digestOf(rules), names, slow }
  return Bun.zstdCompressSync(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), tables]), {
    level: 19,
  })
}

/** Undefined when there is no such file, or it is of other rules. */
function read(rules: readonly Rule[]): Ruleset | undefined {
  let bytes: Uint8Array
  try {
    bytes = Bun.zstdDecompressSync(readFileSync(prepared_path))
  } catch {
    return undefined
  }
  const at = bytes.indexOf(line_feed)
  const head: Head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, at)))
  if (head.rules !== digestOf(rules)) return undefined
  const { names, slow } = head
  const tables = bytes.slice(at + 1)
  // Of what is used, whatever the file says: manifests have it.
  return { names, slow, tables, hash: hashOf(head.rules, tables) }
}
