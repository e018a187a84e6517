/**
 * Ways around rules about statements, each through a real psql to a real PostgreSQL: it is stopped by the rule that it tries to get
 * around, or it is known as a limit.
 */
import { describe, expect, test } from 'bun:test'
import { testWith } from '../fixture/require.ts'
import { inWorld } from '../postgres/in-world.ts'
import { components, type PostgresWorld } from '../postgres/world.ts'
import { database_sql, innocent, policy, ways } from './sql.ts'

let world: PostgresWorld
inWorld({ policy, sql: database_sql }, (made) => {
  world = made
})

/** Each line is a request of its own. */
const run = (sql: string) =>
  world.psql([
    ...['-d', 'postgres', '-q', '-v', 'VERBOSITY=verbose'],
    ...sql.split(/\n(?! )/).flatMap((line) => ['-c', line]),
  ])

test('there are enough of them', () => {
  expect(ways.length).toBeGreaterThan(90)
  expect(ways.filter(({ limit }) => limit !== undefined).length).toBeLessThan(4)
})

describe('a way around a rule', () => {
  for (const way of ways)
    if (way.limit === undefined)
      testWith(components, `is stopped by ${way.by}: ${way.sql}`, async () => {
        const { stdout, stderr } = await run(way.sql)
        const code = way.by === 'policy.sql.unparsed' ? '42601' : '42501'
        expect(stderr).toContain(`ERROR:  ${code}: `)
        expect(stderr).toContain(`rule ${way.by}\n`)
        expect(stdout).not.toContain('leaked')
      })
  testWith(components, 'leaves everything as it was', async () => {
    const counted = await world.database.run(
      "SELECT (SELECT count(*) FROM ONLY people), (SELECT count(*) FROM orders), to_regclass('public.x')",
    )
    expect(counted).toBe('2|2|\n')
  })
})

describe('no way around a rule', () => {
  for (const sql of innocent)
    testWith(components, sql, async () => {
      expect((await run(sql)).stderr).toBe('')
    })
})

describe('a limit', () => {
  for (const way of ways)
    if (way.limit !== undefined)
      testWith(components, `${way.limit}: ${way.sql}`, async () => {
        const { stderr } = await run(way.sql)
        expect(stderr).toBe('')
      })
})
