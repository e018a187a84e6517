/**
 * Who may read whose evidence, and who may change what a gateway runs with, as policy says: by REST, with sessions of a real
 * ssh. Roles are the outer bound, and without such a policy they are all that is asked.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Approvals, approvalsOf } from '../fixture/approvals.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { documentsIn } from '../fixture/identity.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'

const needs = [ssh, sshd, ssh_keygen]

const connections = `
@id("work")
permit (principal, action in [Action::"connect", Action::"exec", Action::"shell"], resource);
`
const duties = `
@id("read")
permit (principal in Group::"reviewers", action == Action::"read_evidence", resource in Label::"env=test")
when { context.roles.contains("auditor") };
@id("not-of-max")
forbid (principal, action == Action::"read_evidence", resource)
when { context.subject == "max" && !context.own };
@id("own")
permit (principal, action == Action::"read_evidence", resource)
when { context.own && context.part != "records" };
@id("reload")
permit (principal == User::"ops", action == Action::"configure", resource == Gateway::"edge-1")
when { context.change == "reload" };
`

describe('what policy says of the gateway itself', () => {
  let guarded: Guarded
  const api: Approvals = approvalsOf(() => guarded)
  const usePolicy = (text: string): void =>
    writeFileSync(join(guarded.dir, 'gateway', 'policy.cedar'), text)
  const sessionsOf = async (token: string): Promise<readonly { id: string; target: string }[]> => {
    const answer = await api.get('/api/sessions', token)
    expect(answer.status).toBe(200)
    return ((await answer.json()) as { sessions: { id: string; target: string }[] }).sessions
  }
  const status = async (path: string, token: string): Promise<number> =>
    (await api.get(path, token)).status
  beforeAll(async () => {
    guarded = await openGuarded({
      targets: (target) => [
        {
          ...{ name: 'web-2', address: target.address, host_key: target.host_key.public_line },
          accounts: { [target.account]: { private_key_file: target.user_key.file } },
          labels: { env: 'prod' },
        },
      ],
      sections: { policy: { files: ['./policy.cedar'] } },
      files: { 'policy.cedar': connections + duties },
    })
    for (const target of ['web-1', 'web-2'])
      expect(await guarded.run('true', `${guarded.target.account}@${target}`)).toMatchObject({
        code: 0,
      })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  testWith(needs, 'evidence is read by whom it lets, of targets with the label', async () => {
    const reviewer = await api.token('eve', 'auditor', '--group', 'reviewers')
    const [seen, ...more] = await sessionsOf(reviewer)
    expect(seen).toMatchObject({ target: 'web-1' })
    expect(more).toEqual([])
    for (const part of ['', '/records', '/lines', '/cast'])
      expect(await status(`/api/sessions/${seen?.id}${part}`, reviewer)).toBe(200)
    const prod = (await guarded.sessions()).find(({ target }) => target === 'web-2')
    for (const part of ['', '/records', '/lines', '/cast'])
      expect(await status(`/api/sessions/${prod?.id}${part}`, reviewer)).toBe(404)
    // The role alone is nothing, and the group without it neither.
    expect(await sessionsOf(await api.token('eve', 'auditor'))).toEqual([])
    const grouped = await api.token('eve', 'user', '--group', 'reviewers')
    expect(await sessionsOf(grouped)).toEqual([])
    expect(await status(`/api/sessions/${seen?.id}`, grouped)).toBe(404)
    // What is one's own, but the records themselves.
    const ann = await api.token('ann', 'user')
    expect(await sessionsOf(ann)).toHaveLength(2)
    expect(await status(`/api/sessions/${prod?.id}/lines`, ann)).toBe(200)
    expect(await status(`/api/sessions/${prod?.id}/records`, ann)).toBe(404)
    // What was not shown was not read.
    const read = await documentsIn(guarded.data, 'evidence.read')
    expect(
      read.filter(
        (each) => each['subject'] === 'eve' && String(each['what']).includes(prod?.id ?? ''),
      ),
    ).toEqual([])
  })

  testWith(needs, 'a session may be kept from readers by whom it is of', async () => {
    usePolicy(connections + duties.replaceAll('"max"', '"ann"'))
    expect((await api.cli('reload', '--as', 'ops')).code).toBe(0)
    const reviewer = await api.token('eve', 'auditor', '--group', 'reviewers')
    expect(await sessionsOf(reviewer)).toEqual([])
    expect(await sessionsOf(await api.token('ann', 'user'))).toHaveLength(2)
  })

  testWith(needs, 'the gateway is changed by whom it lets, and only so far', async () => {
    usePolicy(`${connections}${duties}\n// another`)
    const reloaded = await api.post('/api/reload', await api.token('ops', 'admin'), {})
    expect(await reloaded.json()).toEqual({
      policy_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      sessions_ended: 0,
    })
    expect(guarded.gateway.stderr()).toContain('"event":"reload_asked"')
    for (const [subject, role] of [
      ['ops', 'auditor'],
      ['root', 'admin'],
    ] as const)
      expect((await api.post('/api/reload', await api.token(subject, role), {})).status).toBe(403)
    const admin = await api.token('ops', 'admin')
    const revoked = await api.post('/api/revocations', admin, { subject: 'ann' })
    expect({ status: revoked.status, text: await revoked.text() }).toMatchObject({
      status: 403,
      text: expect.stringContaining('policy does not leave that to you'),
    })
    expect((await api.post('/api/revocations/gabc/lift', admin, {})).status).toBe(403)
    const auditor = await api.token('eve', 'auditor')
    const hold = { subject: 'ann', reason: 'a case' }
    expect((await api.post('/api/holds', auditor, hold)).status).toBe(403)
    expect((await api.post('/api/retention/apply', admin, {})).status).toBe(403)
    usePolicy('permit (principal, action, resource) when {')
    const broken = await api.cli('reload', '--as', 'ops')
    expect(broken.code).not.toBe(0)
    expect(broken.stderr).toContain('policy.cedar:1:')
    expect((await guarded.run('true')).code).toBe(0)
  })

  testWith(needs, 'where files say nothing of it, roles are what they were', async () => {
    usePolicy(connections)
    expect((await api.cli('reload', '--as', 'ops')).code).toBe(0)
    const all = (await guarded.sessions()).length
    expect(await sessionsOf(await api.token('eve', 'auditor'))).toHaveLength(all)
    expect(await sessionsOf(await api.token('eve', 'user'))).toEqual([])
    expect((await api.cli('reload', '--as', 'root')).code).toBe(0)
    const hold = { subject: 'ann', reason: 'a case' }
    const auditor = await api.token('eve', 'auditor')
    expect((await api.post('/api/holds', auditor, hold)).status).toBe(200)
    expect((await api.post('/api/holds', await api.token('eve', 'user'), hold)).status).toBe(403)
    // Providers write a name in one case today, and in another tomorrow.
    const revoked = await api.cli('revoke', '--subject', 'Ann', '--as', 'root')
    expect((await guarded.run('true')).stderr).toContain('your access was revoked')
    const [id = ''] = /^g\w+/.exec(revoked.stdout) ?? []
    expect((await api.cli('revoke', '--lift', id, '--as', 'root')).code).toBe(0)
    expect((await guarded.run('true')).code).toBe(0)
  })
})
