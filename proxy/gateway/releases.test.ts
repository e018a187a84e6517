/** Releases that wait, with a log that fails, time that passes and a configuration that changes. */
import { describe, expect, test } from 'bun:test'
import type { ReleaseTerms } from '../../storage/evidence/release.ts'
import type { DeskChange, Vote } from '../core/approval.ts'
import { release_ms_max, releases_each_max } from './limits.ts'
import { createReleases, type Performed, type ReleaseFact, type ReleasePorts } from './releases.ts'

const olga = { subject: 'olga', issuer: 'keys' }
const one: ReleaseTerms = { quorum: 1, group: '', passkey: false }

function world(terms: ReleaseTerms = one, before: readonly ReleaseFact[] = []) {
  const facts: ReleaseFact[] = []
  const done: string[] = []
  const told: DeskChange[] = []
  const state = { now_us: 1_000_000, fails: false, performs: { ok: true } as Performed }
  const ports: ReleasePorts = {
    ...{ gateway: 'edge-1', terms },
    now_us: () => state.now_us,
    async note(fact) {
      if (state.fails) throw new Error('the disk is full')
      facts.push(fact)
    },
    mask: async (text) => text,
    mayApprove: ({ subject }) => subject !== 'nobody',
    async perform({ of }, release) {
      if (state.performs.ok) done.push(`${of} by ${release.approvals.length}`)
      return state.performs
    },
    told: (change) => void told.push(change),
  }
  const read = before.map(({ type, facts: noted }) => ({ type, facts: { ...noted } }))
  return { state, facts, done, told, releases: createReleases(ports, read) }
}

const yes = (subject: string, more: Partial<Vote> = {}): Vote => ({
  decision: 'approve',
  approver: { subject, issuer: 'idp', groups: ['staff'], roles: ['approver'] },
  comment: '',
  ...more,
})

async function asked({ releases }: ReturnType<typeof world>, of = 'h1'): Promise<string> {
  const made = await releases.ask('lift_hold', of, olga, 'closed')
  return made.ok ? made.request : made.code
}

describe('a release that waits', () => {
  test('counts once it is recorded, and not before', async () => {
    const here = world()
    here.state.fails = true
    expect(await asked(here)).toBe('recording')
    expect(here.releases.requests()).toEqual([])
    here.state.fails = false
    const id = await asked(here)
    here.state.performs = { ok: false, code: 'recording', message: '' }
    expect(await here.releases.vote(id, yes('bob'))).toMatchObject({ code: 'recording' })
    here.state.performs = { ok: true }
    expect(await here.releases.vote(id, yes('bob'))).toEqual({ ok: true, state: 'approved' })
    expect(here.done).toEqual(['h1 by 1'])
    expect(here.releases.vote(id, yes('eve'))).toBeUndefined()
  })

  test('is done once, however many say yes at once', async () => {
    const here = world()
    const id = await asked(here)
    const votes = await Promise.all(
      ['bob', 'eve', 'zoe'].map(async (who) => here.releases.vote(id, yes(who))),
    )
    expect(votes.map((vote) => vote?.ok)).toEqual([true, false, false])
    expect(here.done).toEqual(['h1 by 1'])
  })

  test('lapses, is told, and is not approved any more', async () => {
    const here = world()
    const id = await asked(here)
    here.state.now_us += release_ms_max * 1_000
    expect(await here.releases.vote(id, yes('bob'))).toMatchObject({ code: 'unknown' })
    here.releases.lapse()
    expect(here.told.at(-1)).toMatchObject({ kind: 'ended', outcome: { kind: 'expired' } })
    expect(here.done).toEqual([])
    expect(await asked(here)).toStartWith('r')
  })

  test('wants who policy lets, of the group, with a passkey', async () => {
    const here = world({ quorum: 1, group: 'legal', passkey: true })
    const id = await asked(here)
    const legal = { subject: 'bob', issuer: 'idp', groups: ['legal'], roles: ['approver'] }
    for (const [vote, code] of [
      [yes('nobody'), 'policy'],
      [yes('bob'), 'group'],
      [yes('bob', { approver: legal }), 'passkey'],
    ] as const)
      expect(await here.releases.vote(id, vote)).toMatchObject({ code })
    expect(here.done).toEqual([])
  })

  test('is void when it cannot be done any more, and its yes is used up', async () => {
    const here = world()
    const id = await asked(here)
    here.state.performs = { ok: false, code: 'unknown', message: 'no such legal hold' }
    expect(await here.releases.vote(id, yes('bob'))).toMatchObject({ code: 'over' })
    expect(here.releases.vote(id, yes('bob'))).toBeUndefined()
    expect(world(one, here.facts).releases.requests()).toEqual([])
  })

  test('of one person are so many, and no more', async () => {
    const here = world()
    for (let at = 0; at < releases_each_max; at++)
      expect(await asked(here, `h${at}`)).toStartWith('r')
    expect(await asked(here, 'one more')).toBe('limit')
  })
})

describe('after a restart', () => {
  test('it waits with what was given, each other person once', async () => {
    const two = { ...one, quorum: 2 }
    const before = world(two)
    const id = await asked(before)
    await before.releases.vote(id, yes('bob'))
    const after = world(two, before.facts)
    expect(after.releases.requests()).toEqual(before.releases.requests())
    expect(await after.releases.vote(id, yes('Bob'))).toMatchObject({ code: 'twice' })
    expect(await after.releases.vote(id, yes('eve'))).toEqual({ ok: true, state: 'approved' })
    expect(world(two, [...before.facts, ...after.facts]).releases.requests()).toEqual([])
  })

  test('under other terms, or with another text than was hashed, nothing waits', async () => {
    const before = world()
    await asked(before)
    expect(world({ ...one, quorum: 2 }, before.facts).releases.requests()).toEqual([])
    const edited = before.facts.map((fact) =>
      fact.type === 'release.requested'
        ? { ...fact, facts: { ...fact.facts, asked: fact.facts.asked.replace('h1', 'h2') } }
        : fact,
    )
    expect(world(one, edited).releases.requests()).toEqual([])
  })

  test('an approval of another request, or the same twice, is none', async () => {
    const two = { ...one, quorum: 2 }
    const before = world(two)
    const [id, other] = [await asked(before), await asked(before, 'h2')]
    await before.releases.vote(other, yes('bob'))
    const moved = before.facts.map((fact) =>
      fact.type === 'release.decided' ? { ...fact, facts: { ...fact.facts, release: id } } : fact,
    )
    const given = (facts: readonly ReleaseFact[]): readonly number[] =>
      world(two, facts)
        .releases.requests()
        .map(({ approvals }) => approvals[0]?.given.length ?? -1)
    expect(given(moved)).toEqual([0, 0])
    const decided = before.facts.filter(({ type }) => type === 'release.decided')
    expect(given([...before.facts, ...decided])).toEqual([0, 1])
  })
})
