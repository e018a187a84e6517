/**
 * A record of the log about access that this version cannot read: a gateway that started without it might let somebody in who
 * was kept away, so it does not start, and says what to do.
 */
import { expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockData, openEvidence } from '../../proxy/gateway/evidence.ts'
import { readSetup } from '../../proxy/gateway/setup.ts'
import { loadLogKeys } from '../../proxy/identity/gateway-keys.ts'
import { createMeter } from '../../proxy/metrics/meter.ts'
import { factOf } from '../../proxy/policy/access/fact.ts'
import { runGateway, sluice } from '../fixture/gateway.ts'
import { openGuarded } from '../fixture/guarded.ts'
import { documentsIn } from '../fixture/identity.ts'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'

type Json = Readonly<Record<string, unknown>>

const by = { subject: 'ada', issuer: '', credential: 'token' }
const later: Json = {
  ...{ at_us: 1_000, by, reason: '' },
  // Of a version to come: whom it fits is not known here, and by what is known it would be everybody.
  revocation: { id: 'gaaaaaaaaaaa', device: 'tpm', message: 'revoked' },
}

/** Writes into the log of a gateway that does not run, as one of another version would have. */
async function write(config: string, data: string, facts: Json): Promise<void> {
  const words = { config, data, archive: undefined, workers: 1, drain_ms: 0, worker: undefined }
  const setup = await readSetup(words)
  const evidence = await openEvidence({
    ...{ data, key: undefined, lock: lockData(data), config: setup.config, log: () => {} },
    log_keys: loadLogKeys(data, setup.config.gateway.name),
    auditors: setup.config.evidence.auditors.map(({ jwk }) => ({ ...jwk })),
    ...{ ruleset: setup.ruleset, policy_hash: '' },
    ...{ holds: () => [], now_us: () => Date.now() * 1_000 },
    meter: createMeter('test', () => performance.now(), Date.now),
  })
  await evidence.recorder.note('access.revoked', facts)
  await evidence.stop()
}

testSlow(
  [ssh, sshd, ssh_keygen],
  'a gateway does not start without it, names it, and starts once it is set aside',
  async () => {
    await using guarded = await openGuarded()
    await guarded.trust()
    const config = join(guarded.dir, 'gateway', 'sluice.yaml')
    const revoked = await sluice([
      ...['revoke', '--subject', 'eve', '--data', guarded.data, '--url', guarded.gateway.api],
    ])
    expect(revoked.code).toBe(0)
    await guarded.gateway.stop()
    await write(config, guarded.data, later)

    const refused = await runGateway({ config, data: guarded.data })
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    const [, digest = ''] = /access\.revoked ([0-9a-f]{64}): this record/.exec(refused.stderr) ?? []
    expect(refused.stderr).toContain(
      `access.revoked ${digest}: this record of the log cannot be read`,
    )
    expect(refused.stderr).toContain('identity.set_aside')

    const old: { identity: Json } = JSON.parse(readFileSync(config, 'utf8'))
    const setAside = (digests: readonly string[]): void =>
      writeFileSync(
        config,
        JSON.stringify({ ...old, identity: { ...old.identity, set_aside: digests } }),
      )
    setAside(['0'.repeat(64)])
    expect((await runGateway({ config, data: guarded.data })).stderr).toContain(digest)
    setAside([digest])
    for (let starts = 0; starts < 2; starts++) {
      const gateway = await guarded.restart()
      expect(gateway.stderr()).toContain('access_record_set_aside')
      expect((await guarded.run('echo in')).stdout).toBe('in\n')
      const listed = await sluice([
        ...['revoke', '--list', '--data', guarded.data, '--url', gateway.api, '--json'],
      ])
      expect(JSON.parse(listed.stdout)).toMatchObject([{ subject: 'eve' }])
      await gateway.stop()
    }
    // Who set it aside is on record, once.
    expect(await documentsIn(guarded.data, 'access.restored')).toMatchObject([
      { revocation: digest, by: { subject: 'identity.set_aside' } },
    ])
    expect(await guarded.verify()).toMatchObject({ code: 0 })
  },
  90_000,
)

const whole: Readonly<Record<string, Json>> = {
  'grant.requested': {
    ...{ at_us: 1, by },
    request: {
      ...{ id: 'g1', digest: 'd', issuer: '', subject: 'ann', groups: ['a'], target: 'web-1' },
      ...{ account: '', scope: ['exec'], reason: 'r', break_glass: false, duration_us: 60_000_000 },
      ...{ rule: 'r', says: '', approvals: [{ group: '', quorum: 1 }], policy_hash: 'h' },
      ...{ requested_us: 1, expires_us: 2 },
    },
  },
  'grant.decided': {
    ...{ at_us: 1, by, grant: 'g1', digest: 'd', decision: 'approve', groups: [''] },
    ...{ comment: '', policy_hash: 'h' },
  },
  'grant.revoked': { at_us: 1, by, grant: 'g1', reason: '' },
  'grant.reviewed': { at_us: 1, by, grant: 'g1', comment: '' },
  'access.revoked': {
    ...{ at_us: 1, by, reason: '' },
    revocation: { id: 'g2', message: 'm', login: { sub: 's', issued_us_max: 1 }, ends_us: 2 },
  },
  'access.restored': { at_us: 1, by, revocation: 'g2', reason: '' },
}

test('a fact is read whole or not at all', () => {
  for (const [type, facts] of Object.entries(whole)) {
    const stored = { ...facts, v: 1, type }
    expect(factOf(type, stored)).toMatchObject(facts)
    for (const key of Object.keys(stored)) {
      expect(
        factOf(type, Object.fromEntries(Object.entries(stored).filter(([k]) => k !== key))),
      ).toBeUndefined()
      expect(factOf(type, { ...stored, [key]: null })).toBeUndefined()
    }
    expect(factOf(type, { ...stored, more: 1 })).toBeUndefined()
    expect(factOf(type, { ...stored, v: 2 })).toBeUndefined()
  }
  for (const part of ['request', 'revocation'] as const)
    for (const [type, facts] of Object.entries(whole)) {
      const inner = facts[part]
      if (typeof inner !== 'object' || inner === null) continue
      expect(factOf(type, { ...facts, v: 1, type, [part]: { ...inner, more: 1 } })).toBeUndefined()
    }
  expect(factOf('access.forgotten', { ...whole['access.restored'], v: 1 })).toBeUndefined()
})
