/** The desk by itself: what an approval is bound to, quorums, limits, and decisions that cannot be recorded. */
import { describe, expect, test } from 'bun:test'
import type { Approver, DeskChange, HeldCommand, Vote } from '../../core/approval.ts'
import { createDesk, type DeskFact, type DeskPorts } from './desk.ts'
import { requests_each_max, requests_max } from './limits.ts'

const command = (changed: Partial<HeldCommand> = {}): HeldCommand => ({
  session: 's1',
  channel: 1,
  identity: {
    issuer: 'keys',
    subject: 'ann',
    groups: [],
    method: 'public_key',
    credential: 'SHA256:x',
  },
  account: 'deploy',
  target: 'web-1',
  labels: {},
  source: '10.0.0.1:1',
  environment: { LANG: 'C', LC_ALL: 'C' },
  is_terminal: false,
  command: Buffer.from('reboot'),
  shown: { text: 'reboot', rules: [] },
  rule: 'hold',
  terms: {
    approvals: [{ group: '', quorum: 1 }],
    expires_ms: 1_000,
    reason: '',
    risk: 'high',
    says: '',
    findings: [],
  },
  ...changed,
})
const approver = (subject: string, ...groups: string[]): Approver => ({
  subject,
  issuer: 'https://idp',
  groups,
  roles: ['approver'],
})
const yes = (subject: string, ...groups: string[]): Vote => ({
  decision: 'approve',
  approver: approver(subject, ...groups),
  comment: '',
})

function play(changed: Partial<DeskPorts> = {}) {
  const notes: DeskFact[] = []
  const timers = new Set<() => void>()
  const desk = createDesk({
    now_us: () => 5_000_000,
    after(_, run) {
      timers.add(run)
      return () => timers.delete(run)
    },
    mayApprove: () => true,
    note: async (fact) => void notes.push(fact),
    mask: async (text) => text.replaceAll('hunter2', '*******'),
    ...changed,
  })
  return { desk, notes, timers, expire: () => [...timers].forEach((run) => run()) }
}
const held = (desk: ReturnType<typeof createDesk>, changed: Partial<HeldCommand> = {}) => {
  const made = desk.hold(command(changed))
  if (made === undefined) throw new Error('no place')
  return made
}

describe('an approval', () => {
  const others: readonly (readonly [what: string, changed: Partial<HeldCommand>])[] = [
    ['another command', { command: Buffer.from('reboot ') }],
    ['another target', { target: 'web-2' }],
    ['another account', { account: 'root' }],
    ['another session', { session: 's2' }],
    ['another channel', { channel: 2 }],
    ['another environment', { environment: { LANG: 'C', LC_ALL: 'D' } }],
    ['a terminal', { is_terminal: true }],
    ['another person', { identity: { ...command().identity, subject: 'eve' } }],
    ['another credential', { identity: { ...command().identity, credential: 'SHA256:y' } }],
  ]
  for (const [what, changed] of others)
    test(`is not for ${what}`, async () => {
      const { desk } = play()
      const request = held(desk)
      expect(await desk.vote(request.id, yes('bob'))).toEqual({ ok: true, state: 'approved' })
      expect(request.redeem(command(changed))).toBe(false)
      expect(request.redeem(command())).toBe(false)
    })
  test('is for this command, in any order of its environment, once', async () => {
    const { desk } = play()
    const request = held(desk)
    await desk.vote(request.id, yes('bob'))
    expect(request.redeem(command({ environment: { LC_ALL: 'C', LANG: 'C' } }))).toBe(true)
    expect(request.redeem(command())).toBe(false)
  })
  test('is nothing before it is given', () => {
    const { desk } = play()
    expect(held(desk).redeem(command())).toBe(false)
  })
  test('of another desk, as after a restart, has another digest', () => {
    expect(held(play().desk).digest).not.toBe(held(play().desk).digest)
  })
  test('that cannot be recorded does not count', async () => {
    const { desk } = play({ note: () => Promise.reject(new Error('disk')) })
    const request = held(desk)
    expect(await desk.vote(request.id, yes('bob'))).toMatchObject({ ok: false, code: 'recording' })
    expect(desk.requests()).toHaveLength(1)
  })
  test('that is recorded after the request ended does not count', async () => {
    const disk = Promise.withResolvers<void>()
    const { desk, expire } = play({ note: () => disk.promise })
    const request = held(desk)
    const voted = desk.vote(request.id, yes('bob'))
    expire()
    disk.resolve()
    expect(await voted).toMatchObject({ ok: false, code: 'unknown' })
    expect(await request.decided).toEqual({ kind: 'expired' })
    expect(request.redeem(command())).toBe(false)
  })
  test('of two at the same moment is one', async () => {
    const { desk } = play()
    const request = held(desk)
    const both = await Promise.all([
      desk.vote(request.id, yes('bob')),
      desk.vote(request.id, yes('eve')),
    ])
    expect(both.filter(({ ok }) => ok)).toHaveLength(1)
    expect(await request.decided).toEqual({
      kind: 'approved',
      by: [{ subject: 'bob', issuer: 'https://idp' }],
    })
  })
})

