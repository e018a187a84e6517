/** When a provider is asked about whom, and what becomes of its answers and its silence, by a clock of the test's own. */
import { describe, expect, test } from 'bun:test'
import { settings as usual } from './fixture.ts'
import { rechecks_at_once_max, watched_sign_ins_max } from './limits.ts'
import type { Provider } from './provider.ts'
import type { Rechecked } from './recheck.ts'
import { createSignInWatch, type Login, type WatchedSignIn } from './sign-in-watch.ts'

const issuer = 'https://idp.example.com'
const tokens = { id_token: 'i', refresh_token: 'r' }
const of = (sub: string): Login => ({ issuer, login: { sub, issued_us: 1 } })
const signIn = (sub: string): WatchedSignIn => ({
  ...of(sub),
  ...{ subject: sub, groups: ['staff', 'ops'], tokens, until_us: 0 },
})
const yes = (groups?: readonly string[]): Rechecked => ({ kind: 'yes', tokens, groups })

function world(changes: { inUse?: readonly string[] | undefined } = {}) {
  const it = {
    now_s: 0,
    answer: async (_sub: string): Promise<Rechecked> => yes(),
    in_use: 'inUse' in changes ? changes.inUse : ['ann'],
    is_recorded: true,
    is_saved: true,
    kept: new Map<string, WatchedSignIn>(),
    asked: [] as string[],
    ended: [] as string[],
    logged: [] as string[],
  }
  const provider = {
    settings: { ...usual, issuer, recheck_s: 300, recheck_grace_s: 600 },
    recheck: (_: unknown, sub: string) => {
      it.asked.push(sub)
      return it.answer(sub)
    },
  } as Partial<Provider> as Provider // Nothing else of it is asked.
  const watch = createSignInWatch({
    providers: [provider],
    kept: {
      async save(id, signed_in) {
        if (!it.is_saved) throw new Error('the disk is full')
        it.kept.set(id, signed_in)
      },
      forget: async (id) => void it.kept.delete(id),
    },
    now_us: () => it.now_s * 1e6,
    inUse: async () => it.in_use?.map(of),
    async end({ login }, _, __, reason) {
      if (it.is_recorded) it.ended.push(`${login.sub}: ${reason}`)
      return it.is_recorded
    },
    log: (_, event) => void it.logged.push(event),
  })
  const at = async (now_s: number): Promise<void> => {
    it.now_s = now_s
    await watch.tick()
  }
  return { it, watch, at }
}

