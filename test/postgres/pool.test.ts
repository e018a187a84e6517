/** A pooler behind the gateway, and a whole database that moves through it. */
import { expect } from 'bun:test'
import { startPgbouncer } from '../fixture/pgbouncer.ts'
import { startPostgres } from '../fixture/postgres.ts'
import { pgbouncer, testSlow, testWith } from '../fixture/require.ts'
import { components, openWorld } from './world.ts'

testWith(
  [...components, pgbouncer],
  'a pgbouncer in session mode stands between the gateway and the database',
  async () => {
    await using database = await startPostgres()
    await using pooler = await startPgbouncer(database)
    await using world = await openWorld({
      database,
      sql: "CREATE TABLE people (id int, ssn text); INSERT INTO people VALUES (1, '123-45-6789')",
      columns: { 'public.people.ssn': 'ssn' },
      address: `127.0.0.1:${pooler.port}`,
      tls: 'off',
    })
    const ran = await world.psql(['-d', 'postgres', '-q'], {
      stdin:
        'BEGIN; SELECT ssn, id FROM people; COMMIT;\nPREPARE a AS SELECT upper(ssn) FROM people; EXECUTE a;\n',
    })
    expect(ran.stderr).toBe('')
    expect(ran.stdout).toBe('***********|1\n***********\n')
  },
  60_000,
)

testSlow(
  components,
  'pg_dump of everything, put back through the gateway, is dumped again byte for byte',
  async () => {
    await using world = await openWorld({
      sql: `CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE TABLE kinds (id serial PRIMARY KEY, m mood, a int[], j jsonb, b bytea, t timestamptz, n numeric, x text);
        INSERT INTO kinds (m, a, j, b, t, n, x) SELECT 'good', ARRAY[i, NULL], jsonb_build_object('i', i),
          decode(md5(i::text), 'hex'), to_timestamp(i), i / 7.0, repeat(E'\\\\ \\t \\n é', i % 5) FROM generate_series(1, 500) i;
        CREATE VIEW few AS SELECT id, x FROM kinds WHERE id < 10;
        CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
        CREATE INDEX ON kinds (n); CREATE TABLE parts (i int) PARTITION BY RANGE (i);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); INSERT INTO parts VALUES (3)`,
    })
    await world.database.run('CREATE DATABASE copy')
    const dump = async (database: string): Promise<string> => {
      const child = Bun.spawn(['pg_dump', '--no-owner', database], {
        ...{ env: world.env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
      })
      const [text, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
      expect(errors).toBe('')
      // Each dump has a word of its own against what it holds.
      return text.replace(/^(\\(?:un)?restrict) \w+$/gm, '$1')
    }
    const first = await dump('postgres')
    const put = await world.psql(['-d', 'copy', '-q', '-v', 'ON_ERROR_STOP=1'], {
      stdin: first.replace(/^\\(?:un)?restrict$/gm, ''),
    })
    expect(put.stderr).toBe('')
    expect(await dump('copy')).toBe(first)
    expect(first.length).toBeGreaterThan(50_000)
  },
  60_000,
)
