/**
 * Somebody with the machine changes the data directory of a gateway that runs, or puts an older copy in its place. Verification
 * names the session, or that the log was rolled back or forked.
 *
 * @module
 */
import { describe, expect } from 'bun:test'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../../storage/store/database.ts'
import { database_name } from '../../storage/store/layout.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, sshd, testSlow, testWith } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

interface Failure {
  readonly code: string
  readonly session?: string
}

async function failuresOf(guarded: Guarded): Promise<readonly Failure[]> {
  const { stdout } = await guarded.verify()
  const { findings } = JSON.parse(stdout) as {
    readonly findings: readonly (Failure & { readonly severity: string })[]
  }
  return findings
    .filter(({ severity }) => severity === 'failure')
    .map(({ code, session }) => (session === undefined ? { code } : { code, session }))
}

/** Beside the gateway that writes there. */
function change(guarded: Guarded, ...statements: readonly string[]): void {
  const { connection } = openDatabase(join(guarded.data, database_name))
  connection.exec(['BEGIN IMMEDIATE', ...statements, 'COMMIT'].join(';'))
  connection.close()
}

/** Its id, once the database has all of it. */
async function ran(guarded: Guarded, command: string): Promise<string> {
  expect((await guarded.run(command)).code).toBe(0)
  return until('the database has it', () => {
    const { connection } = openDatabase(join(guarded.data, database_name))
    const [row] = connection
      .prepare(
        'SELECT id FROM session JOIN command ON session_no = session.no WHERE text = ? AND manifest_digest IS NOT NULL',
      )
      .raw()
      .all(command) as [string][]
    connection.close()
    return row?.[0]
  })
}

describe('a running gateway', () => {
  testWith(
    [ssh, sshd],
    "a session's rows are deleted from its database: it is named, and others go on",
    async () => {
      await using guarded = await openGuarded()
      await guarded.trust()
      const hidden = await ran(guarded, 'echo hide me')
      const gone = await ran(guarded, 'echo delete me')
      const kept = await ran(guarded, 'echo keep me')
      expect(await failuresOf(guarded)).toEqual([])
      const no = (id: string): string => `(SELECT no FROM session WHERE id = '${id}')`

      // From the lists alone: the records are there, and nobody finds them.
      change(
        guarded,
        `INSERT INTO command_text (command_text, rowid, text)
          SELECT 'delete', no, text FROM command WHERE session_no = ${no(hidden)}`,
        `DELETE FROM session_program WHERE session_no = ${no(hidden)}`,
        `DELETE FROM command WHERE session_no = ${no(hidden)}`,
      )
      const named = await failuresOf(guarded)
      expect(new Set(named.map(({ code }) => code))).toEqual(new Set(['derived_edited']))
      expect(new Set(named.map(({ session }) => session))).toEqual(new Set([hidden]))

      // And all of another one.
      change(
        guarded,
        `INSERT INTO command_text (command_text, rowid, text)
          SELECT 'delete', no, text FROM command WHERE session_no = ${no(gone)}`,
        ...['chunk', 'command', 'session_group', 'session_program'].map(
          (table) => `DELETE FROM ${table} WHERE session_no = ${no(gone)}`,
        ),
        `DELETE FROM session WHERE id = '${gone}'`,
      )
      const both = await failuresOf(guarded)
      expect(both).toContainEqual({ code: 'session_missing_from_store', session: gone })
      expect(new Set(both.flatMap(({ session }) => session ?? []))).toEqual(new Set([hidden, gone]))

      const next = await ran(guarded, 'echo go on')
      const after = await failuresOf(guarded)
      for (const id of [kept, next]) expect(after.some(({ session }) => session === id)).toBe(false)
    },
    90_000,
  )

  testSlow(
    [ssh, sshd],
    'an older copy takes the place of its data: rolled back, and forked once it goes on from there',
    async () => {
      await using guarded = await openGuarded()
      await ran(guarded, 'echo before the copy')
      expect(await guarded.gateway.stop()).toBe(0)
      const copy = join(guarded.dir, 'copy')
      cpSync(guarded.data, copy, { recursive: true })

      await guarded.restart()
      await ran(guarded, 'echo nobody was here')
      await guarded.trust()
      expect(await guarded.gateway.stop()).toBe(0)
      expect(await failuresOf(guarded)).toEqual([])

      rmSync(guarded.data, { recursive: true })
      cpSync(copy, guarded.data, { recursive: true })
      expect(await failuresOf(guarded)).toEqual([{ code: 'log_rolled_back' }])

      // The gateway cannot know that it is in the past, and writes another history.
      await guarded.restart()
      for (let n = 0; n < 4; n++) await ran(guarded, `echo another history ${n}`)
      expect(await guarded.gateway.stop()).toBe(0)
      expect(await failuresOf(guarded)).toEqual([{ code: 'log_forked' }])
    },
    120_000,
  )
})