describe('a sign-in', () => {
  test('is asked about every five minutes, while something rests on it', async () => {
    const { it, watch, at } = world()
    watch.watch(signIn('ann'))
    watch.watch(signIn('gone'))
    watch.watch({ ...signIn('kept'), until_us: 0 })
    expect(await watch.keep(of('kept'), 400 * 1e6)).toBeTrue()
    await at(299)
    expect(it.asked).toEqual([])
    await at(300)
    expect(it.asked).toEqual(['ann', 'kept'])
    await at(599)
    await at(600)
    expect(it.asked).toEqual(['ann', 'kept', 'ann'])
    it.in_use = []
    await at(900)
    await at(5_000)
    expect(it.asked).toHaveLength(3)
    expect(it.ended).toEqual([])
  })

  test('is asked about where nobody knows whether something rests on it', async () => {
    const { it, watch, at } = world({ inUse: undefined })
    watch.watch(signIn('ann'))
    await at(300)
    expect(it.asked).toEqual(['ann'])
  })

  test('ends by a no, by a group that is gone, and by no more groups', async () => {
    for (const [answer, ended] of [
      [{ kind: 'no' }, ['ann: refused']],
      [yes(['staff']), ['ann: groups']],
      [yes([]), ['ann: groups']],
      [yes(['ops', 'staff', 'more']), []],
      [yes(undefined), []],
    ] as const) {
      const { it, watch, at } = world()
      it.answer = async () => answer
      watch.watch(signIn('ann'))
      await at(300)
      expect(it.ended).toEqual([...ended])
      await at(600)
      expect(it.asked).toHaveLength(ended.length === 0 ? 2 : 1)
    }
  })

  test('outlives silence for the grace, and no longer; an answer in between begins it anew', async () => {
    const { it, watch, at } = world()
    it.answer = async () => ({ kind: 'unanswered' })
    watch.watch(signIn('ann'))
    for (let now_s = 300; now_s < 890; now_s += 10) await at(now_s)
    expect(it.ended).toEqual([])
    it.answer = async () => yes()
    await at(900)
    it.answer = async () => ({ kind: 'unanswered' })
    for (let now_s = 1_200; now_s < 1_800; now_s += 5) await at(now_s)
    expect(it.ended).toEqual([])
    await at(1_800)
    expect(it.ended).toEqual(['ann: unanswered'])
    expect(it.logged.filter((event) => event === 'recheck_unanswered')).toHaveLength(2)
  })

  test('that has ended and could not be recorded is ended again, and not asked about', async () => {
    const { it, watch, at } = world()
    it.answer = async () => ({ kind: 'no' })
    it.is_recorded = false
    watch.watch(signIn('ann'))
    await at(300)
    await at(330)
    it.is_recorded = true
    it.answer = async () => yes()
    await at(360)
    expect(it.ended).toEqual(['ann: refused'])
    expect(it.asked).toHaveLength(1)
  })

  test('out of which something is made is kept, with the token that is the newest, and not for longer', async () => {
    const { it, watch, at } = world()
    watch.watch(signIn('ann'))
    expect(it.kept.size).toBe(0)
    it.is_saved = false
    expect(await watch.keep(of('ann'), 700 * 1e6)).toBeFalse()
    it.is_saved = true
    expect(await watch.keep(of('ann'), 700 * 1e6)).toBeTrue()
    expect([...it.kept.values()]).toEqual([{ ...signIn('ann'), until_us: 700 * 1e6 }])
    it.answer = async () => ({ ...yes(), tokens: { ...tokens, refresh_token: 'next' } })
    await at(300)
    expect([...it.kept.values()]).toMatchObject([{ tokens: { refresh_token: 'next' } }])
    // A second sign-in of the same name in the same browser is the same one.
    watch.watch(signIn('ann'))
    it.in_use = []
    await at(600)
    expect(it.kept.size).toBe(1)
    await at(900)
    expect(it.kept.size).toBe(0)
    expect(it.ended).toEqual([])
  })

  test('that was kept is asked about at once, and gone from there when it is over', async () => {
    const { it, watch, at } = world({ inUse: [] })
    for (const name of ['ann', 'eve']) {
      watch.resume({ ...signIn(name), until_us: 5_000 * 1e6 })
      expect(await watch.keep(of(name), 4_000 * 1e6)).toBeTrue()
    }
    it.answer = async (sub) => (sub === 'eve' ? { kind: 'no' } : yes())
    await at(1)
    expect(it.asked).toEqual(['ann', 'eve'])
    expect(it.ended).toEqual(['eve: refused'])
    expect([...it.kept.values()]).toMatchObject([{ subject: 'ann', until_us: 5_000 * 1e6 }])
  })

  test('that gives nothing to ask by is said once', async () => {
    const { it, watch, at } = world({ inUse: ['ann', 'eve'] })
    it.answer = async () => ({ kind: 'impossible' })
    watch.watch(signIn('ann'))
    watch.watch(signIn('eve'))
    await at(300)
    await at(600)
    expect(it.asked).toHaveLength(2)
    expect(it.logged).toEqual(['recheck_impossible'])
  })
})

test('a provider that never answers is asked no more at a time, however long', async () => {
  const names = Array.from({ length: rechecks_at_once_max * 3 }, (_, at) => `p${at}`)
  const { it, watch } = world({ inUse: names })
  it.answer = () => new Promise<never>(() => {})
  for (const name of names) watch.watch(signIn(name))
  it.now_s = 300
  for (let ticks = 0; ticks < 5; ticks++) {
    void watch.tick()
    // oxlint-disable-next-line no-await-in-loop -- what is in use is answered later
    await Bun.sleep(0)
  }
  expect(it.asked).toHaveLength(rechecks_at_once_max)
})

test('who would be one too many is not let stay', async () => {
  const { it, watch, at } = world({ inUse: undefined })
  for (let n = 0; n < watched_sign_ins_max; n++) watch.watch(signIn(`p${n}`))
  watch.watch(signIn('late'))
  await at(1)
  expect(it.ended).toEqual(['late: full'])
  expect(it.asked).toEqual([])
})