test('of each group as many as it asks for, and a denial of one ends it', async () => {
  const terms = {
    ...command().terms,
    approvals: [
      { group: 'dba', quorum: 2 },
      { group: 'ops', quorum: 1 },
    ],
  }
  const { desk, notes } = play()
  const request = held(desk, { terms })
  expect(await desk.vote(request.id, yes('bob', 'dba'))).toEqual({ ok: true, state: 'waiting' })
  expect(await desk.vote(request.id, yes('bob', 'dba', 'ops'))).toMatchObject({ code: 'twice' })
  expect(await desk.vote(request.id, yes('eve', 'ops'))).toEqual({ ok: true, state: 'waiting' })
  expect(await desk.vote(request.id, yes('dan', 'hr'))).toMatchObject({ code: 'group' })
  expect(desk.requests()[0]?.approvals.map(({ given }) => given.length)).toEqual([1, 1])
  const no: Vote = { ...yes('eve', 'ops'), decision: 'deny', comment: 'no' }
  expect(await desk.vote(request.id, no)).toEqual({ ok: true, state: 'denied' })
  expect(await request.decided).toMatchObject({ kind: 'denied', comment: 'no' })
  expect(
    notes.map(({ type, facts }) => `${type} ${facts['subject']} ${facts['reason'] ?? ''}`.trim()),
  ).toEqual([
    'approval.decided bob',
    'approval.refused bob twice',
    'approval.decided eve',
    'approval.refused dan group',
    'approval.decided eve',
  ])
  // The command is nobody's business but the record's.
  expect(JSON.stringify(notes)).not.toContain('reboot')
})

test('the requester, whoever vouches for them, and who policy does not let', async () => {
  const { desk } = play({ mayApprove: ({ subject }) => subject !== 'dan' })
  const { id } = held(desk)
  expect(await desk.vote(id, yes('ann'))).toMatchObject({ code: 'own' })
  expect(await desk.vote(id, yes('dan'))).toMatchObject({ code: 'policy' })
  expect(
    await desk.vote(id, { ...yes('bob'), approver: { ...approver('bob'), roles: ['admin'] } }),
  ).toMatchObject({ code: 'role' })
  expect(await desk.vote(id, { ...yes('bob'), digest: '0'.repeat(64) })).toMatchObject({
    code: 'digest',
  })
  expect(desk.requests()).toHaveLength(1)
})

test('who made it may give it up, and nobody else', async () => {
  const { desk, notes } = play()
  const request = held(desk)
  const cancel = (subject: string, issuer: string): Promise<unknown> =>
    desk.vote(request.id, {
      ...yes(subject),
      approver: { ...approver(subject), issuer },
      decision: 'cancel',
    })
  expect(await cancel('bob', 'keys')).toMatchObject({ code: 'other' })
  // Somebody of another provider, who may have that name by chance or on purpose.
  expect(await cancel('ann', 'https://idp')).toMatchObject({ code: 'other' })
  expect(desk.requests()).toHaveLength(1)
  expect(await cancel('ann', 'keys')).toEqual({ ok: true, state: 'cancelled' })
  expect(await request.decided).toEqual({ kind: 'cancelled' })
  expect(request.redeem(command())).toBe(false)
  expect(notes.map(({ facts }) => facts['decision'])).toEqual(['cancel', 'cancel', 'cancel'])
})

