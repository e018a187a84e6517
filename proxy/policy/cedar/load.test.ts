/** What is wrong with a policy file is one line with its position, before it counts. */
import { describe, expect, test } from 'bun:test'
import { builtin_text } from './builtin.ts'
import { loadCedar } from './library.ts'
import { loadPolicies } from './load.ts'

await loadCedar()

const problemOf = (text: string): string => {
  const loaded = loadPolicies([{ name: 'p.cedar', text }])
  return loaded.ok ? 'accepted' : loaded.problem
}
const exec = 'permit (principal, action == Action::"exec", resource)'

describe('a policy file', () => {
  const cases: readonly (readonly [text: string, problem: string])[] = [
    [builtin_text, 'accepted'],
    ['', 'accepted'],
    ['// nothing\n', 'accepted'],
    ['permit (principal, action resource);', 'p.cedar:1:27 unexpected token `resource`'],
    [
      `\n\n  ${exec} when { context.rsk == "high" };`,
      'p.cedar:3:65 for policy `policy0`, attribute `rsk` in context for Action::"exec" not found: did you mean `risk`?',
    ],
    ['permit (principal, action == Action::"fly", resource);', 'p.cedar:1:30'],
    ['permit (principal, action == Action::"delete_evidence", resource);', 'p.cedar:1:30'],
    ['permit (principal == Person::"a", action, resource);', 'p.cedar:1:22'],
    [`${exec} when { context.risk > 3 };`, 'p.cedar:1:'],
    [`${exec} when { context.sudo == "root" };`, 'p.cedar:1:'],
    ['permit (principal == ?principal, action, resource);', 'p.cedar:1:1 has a template'],
    [
      `@qourum("2") ${exec};`,
      'p.cedar:1:1 @qourum is not known; there are @id, @reason, @approval, @quorum, @expires, @passkey, @break_glass',
    ],
    [`@quorum("2") ${exec};`, 'p.cedar:1:1 @quorum, @expires and @passkey belong to @approval'],
    [`@passkey ${exec};`, 'p.cedar:1:1 @quorum, @expires and @passkey belong to @approval'],
    [`@approval @passkey("no") ${exec};`, 'p.cedar:1:1 @passkey: expected no value'],
    [
      `@approval @quorum("0") ${exec};`,
      'p.cedar:1:1 @quorum: expected a whole number from 1 to 10',
    ],
    [`@approval @quorum("two") ${exec};`, 'p.cedar:1:1 @quorum: expected'],
    [`@approval @expires("soon") ${exec};`, 'p.cedar:1:1 @expires: expected a time such as'],
    [`@approval @expires("48h") ${exec};`, 'p.cedar:1:1 @expires: expected a time such as'],
    [
      '@approval forbid (principal, action == Action::"exec", resource);',
      'p.cedar:1:1 @approval belongs to a permit',
    ],
    ['@approval permit (principal, action, resource);', 'p.cedar:1:1 @approval is for commands'],
    [
      '@approval permit (principal, action == Action::"connect", resource);',
      'p.cedar:1:1 @approval is for commands, statements and grants',
    ],
    [
      '@break_glass permit (principal, action, resource);',
      'p.cedar:1:1 @break_glass: the policy must name its actions',
    ],
    [
      '@break_glass permit (principal, action == Action::"approve", resource);',
      'p.cedar:1:1 @break_glass: the policy must name its actions',
    ],
    [
      '@break_glass forbid (principal, action == Action::"connect", resource);',
      'p.cedar:1:1 @break_glass belongs to a permit',
    ],
    [
      '@break_glass @approval permit (principal, action == Action::"connect", resource);',
      'p.cedar:1:1 @break_glass is without an approval',
    ],
    [
      'permit (principal, action == Action::"connect", resource) when { context.grant.minutes < 60 };',
      'p.cedar:1:',
    ],
    [
      '@approval permit (principal, action == Action::"connect", resource);',
      'p.cedar:1:1 @approval is for commands',
    ],
    [
      `@id("a") ${exec};\n@id("a") ${exec};`,
      'p.cedar:2:1 the name "a" is that of the policy at p.cedar:1:1, too',
    ],
    [`@id("\u{1b}[2J") ${exec};`, 'p.cedar:1:1 @id: expected'],
    [`// ä€𝄞\n${exec} when { context.rsk == "high" };`, 'p.cedar:2:63 for policy'],
  ]
  for (const [text, problem] of cases)
    test(JSON.stringify(text.slice(0, 80)), () => expect(problemOf(text)).toStartWith(problem))

  test('that is longer than allowed, or no Cedar at all', () => {
    expect(problemOf('x'.repeat(4_200_000))).toContain('longer than')
    expect(problemOf('policy: { a: 1 }')).toStartWith('p.cedar:1:')
  })
  test('keeps the order of its policies, and names those without a name by their place', () => {
    const text = Array.from(
      { length: 12 },
      (_, at) => (at % 2 === 0 ? `@id("n${at}")\n` : '') + `${exec};`,
    ).join('\n')
    const loaded = loadPolicies([{ name: 'p.cedar', text }])
    if (!loaded.ok) throw new Error(loaded.problem)
    expect(loaded.policies.map(({ id }) => id)).toEqual([
      'n0',
      'p.cedar:3',
      'n2',
      'p.cedar:6',
      'n4',
      'p.cedar:9',
      'n6',
      'p.cedar:12',
      'n8',
      'p.cedar:15',
      'n10',
      'p.cedar:18',
    ])
  })
})

test('the policy that the documentation shows is one', async () => {
  const page = await Bun.file(new URL('../../../docs/policy.md', import.meta.url)).text()
  const shown = [...page.matchAll(/```cedar\n([\s\S]*?)```/g)].map((found) => found[1] ?? '')
  expect(shown).toHaveLength(5)
  for (const text of shown) expect(problemOf(text)).toBe('accepted')
})
