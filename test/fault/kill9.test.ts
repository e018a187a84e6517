/**
 * kill -9 of the gateway in mid-output. What the client has seen is on record, the session ends as
 * `crashed`, verification passes, names a record that is edited afterwards, and the next gateway goes on.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { leaf_list_width } from '../../storage/evidence/limits.ts'
import { openDatabase, openDatabaseReadOnly } from '../../storage/store/database.ts'
import { database_name } from '../../storage/store/layout.ts'
import { type Guarded, openGuarded, outputOf, type SessionFacts } from '../fixture/guarded.ts'
import { isSlow, testSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

/** When the process dies, counted from the client's first byte: early, in full flow, and late. */
const delays_ms = isSlow ? [0, 30, 100, 400, 900, 1700] : [100]

describe('kill -9 in mid-output', () => {
  for (const delay_ms of delays_ms)
    test(`${delay_ms} ms after the first byte`, async () => {
      await using guarded = await openGuarded()
      await guarded.trust()

      const client = Bun.spawn([...guarded.ssh(), 'seq -f "line %.0f of the log" 1 100000000'], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'ignore',
      })
      const chunks: Uint8Array[] = []
      const first = Promise.withResolvers<void>()
      const received = (async () => {
        for await (const chunk of client.stdout) {
          chunks.push(chunk)
          first.resolve()
        }
        first.resolve()
      })()
      await first.promise
      await Bun.sleep(delay_ms)
      await guarded.gateway.kill9()
      await received
      expect(await client.exited).not.toBe(0)
      const seen = Buffer.concat(chunks)
      expect(seen.length).toBeGreaterThan(0)

      await guarded.restart()
      const session = await crashed(guarded)
      expect(session).toMatchObject({ subject: 'ann', target: 'web-1', end_reason: 'crashed' })

      const recorded = Buffer.from(outputOf(await guarded.records(session.id), 1))
      expect(recorded.length).toBeGreaterThanOrEqual(seen.length)
      // Not `toEqual`: a difference in megabytes is no message.
      expect(recorded.subarray(0, seen.length).equals(seen)).toBe(true)

      const verified = await guarded.verify()
      expect(verified.code, verified.stdout + verified.stderr).toBe(0)

      const next = await guarded.run('echo still here')
      expect(next.stdout).toBe('still here\n')
      expect(next.code).toBe(0)
    }, 60_000)

  test('while keys are typed and nothing is said: the session ends as crashed', async () => {
    await using guarded = await openGuarded()
    await guarded.trust()
    const client = Bun.spawn([...guarded.ssh(), 'echo ready; cat'], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const reader = client.stdout.getReader()
    await reader.read()
    await guarded.gateway.kill9()
    await client.exited
    await guarded.restart()
    expect((await crashed(guarded)).end_reason).toBe('crashed')
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  }, 60_000)

  testSlow(
    [],
    'an edited record of the crashed session is named by its number',
    async () => {
      await using guarded = await openGuarded()
      await guarded.trust()
      // Each line is asked for when the one before is there, so a record each way, and more than one leaf list has.
      const lines = leaf_list_width / 2 + 50
      const client = Bun.spawn([...guarded.ssh(), 'while read n; do echo "<$n>"; done'], {
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'ignore',
      })
      let seen = ''
      let asked = 0
      const ask = (): void => {
        asked++
        void client.stdin.write(`${asked}\n`)
        void client.stdin.flush()
      }
      ask()
      for await (const chunk of client.stdout) {
        seen += Buffer.from(chunk).toString()
        if (!seen.endsWith(`<${asked}>\n`)) continue
        if (asked < lines) ask()
        else await guarded.gateway.kill9()
      }
      await client.exited
      await guarded.restart()
      const session = await crashed(guarded)
      expect(session.end_reason).toBe('crashed')
      expect(await guarded.gateway.stop()).toBe(0)
      expect(await failuresOf(guarded)).toEqual([])

      const records = await guarded.records(session.id)
      expect(records.length, 'too few records for two leaf lists').toBeGreaterThan(leaf_list_width)
      const places = ['<9>', `<${lines}>`].map((text) => {
        const place = records.findIndex(({ payload }) => Buffer.from(payload).includes(text))
        expect(place).toBeGreaterThan(0)
        changeInStore(guarded.data, text)
        return place
      })
      expect(await failuresOf(guarded)).toEqual(
        places.map((record) => ({ code: 'record_edited', session: session.id, record })),
      )
    },
    90_000,
  )

  testSlow(
    [],
    'a crashed session that is damaged is named, and keeps nobody else from being recorded',
    async () => {
      await using guarded = await openGuarded()
      await guarded.trust()
      const client = Bun.spawn([...guarded.ssh(), 'echo ready; sleep 60'], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'ignore',
      })
      await client.stdout.getReader().read()
      // The store has all of it, and would otherwise read it from the journal again.
      await until('the store has its records', async () => {
        const [session] = await guarded.look()
        return session !== undefined && isProjected(guarded.data) ? true : undefined
      })
      await guarded.gateway.kill9()
      await client.exited
      const database = openDatabase(join(guarded.data, database_name))
      database.connection.exec('UPDATE chunk SET bytes = substr(bytes, 1, length(bytes) - 3)')
      database.connection.close()

      await guarded.restart()
      expect(guarded.gateway.stderr()).toContain('"event":"session_unreadable"')
      expect((await guarded.run('echo others')).stdout).toBe('others\n')
      expect(await guarded.gateway.stop()).toBe(0)
      const failures = (await failuresOf(guarded)) as { readonly session?: string }[]
      const [, damaged] = await guarded.sessions()
      expect(failures.length).toBeGreaterThan(0)
      expect(new Set(failures.map(({ session }) => session))).toEqual(new Set([damaged?.id ?? '-']))
    },
    90_000,
  )

  testSlow(
    [],
    'twice in a row: each crash is one ended session',
    async () => {
      await using guarded = await openGuarded()
      await guarded.trust()
      for (let crash = 0; crash < 2; crash++) {
        const client = Bun.spawn([...guarded.ssh(), 'echo ready; sleep 60'], {
          stdin: 'ignore',
          stdout: 'pipe',
          stderr: 'ignore',
        })
        await client.stdout.getReader().read()
        await guarded.gateway.kill9()
        await client.exited
        await guarded.restart()
        await crashed(guarded)
      }
      const sessions = await guarded.sessions()
      expect(sessions.map((session) => session.end_reason)).toEqual(['crashed', 'crashed'])
      const verified = await guarded.verify()
      expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    },
    90_000,
  )
})