test('a comment is masked before anybody has it', async () => {
  const { desk } = play()
  const request = held(desk)
  await desk.vote(request.id, { ...yes('bob'), decision: 'deny', comment: 'not with hunter2' })
  expect(await request.decided).toMatchObject({ comment: 'not with *******' })
})

test("a comment that cannot be masked is nobody's, and nothing is decided", async () => {
  const { desk } = play({ mask: () => Promise.reject(new Error('gone')) })
  const request = held(desk)
  expect(
    await desk.vote(request.id, { ...yes('bob'), decision: 'deny', comment: 'x' }),
  ).toMatchObject({ code: 'recording' })
  expect(desk.requests()).toHaveLength(1)
})

test('a desk that closes ends what waits, and holds nothing more', async () => {
  const { desk, timers } = play()
  const request = held(desk)
  desk.close()
  expect(await request.decided).toEqual({ kind: 'expired', stopped: true })
  expect(desk.hold(command())).toBeUndefined()
  expect(timers.size).toBe(0)
})

test('where policy wants a passkey, one has to sign what was seen, and a denial needs none', async () => {
  const { desk } = play()
  const terms = { ...command().terms, passkey: true } as const
  const request = held(desk, { terms })
  const passkey = {
    credential: 'c',
    public_key: { kty: 'OKP' },
    authenticator_data: '',
    client_data: '',
    signature: '',
  }
  const { digest } = request
  expect(await desk.vote(request.id, yes('bob'))).toMatchObject({ code: 'passkey' })
  expect(await desk.vote(request.id, { ...yes('bob'), digest })).toMatchObject({ code: 'passkey' })
  expect(await desk.vote(request.id, { ...yes('bob'), passkey })).toMatchObject({ code: 'passkey' })
  const other = { ...yes('bob'), passkey, digest: '0'.repeat(64) }
  expect(await desk.vote(request.id, other)).toMatchObject({ code: 'digest' })
  expect(await desk.vote(request.id, { ...yes('bob'), digest, passkey })).toMatchObject({
    ok: true,
  })
  expect(await request.decided).toMatchObject({ by: [{ subject: 'bob', passkey }] })
  const denied = held(desk, { terms })
  expect(await desk.vote(denied.id, { ...yes('bob'), decision: 'deny' })).toMatchObject({
    ok: true,
  })
})

test('who watches hears of each change, with the request as it is then', async () => {
  const changes: DeskChange[] = []
  const { desk } = play({ changed: (change) => changes.push(change) })
  const terms = { ...command().terms, approvals: [{ group: '', quorum: 2 }] }
  const { id } = held(desk, { terms })
  await desk.vote(id, yes('bob'))
  await desk.vote(id, yes('eve'))
  expect(
    changes.map(({ kind, request }) => `${kind} ${request.approvals[0]?.given.length}`),
  ).toEqual(['waiting 0', 'waiting 1', 'ended 2'])
})

test('only so many wait, of one person and of all, and what ended leaves nothing behind', () => {
  const { desk, timers } = play()
  const own = Array.from({ length: requests_each_max }, () => held(desk))
  expect(desk.hold(command())).toBeUndefined()
  own[0]?.cancel()
  expect(desk.hold(command())).toBeDefined()
  const of = (n: number): Partial<HeldCommand> => ({
    identity: { ...command().identity, subject: `p${n}` },
  })
  for (let n = 0; n < requests_max - requests_each_max; n++) held(desk, of(n))
  expect(desk.hold(command(of(-1)))).toBeUndefined()
  expect(new Set(desk.requests().map(({ id }) => id)).size).toBe(requests_max)
  for (const run of [...timers]) run()
  expect([desk.requests().length, timers.size]).toEqual([0, 0])
})
