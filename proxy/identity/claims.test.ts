/** From claims to somebody the gateway knows. */
import { describe, expect, test } from 'bun:test'
import { type ClaimRules, identityOf } from './claims.ts'

const rules: ClaimRules = {
  name: 'corp',
  issuer: 'https://idp.example.com',
  groups_claim: 'groups',
  subject_claim: 'sub',
  roles: { user: ['staff'], admin: ['platform'] },
  bind_session_to_token: false,
}
const claims = { sub: 'ann', groups: ['staff', 'platform'], exp: 1_800_000_600 }

describe('claims', () => {
  test('name a subject, its groups and the roles of those', () => {
    expect(identityOf(rules, { ...claims, jti: 'token-1', sid: 's' }, 'a.b.c')).toEqual({
      identity: {
        issuer: 'https://idp.example.com',
        subject: 'ann',
        groups: ['staff', 'platform'],
        method: 'token',
        credential: 'token-1',
      },
      roles: ['user', 'admin'],
    })
  })

  test('name the credential by sid, or by the digest of the token', () => {
    expect(identityOf(rules, { ...claims, sid: 's-1' }, 'a.b.c')).toMatchObject({
      identity: { credential: 's-1' },
    })
    // printf a.b.c | sha256sum | xxd -r -p | base64
    expect(identityOf(rules, claims, 'a.b.c')).toMatchObject({
      identity: { credential: 'SHA256:hF4wRIgJ4ryJWOsCW/x5UjXROwd6U9DDq70jhRcNybg' },
    })
  })

  test('end the sessions where they are bound to the token', () => {
    const bound = { ...rules, bind_session_to_token: true }
    expect(identityOf(bound, claims, 'jwt')).toMatchObject({
      identity: { ends_us: 1_800_000_600_000_000 },
    })
  })

  test('give no role for a group that has none, and `user` to all where nobody is named', () => {
    const visitor = { ...claims, groups: ['Staff', 'staff2', 'visitors'] }
    expect(identityOf(rules, visitor, 'jwt')).toMatchObject({ roles: [] })
    expect(identityOf(rules, { ...claims, groups: undefined }, 'jwt')).toMatchObject({ roles: [] })
    const open = { ...rules, roles: { auditor: ['audit'] } }
    expect(identityOf(open, { ...claims, groups: 'audit' }, 'jwt')).toMatchObject({
      roles: ['user', 'auditor'],
    })
    expect(identityOf(open, { sub: 'ann' }, 'jwt')).toMatchObject({ roles: ['user'] })
  })

  const denied: readonly (readonly [string, object])[] = [
    ['no subject', { sub: undefined }],
    ['an empty subject', { sub: '' }],
    ['a subject of two words', { sub: 'ann b' }],
    ['a subject that moves the cursor', { sub: 'ann\u001b[2J' }],
    ['a subject that turns text around', { sub: 'ann\u202e' }],
    ['a subject without an end', { sub: 'a'.repeat(256) }],
    ['a subject that is no text', { sub: 7 }],
    ['groups that are no texts', { groups: ['staff', 7] }],
    ['groups that are an object', { groups: { staff: true } }],
    ['a group of two lines', { groups: ['staff\nadmin'] }],
    ['more groups than are read', { groups: Array.from({ length: 501 }, (_, i) => `g${i}`) }],
  ]
  for (const [name, changed] of denied)
    test(`with ${name} are denied`, () => {
      expect(identityOf(rules, { ...claims, ...changed }, 'jwt')).toMatchObject({ allowed: false })
    })

  test('an e-mail address is somebody only when it was verified', () => {
    const by_mail = { ...rules, subject_claim: 'email' }
    const mail = { ...claims, email: 'ann@example.com' }
    expect(identityOf(by_mail, mail, 'jwt')).toMatchObject({ allowed: false })
    expect(identityOf(by_mail, { ...mail, email_verified: 'true' }, 'jwt')).toMatchObject({
      allowed: false,
    })
    expect(identityOf(by_mail, { ...mail, email_verified: true }, 'jwt')).toMatchObject({
      identity: { subject: 'ann@example.com' },
    })
  })
})
