/**
 * What of statements no policy decides: those that nobody could judge, or after which nobody could judge another.
 *
 * @module
 */
import type { Statement, StatementTrait } from '../core/statement.ts'
import type { Denial } from '../core/verdict.ts'

const unjudged: Readonly<Partial<Record<StatementTrait, string>>> = {
  unparsed: 'this statement cannot be read by the gateway, so it is not let through',
  syntax: 'how statements are read must not change in a session',
}

export function refusedStatement({ traits }: Statement): Denial | undefined {
  for (const trait of traits) {
    const message = unjudged[trait]
    if (message !== undefined) return { allowed: false, rule: `policy.sql.${trait}`, message }
  }
  return undefined
}
