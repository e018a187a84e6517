/** Which job a token names, and that no claim can spell somebody else's name. */
import { describe, expect, test } from 'bun:test'
import { type CiRules, ciIdentityOf } from './ci.ts'

const rule: CiRules = {
  name: 'app',
  issuer: 'https://ci.example.com',
  audience: 'sluice',
  claims: { repository: 'org/app', protected: true },
  subject: 'ci:org/app',
  groups: ['ci'],
}
const named = (rules: readonly CiRules[], claims: Record<string, unknown>) => {
  const identity = ciIdentityOf(rules, { jti: 'j', ...claims }, 'jwt')
  return 'allowed' in identity ? identity.rule.replace('identity.ci.', '') : identity.subject
}

describe('a job', () => {
  test('is who its bound claims say', () => {
    const claims = { jti: 'j', repository: 'org/app', protected: true }
    expect(ciIdentityOf([rule], claims, 'jwt')).toEqual({
      issuer: 'https://ci.example.com',
      subject: 'ci:org/app',
      groups: ['ci'],
      method: 'token',
      credential: 'j',
    })
  })

  test('needs each of them, of its own kind', () => {
    for (const claims of [
      {},
      { repository: 'org/app' },
      { repository: 'org/app', protected: 'true' },
      { repository: 'org/app', protected: false },
      { repository: 'org/App', protected: true },
      { repository: ['org/app'], protected: true },
      { repository: { toString: 'org/app' }, protected: true },
    ])
      expect(named([rule], claims), JSON.stringify(claims)).toBe('claims')
    // An entry that binds nothing would be for everybody at a public forge.
    expect(named([{ ...rule, claims: {} }], { repository: 'org/app' })).toBe('claims')
    expect(named([{ ...rule, claims: { constructor: 'x' } }], {})).toBe('claims')
  })

  test('is one of several, of exactly one entry', () => {
    const several = {
      ...rule,
      claims: { repository: ['org/a', 'org/b'] },
      subject: 'ci:{repository}',
    }
    expect(named([several, rule], { repository: 'org/b' })).toBe('ci:org/b')
    expect(named([several], { repository: 'org/c' })).toBe('claims')
    expect(named([several, { ...several, name: 'more' }], { repository: 'org/a' })).toBe(
      'ambiguous',
    )
  })

  test('is named by claims that cannot be read as anything else', () => {
    const of = (subject: string, claims: Record<string, unknown>) =>
      named([{ ...rule, claims: { owner: 'org' }, subject }], { owner: 'org', ...claims })
    expect(of('ci:{repository}:{environment}', { repository: 'org/a', environment: 'prod' })).toBe(
      'ci:org/a:prod',
    )
    for (const value of [
      'a:prod',
      'a@b',
      'a#b',
      'a b',
      'a\nb',
      'a\u202eb',
      '',
      '-x',
      '../x',
      'a/../b',
      '{owner}',
      'é',
      7,
      true,
      ['a'],
      undefined,
    ])
      expect(of('ci:{repository}', { repository: value }), String(value)).toBe('subject')
    expect(of('ci:{repository}', { repository: 'x'.repeat(300) })).toBe('subject')
    expect(of('ci:{constructor}', {})).toBe('subject')
  })
})