/** The newest session, once the gateway after the crash has said how it ended: a moment after it is ready. */
const crashed = (guarded: Guarded): Promise<SessionFacts> =>
  until('the end of the session', async () => {
    const [session] = await guarded.look()
    return session?.end_reason === undefined ? undefined : session
  })

/** Whether the database alone has records of a session. */
function isProjected(data: string): boolean {
  const database = openDatabaseReadOnly(join(data, database_name))
  const row = database?.connection.prepare('SELECT count(*) AS n FROM chunk').get() as
    | { readonly n: number }
    | undefined
  database?.connection.close()
  return (row?.n ?? 0) > 0
}

/** What verification finds wrong, and where. */
async function failuresOf(guarded: Guarded): Promise<unknown[]> {
  const { stdout } = await guarded.verify()
  const { findings } = JSON.parse(stdout) as {
    readonly findings: readonly Readonly<Record<string, unknown>>[]
  }
  return findings
    .filter(({ severity }) => severity === 'failure')
    .map(({ code, session, record, record_last }) => ({
      code,
      session,
      record,
      ...(record_last === undefined ? {} : { record_last }),
    }))
}

/** Turns one bit of the first place where the stored records have this text. */
function changeInStore(data: string, text: string): void {
  const { connection } = openDatabase(join(data, database_name))
  try {
    const chunks = connection.prepare('SELECT no, bytes FROM chunk ORDER BY no').all()
    for (const { no, bytes } of chunks as { no: number; bytes: Uint8Array }[]) {
      const changed = Buffer.from(bytes)
      const at = changed.indexOf(text)
      if (at === -1) continue
      changed[at] = (changed[at] ?? 0) ^ 1
      connection.prepare('UPDATE chunk SET bytes = ? WHERE no = ?').run(changed, no)
      return
    }
    throw new Error(`${text} is in no stored record`)
  } finally {
    connection.close()
  }
}
