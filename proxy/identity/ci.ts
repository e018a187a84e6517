/**
 * Which job an ID token of a forge names: by issuer, audience and bound claims, each entry of the configuration for
 * itself, and exactly one of them.
 *
 * @module
 */
import type { JWTPayload } from 'jose'
import type { Identity } from '../core/identity.ts'
import type { Denial } from '../core/verdict.ts'
import { tokenName } from './claims.ts'
import { subject_characters_max } from './limits.ts'

/** As a configuration has it. */
export interface CiRules {
  readonly name: string
  readonly issuer: string
  readonly audience: string
  /** At least one. A list: one of these. */
  readonly claims: Readonly<Record<string, string | boolean | number | readonly string[]>>
  /** A name, or a template with claims in braces. */
  readonly subject: string
  readonly groups: readonly string[]
}

/** `claims` of a verified token with the issuer and the audience of all `rules`. `jwt` names it where its claims do not. */
export function ciIdentityOf(
  rules: readonly CiRules[],
  claims: JWTPayload,
  jwt: string,
): Identity | Denial {
  const fitting = rules.filter((each) => isBound(each, claims))
  const [rule] = fitting
  if (rule === undefined)
    return denied('claims', 'the token is of a job that no entry of identity.ci is for')
  // The order of a file must not decide whose rights a job has.
  if (fitting.length > 1)
    return denied(
      'ambiguous',
      'more than one entry of identity.ci is for this job: bind them apart',
    )
  const subject = fill(rule.subject, claims)
  if (subject === undefined)
    return denied(
      'subject',
      `the claims of the token do not make a name (identity.ci ${rule.name})`,
    )
  return {
    issuer: rule.issuer,
    subject,
    groups: rule.groups,
    method: 'token',
    credential: tokenName(claims, jwt),
  }
}

function isBound({ claims: bound }: CiRules, claims: JWTPayload): boolean {
  const entries = Object.entries(bound)
  return (
    entries.length > 0 &&
    entries.every(([name, wanted]) => {
      const value = Object.hasOwn(claims, name) ? claims[name] : undefined
      if (typeof wanted !== 'object') return value === wanted
      return typeof value === 'string' && wanted.includes(value)
    })
  )
}

/** No colon, "@" or "#", which stand between values, and nothing that means something in a path. */
const is_value = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/

/** Undefined when a claim is missing, or could be read as something else in this place. */
function fill(template: string, claims: JWTPayload): string | undefined {
  let is_whole = true
  const subject = template.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    if (typeof value === 'string' && is_value.test(value) && !value.includes('..')) return value
    is_whole = false
    return ''
  })
  return is_whole && subject.length <= subject_characters_max ? subject : undefined
}

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule: `identity.ci.${rule}`, message }
}
