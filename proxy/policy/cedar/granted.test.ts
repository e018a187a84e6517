/** What a grant lets policy say: never more than a policy that reads it, never under fewer approvals than it wants. */
import { describe, expect, test } from 'bun:test'
import type { TimedGrant } from '../../core/access.ts'
import type { Identity } from '../../core/identity.ts'
import type { Verdict } from '../../core/verdict.ts'
import { createPolicy, type StaticPolicy } from '../policy.ts'
import { preparePolicy } from '../prepare.ts'

const ann: Identity = {
  issuer: 'keys',
  subject: 'ann',
  groups: ['ops'],
  method: 'public_key',
  credential: 'SHA256:x',
}
const given: TimedGrant = {
  ...{ id: 'g1', issuer: '', subject: 'ann', target: 'web-1', account: '', scope: [] },
  ...{ reason: 'x', break_glass: false, approvals: [{ group: 'leads', quorum: 1 }], by: [] },
  ...{ requested_us: 0, starts_us: 0, ends_us: 3_600_000_000, digest: '' },
}
const policyOf = async (text: string, grants: readonly TimedGrant[]): Promise<StaticPolicy> => {
  const prepared = await preparePolicy([{ name: 'p.cedar', text }])
  if (!prepared.ok) throw new Error(prepared.problem)
  return createPolicy(
    {
      policy: {
        forwarding: 'deny',
        agent_forwarding: 'deny',
        transfers: { upload: 'deny', download: 'deny' },
      },
      targets: [{ name: 'web-1', accounts: { deploy: {}, root: {} } }],
    },
    prepared.parts,
    { access: { revoked: () => undefined, grants: () => grants } },
  )
}
const says = (verdict: Verdict): string =>
  verdict.allowed
    ? `allow ${verdict.rule} by ${verdict.by_grant?.id ?? '-'}`
    : `deny ${verdict.rule}`
const connect = async (text: string, ...grants: TimedGrant[]): Promise<string> =>
  says((await policyOf(text, grants)).connect(ann, 'deploy', 'web-1', '10.0.0.1:1'))

const wanted = `@id("w") @approval("leads") permit (principal, action == Action::"connect", resource)
  when { context has grant && context.grant.minutes <= 60 };`
const open = '@id("o") permit (principal, action == Action::"connect", resource);'
const glass = `@id("b") @break_glass permit (principal in Group::"ops", action == Action::"connect", resource);`

describe('a connection', () => {
  test('with the grant that policy wants', async () =>
    expect(await connect(wanted, given)).toBe('allow w by g1'))
  test('without one, or with one that is longer, or has fewer approvals, or those of others', async () => {
    expect(await connect(wanted)).toBe('deny policy.default')
    for (const other of [
      { ...given, ends_us: 3_660_000_000 },
      { ...given, approvals: [] },
      { ...given, approvals: [{ group: 'interns', quorum: 3 }] },
      { ...given, break_glass: true, approvals: [] },
      { ...given, break_glass: true },
    ])
      expect(await connect(wanted, other)).toStartWith('deny ')
    expect(await connect(wanted.replace('"leads")', '"leads") @quorum("2")'), given)).toStartWith(
      'deny ',
    )
  })
  test('rests on none that it does not need', async () =>
    expect(await connect(`${wanted}${open}`, given)).toBe('allow o by -'))
  test('is forbidden with a grant too, unless the forbid says otherwise', async () => {
    const forbid = 'forbid (principal, action == Action::"connect", resource)'
    expect(await connect(`${wanted}@id("f") ${forbid};`, given)).toBe('deny f')
    expect(await connect(`${open}${forbid} unless { context has grant };`, given)).toBe(
      'allow o by g1',
    )
  })
  test('under break-glass is by such a policy alone', async () => {
    const broken = { ...given, break_glass: true, approvals: [] }
    expect(await connect(glass)).toBe('deny policy.default')
    expect(await connect(glass, given)).toBe('deny policy.default')
    expect(await connect(glass, broken)).toBe('allow b by g1')
    expect(await connect(`${glass}${wanted}`, broken)).toBe('allow b by g1')
    const any =
      'permit (principal, action == Action::"connect", resource) when { context has grant };'
    expect(await connect(any, broken)).toStartWith('deny ')
  })
})

