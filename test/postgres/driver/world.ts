/**
 * What drivers are let loose on: a table with protected columns behind a gateway.
 *
 * @module
 */
import { openWorld, type PostgresWorld } from '../world.ts'

export const openDriverWorld = (): Promise<PostgresWorld> =>
  openWorld({
    sql: `CREATE TABLE people (id int PRIMARY KEY, name text, ssn text, born date, pin int);
      INSERT INTO people VALUES (1, 'ada', '123-45-6789', '1912-06-23', 4711)`,
    columns: {
      'public.people.ssn': 'ssn',
      'public.people.born': 'birthday',
      'public.people.pin': 'pin',
    },
  })

/** What a program printed; rejects when it failed. */
export async function driven(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const child = Bun.spawn([...words], {
    env: { ...env },
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  })
  const [stdout, stderr, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`${words[0]}: ${stdout}\n${stderr}`)
  return stdout
}
