/**
 * The configured masking rules and the known secrets, compiled.
 *
 * @module
 */
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { type CustomPattern, customRules, positionIn } from '../../masking-wasm/compile/custom.ts'
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { type Pack, rulesOf } from '../../masking-wasm/rules/index.ts'
import type { KnownSecret } from '../../masking-wasm/rules/known.ts'

export type CompiledRules =
  | { readonly ok: true; readonly ruleset: Ruleset }
  | {
      readonly ok: false
      /** Index of the custom rule that is refused, where one is to blame. */
      readonly index: number | undefined
      readonly rule: string
      readonly reason: string
    }

export function compileRules(
  packs: readonly Pack[],
  custom: readonly CustomPattern[],
  known: readonly KnownSecret[] = [],
): CompiledRules {
  const rules = rulesOf(packs)
  const own = customRules(
    custom,
    rules.map(({ name }) => name),
  )
  if (!own.ok) return own
  const compiled = rulesetOf([...rules, ...own.rules], known)
  if (compiled.ok) return { ok: true, ruleset: compiled.ruleset }
  const { rule, reason, position } = compiled
  const index = custom.findIndex(({ name }) => name === rule)
  const at = position === undefined ? undefined : positionIn(custom[index]?.pattern ?? '', position)
  return {
    ok: false,
    index: index < 0 ? undefined : index,
    rule,
    reason: at === undefined ? reason : `${reason}, at character ${at + 1}`,
  }
}
