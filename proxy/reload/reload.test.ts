/** What is asked for while a reload runs, and what a reload makes of what it finds. */
import { expect, test } from 'bun:test'
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { parseConfig } from '../config.ts'
import { createReload, type ReloadPorts } from './reload.ts'

interface Played {
  readonly ports: ReloadPorts
  readonly used: Ruleset[]
  readonly logged: (readonly [event: string, reason: string])[]
  text: string
  loads: number
}

function play(use: (ruleset: Ruleset) => Promise<void> = async () => {}): Played {
  const played: Played = {
    used: [],
    logged: [],
    text: 'masking: { packs: [], custom: [{ name: a, pattern: "abc-[0-9]+" }] }',
    loads: 0,
    ports: {
      load() {
        played.loads++
        return parseConfig(played.text, 's.yaml', '/', {}, { is_trial: true })
      },
      own: [{ text: 'the own password', held_by: 'gateway' }],
      async use(ruleset) {
        await use(ruleset)
        played.used.push(ruleset)
      },
      log: (_level, event, { reason = '' }) => void played.logged.push([event, String(reason)]),
    },
  }
  return played
}

test('any number of signals at once are two reloads: what runs, and one more', async () => {
  const played = play()
  const reload = createReload(played.ports)
  await Promise.all(Array.from({ length: 20 }, reload))
  expect(played.loads).toBe(2)
  expect(played.used.length).toBe(2)
  await reload()
  expect(played.loads).toBe(3)
}, 60_000)

test('the hash follows the rules', async () => {
  const played = play()
  const reload = createReload(played.ports)
  await reload()
  played.text = played.text.replace('abc', 'abd')
  await reload()
  const [one, other] = played.used
  expect(one?.hash).not.toBe(other?.hash ?? '')
  expect(one?.names).toContain('a')
}, 60_000)

test('what cannot be taken is logged, and the next reload is as any', async () => {
  let full = true
  const played = play(async () => {
    if (full) throw new Error('sessions still use 8 sets of rules')
  })
  const reload = createReload(played.ports)
  const good = played.text
  for (const text of ['nonsense: 1', good.replace('+', '+('), good]) {
    played.text = text
    await reload()
  }
  expect(played.used).toEqual([])
  const reasons = played.logged.filter(([event]) => event === 'masking_not_reloaded')
  expect(reasons.map(([, reason]) => reason)).toEqual([
    expect.stringContaining('nonsense'),
    expect.stringMatching(
      /^s\.yaml:1:\d+ masking\.custom\[0\]: rule a: not a regular expression, at character \d+$/,
    ),
    'sessions still use 8 sets of rules',
  ])
  full = false
  await reload()
  expect(played.used.length).toBe(1)
  expect(played.logged.at(-1)?.[0]).toBe('masking_reloaded')
}, 60_000)
