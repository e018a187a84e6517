/** Unmodified clients of PostgreSQL through the gateway: what they do works, and is on record. */
import { describe, expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { message } from '../../proxy/connector/postgres/message.ts'
import { sluice } from '../fixture/gateway.ts'
import { psqlOn } from '../fixture/postgres.ts'
import { inWorld } from './in-world.ts'
import { start, wireOver } from './wire.ts'
import type { PostgresWorld } from './world.ts'

const token = `glpat-${'ABCDEFGHIJKLMNOPQRST'}`

let world: PostgresWorld
const holds = inWorld(
  {
    sql: `CREATE TABLE people (id int PRIMARY KEY, name text, note text);
      INSERT INTO people VALUES (1, 'ada', 'my token is ${token}'), (2, 'bob', NULL);
      CREATE TABLE numbers AS SELECT generate_series(1, 1000) AS n`,
  },
  (made) => {
    world = made
  },
)

describe('psql', () => {
  holds('reads rows, and a secret in one of them is stars of the same length', async () => {
    const { stdout, stderr, code } = await world.query('SELECT * FROM people ORDER BY id')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toBe(`1|ada|my token is ${'*'.repeat(token.length)}\n2|bob|\n`)
  })
  holds('has the account of the target, whose password it never had', async () => {
    expect((await world.query('SELECT current_user, session_user')).stdout).toBe('owner|owner\n')
  })
  holds('speaks TLS 1.3 with the gateway, and checks its certificate', async () => {
    const { ca_file } = world.certificates
    const ran = await world.psql([
      `dbname=postgres sslmode=verify-full sslrootcert=${ca_file} host=localhost hostaddr=127.0.0.1`,
      ...['-c', '\\conninfo', '-c', 'SELECT 1'],
    ])
    expect(ran.stderr).toBe('')
    expect(ran.stdout).toContain('TLSv1.3')
    expect(ran.stdout).toEndWith('1\n')
  })
  holds(
    'a backslash command, a transaction, a COPY in and out, a cursor, a prepared statement',
    async () => {
      const ran = await world.psql(['-d', 'postgres', '-v', 'ON_ERROR_STOP=1', '-q'], {
        stdin: `\\d people
BEGIN; CREATE TEMP TABLE t (a int, b text);
COPY t FROM STDIN;
1\tone
2\t\\N
\\.
COPY t TO STDOUT;
DECLARE c CURSOR FOR SELECT n FROM numbers ORDER BY n;
FETCH 2 FROM c; MOVE 500 IN c; FETCH 1 FROM c; CLOSE c;
PREPARE p (int) AS SELECT $1 + 1; EXECUTE p (41); DEALLOCATE p;
ROLLBACK;
`,
      })
      expect(ran.stderr).toBe('')
      expect(ran.stdout).toContain('id|integer||not null|')
      expect(ran.stdout).toEndWith('1\tone\n2\t\\N\n1\n2\n503\n42\n')
    },
  )
  holds('LISTEN and NOTIFY', async () => {
    const ran = await world.psql(['-d', 'postgres', '-q'], {
      stdin: `LISTEN news; NOTIFY news, 'it is ${token}';\nSELECT 1;\n`,
    })
    expect(ran.stdout).toContain('Asynchronous notification "news"')
    expect(ran.stdout).not.toContain(token)
    expect(ran.stdout).toContain('*'.repeat(token.length))
  })
  holds('errors keep their code and words, and lose secrets', async () => {
    const ran = await world.psql(['-d', 'postgres', '-v', 'VERBOSITY=verbose'], {
      stdin: `SELECT '${token}'::int;\nSELECT 1/0;\n`,
    })
    expect(ran.stderr).toContain('22P02: invalid input syntax for type integer')
    expect(ran.stderr).toContain('22012: division by zero')
    expect(ran.stderr).not.toContain(token.slice(0, 20) + '"')
    expect(/"\*+"/.test(ran.stderr)).toBe(true)
  })
  holds('Ctrl-C cancels the statement at the target, and the session goes on', async () => {
    const child = Bun.spawn(
      ['psql', '-X', '-A', '-t', '-c', 'SELECT pg_sleep(60)', '-c', 'SELECT 7'],
      { env: world.env, stdout: 'pipe', stderr: 'pipe', stdin: 'ignore' },
    )
    const busy = `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()`
    while ((await world.database.run(busy)).trim() !== '1') await Bun.sleep(20)
    child.kill('SIGINT')
    expect(await child.stderr.text()).toContain('canceling statement due to user request')
    expect(await world.database.run(busy)).toBe('0\n')
    await child.exited
    expect(await world.show()).toContain('CANCEL')
  })
  holds(
    'large objects by SELECT; by the fast path they are refused, and the session goes on',
    async () => {
      const ran = await world.psql(['-d', 'postgres', '-q'], {
        stdin: `SELECT lo_from_bytea(0, 'abc') AS oid \\gset
SELECT lo_put(:oid, 3, 'def');
SELECT lo_get(:oid);
\\lo_unlink :oid
SELECT lo_unlink(:oid);
SELECT 7;
`,
      })
      expect(ran.stderr).toContain('functions are called by SELECT here, not by the fast path')
      expect(ran.stdout).toBe('\n\\x616263646566\n1\n7\n')
    },
  )
  holds('a value of several megabytes passes whole', async () => {
    const ran = await world.query("SELECT md5(repeat('x', 9000000)), repeat('x', 9000000)")
    expect(ran.stderr).toBe('')
    expect(ran.stdout.length).toBe(32 + 1 + 9_000_000 + 1)
  })
})

describe('what is critical', () => {
  const denials: readonly (readonly [sql: string, found: string])[] = [
    ['DROP DATABASE template1', 'drop-database'],
    ['SELECT 1; DROP DATABASE template1', 'drop-database'],
    ["COPY numbers TO PROGRAM 'cat'", 'server-program'],
    ["COPY numbers FROM '/etc/passwd'", 'server-file'],
    ["SELECT pg_read_file('/etc/passwd')", 'server-file'],
    ["SELECT pg_catalog . pg_read_file ('/etc/passwd')", 'server-file'],
    ["WITH a AS (SELECT pg_read_file('/etc/passwd')) SELECT * FROM a", 'server-file'],
    ['ALTER SYSTEM SET work_mem = 1', 'server-configuration'],
    ['SET standard_conforming_strings = off', 'syntax'],
    ["SELECT set_config('standard_conforming_strings', 'off', false)", 'syntax'],
    ["SELECT set_config('client_' || 'encoding', 'SJIS', false)", 'syntax'],
    ["SET client_encoding = 'GBK'", 'syntax'],
  ]
  for (const [sql, found] of denials)
    holds(`${found}: ${sql}`, async () => {
      const { stderr, stdout, code } = await world.psql([
        ...['-d', 'postgres', '-v', 'VERBOSITY=verbose', '-c', sql],
      ])
      expect(stdout).toBe('')
      expect(code).not.toBe(0)
      expect(stderr).toContain('ERROR:  42501: ')
      const is_hard = found === 'syntax' || found === 'unparsed'
      const rule = is_hard ? `policy.sql.${found}` : 'policy.query.critical'
      expect(stderr).toContain(`rule ${rule}`)
      if (!is_hard) expect(stderr).toContain(`(${found})`)
      expect(await world.show()).toContain(`denied by ${rule}: ${sql}`)
    })
  holds('a fault of syntax is told as the target would tell it, and never reaches it', async () => {
    const ran = await world.psql(['-d', 'postgres', '-v', 'VERBOSITY=verbose'], {
      stdin: `SELECT 'é' AS '${token}';\n`,
    })
    expect(ran.stdout).toBe('')
    expect(ran.stderr).toMatch(/ERROR: {2}42601: syntax error at or near "'?\*{26}'?"\n/)
    expect(ran.stderr).toContain('rule policy.sql.unparsed')
    // Where it is psql says itself, of what was typed.
    expect(ran.stderr).toMatch(/LINE 1: SELECT 'é' AS 'glpat.*\n {22}\^\n/)
    const shown = await world.show()
    expect(shown).toContain("denied by policy.sql.unparsed: SELECT 'é' AS '***")
    expect(shown).not.toContain(token)
    expect(world.database.log()).not.toContain("AS 'glpat")
  })
  holds(
    'a denial breaks the transaction like every error, and what follows comes right',
    async () => {
      const ran = await world.psql(['-d', 'postgres'], {
        stdin: 'BEGIN;\nDROP DATABASE template1;\nSELECT 1;\nROLLBACK;\nSELECT 2;\n',
      })
      expect(ran.stdout).toBe('BEGIN\nROLLBACK\n2\n')
      expect(ran.stderr).toContain('current transaction is aborted')
    },
  )
})

describe('who comes in', () => {
  const login = (user: string, password: string, words: readonly string[] = []) =>
    psqlOn(world.gateway.postgres.port, { user, password }, [
      ...['-d', 'postgres', '-c', 'SELECT 1', ...words],
    ])
  holds('nobody with another password', async () => {
    const ran = await login('owner@orders', 'the-owners-own-password')
    expect(ran.stderr).toContain('the password is not a valid token')
    expect(ran.code).toBe(2)
  })
  holds('nobody with a token of the API', async () => {
    const minted = await sluice(['token', '--data', world.data])
    const ran = await login('owner@orders', minted.stdout.trim())
    expect(ran.stderr).toContain('the password is not a valid token')
  })
  holds('nobody without a target in the name', async () => {
    const ran = await login('owner', world.login.password)
    expect(ran.stderr).toContain('log in as ACCOUNT@TARGET')
  })
  holds('nobody to an account or a target that is not there', async () => {
    for (const user of ['nobody@orders', 'owner@elsewhere']) {
      const ran = await login(user, world.login.password)
      expect(ran.stderr).toContain('here; log in as ACCOUNT@TARGET')
    }
  })
  holds('a database that is not there is told as such', async () => {
    const ran = await login('owner@orders', world.login.password, ['-d', 'nowhere'])
    expect(ran.stderr).toContain('there is no such database (SQLSTATE 3D000)')
  })
  holds('encryption by GSS is declined, and the login goes on without', async () => {
    const socket = connect({ port: world.gateway.postgres.port, host: '127.0.0.1' })
    const declined = new Promise<string>((resolve) =>
      socket.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1'))),
    )
    socket.write(message(0, { u32: 80877104 }))
    expect(await declined).toBe('N')
    // That byte is no message: those begin here.
    await using after = wireOver(socket)
    after.send(start(['user', 'owner@orders', 'database', 'postgres']))
    after.send(message('p', world.login.password))
    expect((await after.ready()).at(-1)).toBe('Z I')
  })
  holds('no replication', async () => {
    const ran = await world.psql(['-d', 'dbname=postgres replication=database', '-c', 'SELECT 1'])
    expect(ran.stderr).toContain('replication is not let through')
  })
})

describe('other programs', () => {
  const run = async (words: readonly string[], cwd?: string) => {
    const child = Bun.spawn([...words], {
      ...{ env: world.env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
      ...(cwd === undefined ? {} : { cwd }),
    })
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
    return { stdout, stderr, code: await child.exited }
  }
  for (const mode of ['simple', 'extended', 'prepared'])
    holds(`pgbench in ${mode} mode`, async () => {
      const made = await run(['pgbench', '-i', '-q', '-n'])
      expect(made.stderr).toContain('done in')
      const ran = await run(['pgbench', '-n', '-M', mode, '-c', '4', '-t', '50'])
      expect(ran.stdout).toContain('number of transactions actually processed: 200/200')
      expect(ran.stdout).toContain('number of failed transactions: 0')
    })
  holds('pgbench with pipelines', async () => {
    await run(['pgbench', '-i', '-q', '-n'])
    const script = join(world.data, '..', 'pipeline.sql')
    const selects = 'SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n'.repeat(20)
    writeFileSync(script, `\\startpipeline\n${selects}\\endpipeline\n`)
    const ran = await run(['pgbench', '-n', '-M', 'extended', '-c', '2', '-t', '20', '-f', script])
    expect(ran.stderr).toBe('')
    expect(ran.stdout).toContain('number of transactions actually processed: 40/40')
  })
  holds('pg_dump says through the gateway what it says directly', async () => {
    await world.database.run(
      'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT n, md5(n::text) FROM numbers',
    )
    const dump = ['pg_dump', '--no-owner', '-t', 'kept', '-t', 'numbers']
    const through = await run(dump)
    expect(through.stderr).toBe('')
    const { port, owner } = world.database
    const direct = Bun.spawn(dump, {
      env: {
        ...world.env,
        ...{ PGPORT: `${port}`, PGUSER: owner.user, PGPASSWORD: owner.password },
      },
      stdout: 'pipe',
    })
    // Each dump has a word of its own against what it holds.
    const bare = (dumped: string): string => dumped.replace(/^(\\(?:un)?restrict) \w+$/gm, '$1')
    expect(bare(through.stdout)).toBe(bare(await direct.stdout.text()))
    expect(through.stdout.length).toBeGreaterThan(30_000)
  })
})

describe('records', () => {
  holds('name the statement, its parameters, its rows, and what went wrong', async () => {
    await world.psql(['-d', 'postgres'], {
      stdin: `SELECT n FROM numbers WHERE n <= 3;\nSELECT 'password: ${token}';\nSELECT 1/0;\n`,
    })
    const shown = await world.show()
    expect(shown).toContain('SELECT n FROM numbers WHERE n <= 3;')
    expect(shown).toContain('SELECT 3, 3 rows')
    expect(shown).toContain('failed with 22012')
    expect(shown).not.toContain(token)
  })
  holds(
    'tell which program it was, where a transaction begins and ends, and how much came',
    async () => {
      await world.psql(['-d', 'dbname=postgres application_name=billing', '-q'], {
        stdin:
          'BEGIN;\nSELECT $$five5$$ FROM numbers WHERE n <= 3;\nSELECT 1/0;\nCOMMIT;\nBEGIN;\nCOMMIT;\n',
      })
      const shown = await world.show()
      expect(shown).toMatch(/^with .*application_name=billing/m)
      // A COMMIT of what has failed is none.
      const told = ['BEGIN', 'SELECT 3, 3 rows of 27 B', 'failed with 22012']
      const results = [...told, 'ROLLBACK', 'BEGIN', 'COMMIT']
      const found = [...shown.matchAll(/ result +(.*), after [\d.]+(?:ms|s)/g)].map(
        ([, text]) => text,
      )
      expect(found).toEqual(results)
    },
  )
  holds('replay as text', async () => {
    await world.query('SELECT id, name FROM people ORDER BY id')
    const ran = await sluice(['replay', 'last', '--instant', '--data', world.data])
    expect(ran.stdout.replaceAll('\r', '')).toContain(
      '=> SELECT id, name FROM people ORDER BY id\nid | name\n1 | ada\n2 | bob\nSELECT 2\n',
    )
  })
  holds('can be verified', async () => {
    const trust = join(world.data, '..', 'trust.json')
    const exported = await sluice(['trust', 'export', '-o', trust, '--data', world.data])
    if (exported.code !== 0) throw new Error(exported.stderr)
    const ran = await sluice(['verify', world.data, '--trust', trust])
    expect(ran.stdout).toContain('verified')
    expect(ran.code).toBe(0)
  })
})
