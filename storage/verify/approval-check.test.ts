/** Approvals of a session that had to be signed: each that is not, or for something else, has its reason. */
import { expect, test } from 'bun:test'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import type { PasskeySignature } from '../evidence/passkey.ts'
import type { RecordHeader } from '../evidence/record.ts'
import { ApprovalCheck } from './approval-check.ts'

type Hold = Extract<RecordHeader, { kind: 'hold' }>
type Approval = Extract<RecordHeader, { kind: 'approval' }>
const place = { v: 1, session: 's', seq: 1, t_us: 1, channel: 1, bytes: 0 } as const
const digest = 'ab'.repeat(32)
const hold = (more: Partial<Hold> = {}): Hold => ({
  ...place,
  kind: 'hold',
  request: 'r',
  digest,
  rule: 'x',
  approvals: [{ group: '', quorum: 1 }],
  expires_us: 2,
  passkey: true,
  ...more,
})
const approval = (more: Partial<Approval> = {}): Approval => ({
  ...place,
  kind: 'approval',
  request: 'r',
  outcome: 'approved',
  by: [{ subject: 'bob', issuer: '' }],
  comment: '',
  ...more,
})
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const passkey = ((): PasskeySignature => {
  const challenge = Buffer.from(digest, 'hex').toString('base64url')
  const client = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge }))
  const data = Buffer.alloc(37)
  data[32] = 5
  const hash = createHash('sha256').update(client).digest()
  return {
    credential: 'AAAA',
    public_key: { ...publicKey.export({ format: 'jwk' }) } as Record<string, string>, // All texts.
    authenticator_data: data.toString('base64'),
    client_data: client.toString('base64'),
    signature: sign(null, Buffer.concat([data, hash]), privateKey).toString('base64'),
  }
})()
const check = (...records: readonly RecordHeader[]): readonly (string | undefined)[] => {
  const checked = new ApprovalCheck()
  return records.map((record) => checked.check(record))
}
const bob = { subject: 'bob', issuer: '' }

test('signed, or never to be signed, is right; so is one that was not approved', () => {
  expect(check(hold(), approval({ by: [{ ...bob, passkey }] }))).toEqual([undefined, undefined])
  const { passkey: _, ...plain } = hold()
  expect(check(plain, approval())[1]).toBeUndefined()
  for (const outcome of ['denied', 'expired', 'cancelled'] as const)
    expect(check(hold(), approval({ outcome }))[1]).toBeUndefined()
})

test('not signed, by one of two, for another request, or for none', () => {
  expect(check(hold(), approval())[1]).toContain('somebody used none')
  expect(check(hold(), approval({ by: [{ ...bob, passkey }, bob] }))[1]).toContain('used none')
  const other = hold({ digest: 'cd'.repeat(32) })
  expect(check(other, approval({ by: [{ ...bob, passkey }] }))[1]).toContain('another request')
  expect(check(approval({ by: [{ ...bob, passkey }] }))[0]).toContain('not on record')
  const again = approval({ by: [{ ...bob, passkey }] })
  expect(check(hold(), again, again)[2]).toContain('not on record')
})
