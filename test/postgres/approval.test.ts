/**
 * Statements that wait for a person, through a real psql and a real PostgreSQL: what runs was approved by somebody else, once,
 * for exactly that, and whatever else happens the transaction is in the state that the client is told.
 */
import { describe, expect } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { testSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'
import { inWorld } from './in-world.ts'
import { type Desk, deskOf } from './waiting.ts'
import {
  bind,
  cancelWith,
  describe as describing,
  execute,
  logIn,
  parse,
  query,
  sync,
} from './wire.ts'
import { components, openWorld, type PostgresWorld } from './world.ts'

const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')

const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("held") @approval @expires("30s") @reason("rows go")
permit (principal, action == Action::"query", resource) when { context.kinds.contains("delete") };
@id("short") @approval @expires("2s")
permit (principal, action == Action::"query", resource) when { context.kinds.contains("truncate") };
@id("two") @approval("dba") @quorum("2")
permit (principal, action == Action::"query", resource) when { context.kinds.contains("update") };
@id("never")
forbid (principal, action == Action::"query", resource) when { context.kinds.contains("drop_table") };
`

let world: PostgresWorld
let desk: Desk
const holds = inWorld(
  {
    policy,
    sql: 'CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t SELECT i, i FROM generate_series(1, 500) AS i',
  },
  (made) => {
    world = made
    desk = deskOf(() => world)
  },
)

const there = async (id: number): Promise<boolean> =>
  (await world.database.run(`SELECT count(*) FROM t WHERE id = ${id}`)) === '1\n'

describe('a statement that waits', () => {
  holds('runs once it is approved, and psql was told who can and until when', async () => {
    const { request, ran } = await desk.start([
      '-c',
      `DELETE FROM t WHERE id = 1 AND a <> '${secret}'`,
    ])
    expect(request).toMatchObject({ subject: 'ada' })
    expect(request.command).toStartWith('DELETE FROM t WHERE id = 1 AND a <> ')
    expect(request.command).not.toContain(secret)
    expect(request.spans).toHaveLength(1)
    expect(await there(1)).toBe(true)
    const own = await desk.cli('approve', request.id, '--as', 'ada')
    expect(own.stderr).toContain('decided by somebody else')
    expect((await desk.approve(request)).code).toBe(0)
    const { code, stdout, stderr } = await ran
    expect([code, stdout]).toEqual([0, 'DELETE 1\n'])
    expect(stderr).toContain('NOTICE:  sluice: this statement waits by held; rows go')
    expect(stderr).toContain(`request ${request.id} needs an approval by any approver, within 30 s`)
    expect(stderr).toContain(`request ${request.id} was approved by bob`)
    expect(await there(1)).toBe(false)
    const facts = await desk.facts(request.session)
    const kinds = facts.map(({ kind }) => kind)
    const order = ['statement', 'hold', 'approval', 'verdict', 'stdin', 'result'] as const
    const at = kinds.indexOf('statement')
    expect(
      kinds
        .slice(at)
        .filter((kind) => kind !== 'output')
        .slice(0, 6),
    ).toEqual([...order])
    expect(facts.find(({ kind }) => kind === 'hold')).toMatchObject({ digest: request.digest })
    expect(facts.find(({ kind }) => kind === 'approval')).toMatchObject({
      outcome: 'approved',
      by: [{ subject: 'bob' }],
    })
    expect(JSON.stringify(facts)).not.toContain(secret)
  })

  holds('does not run when denied, and the transaction is really aborted', async () => {
    const { request, ran } = await desk.start(
      ['-v', 'VERBOSITY=verbose'],
      `BEGIN;\nINSERT INTO t VALUES (1001, 'x');\nDELETE FROM t WHERE id = 2;\nSELECT 1;\nCOMMIT;\nSELECT 2;\n`,
    )
    await desk.cli('deny', request.id, '--as', 'bob', '--comment', `not ${secret}`)
    const { stdout, stderr } = await ran
    expect(stderr).toContain(`ERROR:  42501: request ${request.id} was denied by bob: not ***`)
    expect(stderr).toContain('25P02: current transaction is aborted')
    expect(stdout).toBe('BEGIN\nINSERT 0 1\nROLLBACK\n2\n')
    expect(await there(2)).toBe(true)
    expect(await there(1001)).toBe(false)
  })

  holds('is given up by Ctrl-C, which cancels nothing at the target', async () => {
    const { request, ran, child } = await desk.start(
      ['-v', 'VERBOSITY=verbose'],
      'BEGIN;\nDELETE FROM t WHERE id = 3;\nROLLBACK;\nSELECT 3;\n',
    )
    child.kill('SIGINT')
    const { stderr } = await ran
    expect(stderr).toContain(`57014: request ${request.id} was given up`)
    expect(await there(3)).toBe(true)
    const facts = await desk.facts(request.session)
    expect(facts.find(({ kind }) => kind === 'approval')).toMatchObject({ outcome: 'cancelled' })
    expect(await desk.listed()).toEqual([])
  })

  holds('expires', async () => {
    const { request, ran } = await desk.start(['-c', 'TRUNCATE t'])
    const { code, stderr } = await ran
    expect(code).not.toBe(0)
    expect(stderr).toContain(`request ${request.id} expired: nobody approved it in time`)
    expect(await there(4)).toBe(true)
  })

  holds('ends with its session', async () => {
    const { request, ran, child } = await desk.start(['-c', 'DELETE FROM t WHERE id = 5'])
    child.kill('SIGKILL')
    await ran
    await until('nothing waits', async () => (await desk.listed()).length === 0)
    expect((await desk.approve(request)).code).toBe(1)
    expect(await there(5)).toBe(true)
  })

  holds('needs all that policy wants: two of a group', async () => {
    const { request, ran } = await desk.start(['-c', "UPDATE t SET a = 'y' WHERE id = 6"])
    const dba = ['--group', 'dba']
    expect((await desk.cli('approve', request.id, '--as', 'bob')).code).toBe(1)
    await desk.cli('approve', request.id, '--as', 'bob', ...dba)
    expect((await desk.listed()).map(({ id }) => id)).toEqual([request.id])
    await desk.cli('approve', request.id, '--as', 'eve', ...dba)
    expect((await ran).stdout).toBe('UPDATE 1\n')
  })

  holds('of several statements waits whole: none of it has run', async () => {
    const { request, ran } = await desk.start([
      ...['-c', "INSERT INTO t VALUES (1002, 'x'); DELETE FROM t WHERE id = 7; SELECT 7"],
    ])
    expect(await there(1002)).toBe(false)
    await desk.approve(request)
    expect((await ran).stdout).toEndWith('7\n')
    expect([await there(1002), await there(7)]).toEqual([true, false])
  })
})

describe('by the extended protocol', () => {
  const open = () => logIn(world.gateway.postgres.port, world.login)

  holds('each run of a prepared statement waits, with its parameters', async () => {
    await using wire = await open()
    wire.send(parse('DELETE FROM t WHERE id = $1', 'p'), describing('S', 'p'), sync())
    expect(await wire.ready()).toEqual(['1', 't', 'n', 'Z I'])
    for (const id of ['10', '11']) {
      const known = await desk.listed()
      wire.send(bind({ name: 'p', values: [id] }), execute(), sync())
      const request = await desk.next(known)
      expect(request.command).toBe(`DELETE FROM t WHERE id = $1\n$1 = ${id}`)
      await desk.approve(request)
      const answers = await wire.ready()
      expect(answers.filter((each) => !each.startsWith('N'))).toEqual(['2', 'C DELETE 1', 'Z I'])
    }
  })

  holds('nothing behind it runs meanwhile, and order and state come right', async () => {
    await using wire = await open()
    const known = await desk.listed()
    wire.send(
      ...[parse('SELECT 1'), bind(), execute(), sync()],
      ...[query('BEGIN'), parse('DELETE FROM t WHERE id = 12'), bind(), execute()],
      ...[parse("INSERT INTO t VALUES (1012, 'x')"), bind(), execute(), sync()],
      query("INSERT INTO t VALUES (1013, 'x')"),
    )
    expect((await wire.ready()).at(-1)).toBe('Z I')
    expect((await wire.ready()).at(-1)).toBe('Z T')
    const request = await desk.next(known)
    wire.send(query('SELECT 99'))
    expect(await there(1013)).toBe(false)
    await desk.cli('deny', request.id, '--as', 'bob')
    const failed = (await wire.ready()).filter((each) => !each.startsWith('N'))
    expect(failed).toEqual(['1', `E 42501 request ${request.id} was denied by bob`, 'Z E'])
    // What stands behind the Sync meets a transaction that is broken at the target itself.
    expect((await wire.ready())[0]).toStartWith('E 25P02')
    expect((await wire.ready()).at(-1)).toBe('Z E')
    wire.send(query('ROLLBACK'))
    expect(await wire.ready()).toEqual(['C ROLLBACK', 'Z I'])
    expect(await there(12)).toBe(true)
  })

  holds(
    'a name that may still mean it waits: what would have replaced it is never read',
    async () => {
      await using wire = await open()
      wire.send(parse('DELETE FROM t WHERE id = 30'), sync())
      expect(await wire.ready()).toEqual(['1', 'Z I'])
      const known = await desk.listed()
      wire.send(
        ...[parse('SELEC', 'bad'), parse('SELECT 1'), sync()],
        ...[bind(), execute(), sync()],
      )
      expect((await wire.ready()).at(-1)).toBe('Z I')
      const request = await desk.next(known)
      expect(request.command).toStartWith('DELETE FROM t WHERE id = 30')
      await desk.cli('deny', request.id, '--as', 'bob')
      await wire.ready()
      expect(await there(30)).toBe(true)
    },
  )

  holds('names that are one to PostgreSQL are not two here', async () => {
    await using wire = await open()
    const long = 'n'.repeat(63)
    wire.send(parse('DELETE FROM t WHERE id = 31', `${long}a`), sync())
    expect((await wire.rest()).join()).toContain('a name is longer than 63 bytes')
    await using other = await open()
    wire.socket.destroy()
    other.send(parse('DELETE FROM t WHERE id = 31', long), sync())
    await other.ready()
    const known = await desk.listed()
    other.send(query(`EXECUTE "${long}b"`))
    const request = await desk.next(known)
    await desk.cli('deny', request.id, '--as', 'bob')
    expect((await other.ready()).at(-1)).toBe('Z I')
    expect(await there(31)).toBe(true)
  })

  holds('a CancelRequest gives it up', async () => {
    await using wire = await open()
    const known = await desk.listed()
    wire.send(query('DELETE FROM t WHERE id = 13'))
    const request = await desk.next(known)
    await cancelWith(world.gateway.postgres.port, wire.key)
    const answers = (await wire.ready()).filter((each) => !each.startsWith('N'))
    expect(answers).toEqual([`E 57014 request ${request.id} was given up`, 'Z I'])
    wire.send(query('SELECT 1'))
    expect((await wire.ready()).at(-1)).toBe('Z I')
  })

  holds('an approval is for one run: the next one waits again', async () => {
    await using wire = await open()
    const known = await desk.listed()
    wire.send(query('DELETE FROM t WHERE id = 14'))
    const first = await desk.next(known)
    await desk.approve(first)
    await wire.ready()
    wire.send(query('DELETE FROM t WHERE id = 14'))
    const second = await desk.next(known)
    expect(second.id).not.toBe(first.id)
    expect(second.digest).not.toBe(first.digest)
    await desk.cli('deny', second.id, '--as', 'bob')
    expect((await wire.ready()).at(-1)).toBe('Z I')
  })
})

describe('another policy by SIGHUP', () => {
  const reload = async (text: string): Promise<void> => {
    const before = world.gateway.stderr().split('configuration_reloaded').length
    writeFileSync(join(world.dir, 'policy.cedar'), text)
    process.kill(world.gateway.pid, 'SIGHUP')
    await until(
      'a reload',
      () => world.gateway.stderr().split('configuration_reloaded').length > before,
    )
  }

  holds('a statement that was prepared before is judged when it is bound', async () => {
    const text = readFileSync(join(world.dir, 'policy.cedar'), 'utf8')
    await using wire = await logIn(world.gateway.postgres.port, world.login)
    wire.send(parse('SELECT a FROM t WHERE id = $1', 'p'), sync())
    await wire.ready()
    wire.send(
      query('PREPARE q AS SELECT 5'),
      bind({ name: 'p', values: ['20'] }),
      execute(),
      sync(),
    )
    expect(await wire.ready()).toEqual(['C PREPARE', 'Z I'])
    expect(await wire.ready()).toEqual(['2', 'D 20', 'C SELECT 1', 'Z I'])
    // A portal that is open in a transaction.
    wire.send(query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id'))
    await wire.ready()
    wire.send(
      parse('SELECT id FROM t', 'r'),
      bind({ name: 'r', portal: 'o' }),
      execute('o', 1),
      sync(),
    )
    await wire.ready()
    await reload(
      `${text}\n@id("no-reading") forbid (principal, action == Action::"query", resource) when { context.kinds.contains("select") };`,
    )
    try {
      wire.send(execute('o', 1), sync())
      expect((await wire.ready())[0]).toStartWith('E 42501 policy was changed since this was bound')
      wire.send(query('ROLLBACK'))
      await wire.ready()
      wire.send(bind({ name: 'p', values: ['21'] }), execute(), sync())
      expect(await wire.ready()).toEqual(['E 42501 policy forbids this statement', 'Z I'])
      wire.send(query('EXECUTE q'))
      expect((await wire.ready())[0]).toBe('E 42501 policy forbids this statement')
      wire.send(query('EXPLAIN ANALYZE EXECUTE q'))
      expect((await wire.ready())[0]).toBe('E 42501 policy forbids this statement')
      wire.send(query('SHOW work_mem'))
      expect((await wire.ready()).at(-1)).toBe('Z I')
    } finally {
      await reload(text)
    }
    // The names that were refused are still what they were.
    wire.send(bind({ name: 'p', values: ['22'] }), execute(), sync(), query('EXECUTE q'))
    expect(await wire.ready()).toEqual(['2', 'D 22', 'C SELECT 1', 'Z I'])
    expect((await wire.ready()).at(-1)).toBe('Z I')
  })
})

describe('with workers', () => {
  testSlow(
    components,
    'a statement waits at one desk for all, and Ctrl-C finds it wherever it comes in',
    async () => {
      await using many = await openWorld({
        policy,
        sql: 'CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)',
        arguments: ['--workers', '2'],
      })
      const their = deskOf(() => many)
      const approved = await their.start(['-c', 'DELETE FROM t WHERE id = 1'])
      expect((await their.approve(approved.request)).code).toBe(0)
      expect((await approved.ran).stdout).toBe('DELETE 1\n')
      for (let round = 0; round < 2; round++) {
        const waiting = await their.start(['-c', 'DELETE FROM t WHERE id = 2'])
        waiting.child.kill('SIGINT')
        expect((await waiting.ran).stderr).toContain(`${waiting.request.id} was given up`)
      }
      expect(await many.database.run('SELECT id FROM t')).toBe('2\n')
      const shown = await many.show()
      expect(shown).toContain(`waits by held as request`)
      expect(shown).toContain('cancelled')
      const trust = join(many.dir, 'trust.json')
      await sluice(['trust', 'export', '--config', many.config, '--data', many.data, '-o', trust])
      expect((await sluice(['verify', many.data, '--trust', trust])).code).toBe(0)
    },
    120_000,
  )
})
