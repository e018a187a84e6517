/** Protected columns, through the real wire: whatever way a statement takes to them, no value comes out. */
import { describe, expect, test } from 'bun:test'
import { catalog_ms } from '../../proxy/connector/postgres/limits.ts'
import { clientEnv } from '../fixture/postgres.ts'
import type { Ran } from '../fixture/ran.ts'
import { isSlow, testSlow, testWith } from '../fixture/require.ts'
import { columns, database_sql, evasions, ordinary, secrets } from './columns.ts'
import { inWorld } from './in-world.ts'
import { components, type PostgresWorld } from './world.ts'

let world: PostgresWorld
/** What came of each of them: several are asked at once. */
const ran_of = new Map<string, Ran>()
const at_once = 6
/** Without the slow tests one of each five: most of their time is a login. */
const isAsked = (index: number): boolean => isSlow || index % 5 === 0

inWorld(
  { sql: database_sql, columns, masking: { packs: [] } },
  async (made) => {
    world = made
    const waiting = evasions.filter((_, index) => isAsked(index)).map(({ sql }) => sql)
    const work = async (): Promise<void> => {
      for (let sql = waiting.shift(); sql !== undefined; sql = waiting.shift())
        ran_of.set(sql, await world.psql(words(sql)))
    }
    await Promise.all(Array.from({ length: at_once }, work))
  },
  180_000,
)

const words = (sql: string): string[] => [
  ...['-d', 'postgres', '-v', 'VERBOSITY=verbose'],
  ...sql.split('; ').flatMap((each) => ['-c', each]),
]

describe('an evasion is caught', () => {
  for (const [index, { sql, is }] of evasions.entries())
    (isAsked(index) ? testWith : testSlow)(components, `${is}: ${sql}`, async () => {
      const ran = ran_of.get(sql)
      if (ran === undefined) throw new Error('it was not asked')
      const seen = `${ran.stdout}\n${ran.stderr}`
      for (const secret of secrets) expect(seen).not.toContain(secret)
      if (is === 'refused') expect(ran.stderr).toContain('ERROR:  42501')
      else expect(ran.stderr).not.toContain('42501')
      // It is not only that it fails: where it is masked, the target did what was asked.
      const code = /ERROR: +([0-9A-Z]{5})/.exec(ran.stderr)?.[1] ?? ''
      // Some values are looked up as the name of something; those errors have no place in the text.
      const is_looked_up =
        /reg\w+|jsonpath|tsquery|current_setting|nextval|_privilege|convert_to|timezone/.test(sql)
      if (is === 'masked' && !is_looked_up) expect(code).not.toMatch(/^(?:42|08|57)/)
    })

  testWith(components, 'and none of it is on the disk of the gateway', async () => {
    await world.query("SELECT 'the end of them'")
    const files = [...new Bun.Glob('**/*').scanSync({ cwd: world.data, absolute: true })]
    const all = await Promise.all(files.map((file) => Bun.file(file).bytes()))
    const has = (text: string): boolean => all.some((bytes) => Buffer.from(bytes).includes(text))
    expect(has('the end of them')).toBe(true)
    for (const secret of secrets.filter((each) => each.length > 4)) expect(has(secret)).toBe(false)
  })

  test('there are at least sixty', () => {
    expect(new Set(evasions.map(({ sql }) => sql)).size).toBeGreaterThanOrEqual(60)
  })
})

describe('what is not protected', () => {
  for (const [sql, stdout] of ordinary)
    testWith(components, sql, async () => {
      const ran = await world.psql(words(sql))
      expect(ran.stderr).toBe('')
      expect(ran.stdout).toBe(stdout)
    })

  testWith(
    components,
    "one's own temporary table, while somebody else has one of that name",
    async () => {
      const { port, owner } = world.database
      const where = ['-h', '127.0.0.1', '-p', `${port}`, '-U', owner.user, '-d', 'postgres']
      const other = Bun.spawn(['psql', '-X', '-q', ...where], {
        env: clientEnv(owner),
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'inherit',
      })
      await other.stdin.write(
        'CREATE TEMP TABLE mine AS SELECT ssn AS title FROM people; \\echo made\n',
      )
      await other.stdin.flush()
      const { value } = await other.stdout.getReader().read()
      expect(new TextDecoder().decode(value)).toBe('made\n')
      // Nothing is remembered from before.
      await Bun.sleep(catalog_ms)
      const ran = await world.psql(
        words(
          'CREATE TEMP TABLE mine AS SELECT title FROM orders; SELECT title FROM mine ORDER BY 1',
        ),
      )
      expect(ran).toEqual({ code: 0, stdout: 'SELECT 2\nink\ntea\n', stderr: '' })
      await other.stdin.end()
      expect(await other.exited).toBe(0)
    },
    30_000,
  )
})
