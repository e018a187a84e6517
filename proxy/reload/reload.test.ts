/** What is asked for while a reload runs, and what a reload makes of what it finds. */
import { expect, test } from 'bun:test'
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { parseConfig } from '../config.ts'
import { createReload, type ReloadPorts } from './reload.ts'

interface Played {
  readonly ports: ReloadPorts
  readonly used: Ruleset[]
  /** Policies: taken, taken back, enforced. */
  readonly policies: string[]
  policy_problem: string | undefined
  readonly logged: (readonly [event: string, reason: string])[]
  text: string
  loads: number
}

function play(use: (ruleset: Ruleset) => Promise<void> = async () => {}): Played {
  const played: Played = {
    used: [],
    policies: [],
    policy_problem: undefined,
    logged: [],
    text: 'masking: { packs: [], custom: [{ name: a, pattern: "abc-[0-9]+" }] }',
    loads: 0,
    ports: {
      load() {
        played.loads++
        return parseConfig(played.text, 's.yaml', '/', {}, { is_trial: true })
      },
      own: [{ text: 'the own password', held_by: 'gateway' }],
      source: '',
      async prepare({ config }) {
        if (played.policy_problem !== undefined)
          return { ok: false, problem: played.policy_problem }
        const name = config.policy.forwarding
        return {
          ok: true,
          policy_hash: name,
          take() {
            played.policies.push(`take ${name}`)
            return () => void played.policies.push(`undo ${name}`)
          },
          enforce() {
            played.policies.push(`enforce ${name}`)
            return 0
          },
        }
      },
      async use({ rules, policy_hash }) {
        played.policies.push(`record ${policy_hash}`)
        if (rules === undefined) return
        await use(rules.ruleset)
        played.used.push(rules.ruleset)
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
  // What the second one found was in use already.
  expect(played.used.length).toBe(1)
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
  const reasons = played.logged.filter(([event]) => event === 'configuration_not_reloaded')
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
  expect(played.logged.at(-1)?.[0]).toBe('configuration_reloaded')
}, 60_000)

test('a policy is in use before its record is asked for, enforced after, and taken back when there is none', async () => {
  let full = false
  const played = play(async () => {
    if (full) throw new Error('no space left')
  })
  const reload = createReload(played.ports)
  await reload()
  expect(played.policies).toEqual(['take deny', 'record deny', 'enforce deny'])
  played.policies.length = 0
  full = true
  played.text = `policy: { forwarding: allow }\n${played.text.replace('abc', 'abd')}`
  await reload()
  expect(played.policies).toEqual(['take allow', 'record allow', 'undo allow'])
  played.policies.length = 0
  full = false
  played.policy_problem = 's.yaml:1:1 policy.files: p.cedar:3:4 unexpected token'
  await reload()
  expect(played.policies).toEqual([])
  expect(played.used.length).toBe(1)
  expect(played.logged.at(-1)).toEqual(['configuration_not_reloaded', played.policy_problem])
  // The rules that were refused with the policy come with the next one.
  played.policy_problem = undefined
  await reload()
  expect(played.policies).toEqual(['take allow', 'record allow', 'enforce allow'])
  expect(played.used.length).toBe(2)
}, 60_000)
