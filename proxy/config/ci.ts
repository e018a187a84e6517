/**
 * Jobs of a forge that prove who they are by its ID tokens.
 *
 * @module
 */
import type { Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { CiJobs } from './model.ts'
import { refusalOfUrl } from './oidc.ts'
import type { ConfigFile } from './schema.ts'

/** Begins with a name of its own and a colon, so that no claim can spell somebody else's name. */
const template_prefix = /^[A-Za-z0-9._-]+:/
/** What a claim's value can never hold (`proxy/identity/ci.ts`), so that no two values can be read as another two. */
const separator = /[:@#]/

export function ciJobs(file: ConfigFile, { findings }: Surroundings): readonly CiJobs[] {
  const providers = new Set((file.identity?.oidc ?? []).map(({ issuer }) => issuer))
  const people = new Set((file.identity?.keys ?? []).map(({ subject }) => subject))
  const names = new Set<string>()
  const subjects = new Set<string>()
  return (file.identity?.ci ?? []).map((given, index) => {
    const at: Path = ['identity', 'ci', index]
    const { name, issuer, audience, claims, subject, groups } = given
    if (names.has(name)) findings.error([...at, 'name'], 'another entry has this name')
    names.add(name)
    const refusal = refusalOfUrl(issuer)
    if (refusal !== undefined) findings.error([...at, 'issuer'], refusal)
    if (providers.has(issuer))
      findings.error([...at, 'issuer'], 'identity.oidc has this issuer: a token is of one of both')
    // Whoever has an account at a public forge has tokens for any audience.
    if (Object.keys(claims).length === 0)
      findings.error(
        [...at, 'claims'],
        'expected at least one claim that binds the tokens to your own jobs',
      )
    const unsafe = subject.includes('{') || subject.includes('}') ? whyUnsafe(subject) : undefined
    if (unsafe !== undefined) findings.error([...at, 'subject'], unsafe)
    if (people.has(subject))
      findings.warn([...at, 'subject'], 'identity.keys has this subject too: each job is its own')
    if (subjects.has(subject) && !subject.includes('{'))
      findings.warn([...at, 'subject'], 'another entry has this subject: each job is its own')
    subjects.add(subject)
    return { name, issuer, audience, claims, subject, groups: groups ?? [] }
  })
}

/** Undefined for a template that nobody's claims can make into another's name. */
function whyUnsafe(template: string): string | undefined {
  const parts = template.split(/\{([^{}]+)\}/)
  // Names of claims stand at odd places, what is between them at even ones.
  const between = parts.filter((_, place) => place % 2 === 0)
  if (between.some((text) => /[{}]/.test(text))) return 'expected claims as {NAME}'
  const [first = '', ...others] = between
  if (!template_prefix.test(first))
    return 'a template begins with a name of its own: "ci:{repository}"'
  if (others.slice(0, -1).some((text) => !separator.test(text)))
    return 'expected ":", "@" or "#" between two claims: their values could be read as others'
  return undefined
}