describe('what a grant would need', () => {
  const terms = async (text: string, break_glass = false, minutes = 60): Promise<unknown> =>
    (await policyOf(text, [])).grantTerms(ann, 'web-1', '', {
      break_glass,
      duration_ms: minutes * 60_000,
    })
  test('is what the policy says that would let in', async () => {
    expect(await terms(wanted)).toMatchObject({
      ok: true,
      approvals: [{ group: 'leads', quorum: 1 }],
    })
    expect(await terms(wanted, false, 61)).toMatchObject({ ok: false })
    expect(await terms(wanted, true)).toMatchObject({ ok: false })
    expect(await terms(glass)).toMatchObject({ ok: false })
    expect(await terms(glass, true)).toMatchObject({ ok: true, approvals: [] })
  })
  test('is anybody, where the policy names nobody; and nothing, where none is needed', async () => {
    const any =
      'permit (principal, action == Action::"connect", resource) when { context has grant };'
    expect(await terms(any)).toMatchObject({ ok: true, approvals: [{ group: '', quorum: 1 }] })
    expect(await terms(open)).toMatchObject({
      ok: false,
      message: expect.stringContaining('just connect'),
    })
    const later = `${open} permit (principal, action == Action::"shell", resource) when { context has grant };`
    expect(await terms(later)).toMatchObject({ ok: true, approvals: [{ group: '', quorum: 1 }] })
  })
})

test('a scope is all that there is, also for a session that it let in', async () => {
  const text = `${wanted}@id("r") permit (principal, action in [Action::"exec", Action::"shell"], resource);
    @id("g") permit (principal, action == Action::"exec", resource) when { context has grant };`
  const scoped = { ...given, scope: ['exec' as const] }
  const policy = await policyOf(text, [scoped])
  const at = { account: 'deploy', source: '10.0.0.1:1' }
  const shell = { kind: 'shell' as const, command: new Uint8Array(), env: {} }
  const run = { kind: 'exec' as const, command: Buffer.from('id'), env: {} }
  expect(says(policy.channel(ann, 'web-1', shell, at))).toBe('allow r by -')
  expect(says(policy.channel(ann, 'web-1', shell, { ...at, let_in_by: scoped }))).toBe(
    'deny access.scope',
  )
  expect(says(policy.channel(ann, 'web-1', run, { ...at, let_in_by: scoped }))).toBe('allow r by -')
})

describe('a line that is typed', () => {
  const typed = async (text: string, line: string, ...grants: TimedGrant[]): Promise<string[]> => {
    const policy = await policyOf(text, grants)
    return (['shell', 'screen'] as const).map((confidence) => {
      const asked = { text: new TextEncoder().encode(line), confidence, is_terminal: true }
      const at = { account: 'deploy', source: '10.0.0.1:1' }
      return says(policy.typed(ann, 'web-1', asked, at).verdict)
    })
  }
  const any = '@id("any") permit (principal, action == Action::"exec", resource)'

  test('may run by a grant, and says which', async () => {
    const text = `${any} when { context has grant };`
    expect(await typed(text, 'ls', given)).toEqual(['allow any by g1', 'allow any by g1'])
    expect(await typed(text, 'ls')).toEqual(['deny policy.default', 'deny policy.confidence'])
  })
  test('is as little known with a grant as without one', async () => {
    const text = `${any} when { context has grant && context.program == "ls" };`
    expect(await typed(text, 'ls', given)).toEqual(['allow any by g1', 'deny policy.confidence'])
  })
  test('may not by a grant for something else', async () => {
    const text = `${any} when { context has grant };`
    const [told] = await typed(text, 'ls', { ...given, scope: ['upload'] })
    expect(told).toBe('deny policy.default')
    expect(await typed(text, 'ls', { ...given, scope: ['shell'] })).toEqual([
      'allow any by g1',
      'allow any by g1',
    ])
  })
})
