import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { connect } from './libsql.ts'

/** Statement, and the call that the driver does not survive. */
const traps: Readonly<Record<string, readonly [sql: string, parameter: string]>> = {
  'a buffer alone': ['SELECT length(?) AS value', 'Buffer.from("abc")'],
  'an array of bytes alone': ['SELECT length(?) AS value', 'new Uint8Array(3)'],
  'a boolean': ['SELECT ? + 2 AS value', 'true'],
  'an object with unknown keys': ['SELECT ? AS value', '({ nobody: 1 })'],
}

/** In a process of its own: the point is whether it survives. */
function runs(script: string): { code: number | null; out: string } {
  const child = Bun.spawnSync([process.execPath, '-e', script], {
    cwd: import.meta.dir,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return { code: child.exitCode, out: child.stdout.toString().trim() }
}

describe('what aborts the process in the driver', () => {
  for (const [name, [sql, parameter]] of Object.entries(traps)) {
    test(`${name} is bound or refused`, () => {
      const call = `prepare(${JSON.stringify(sql)})`
      const path = JSON.stringify(join(import.meta.dir, 'libsql.ts'))
      const wrapped = runs(
        `import { connect } from ${path}
         try { console.log(connect(':memory:').${call}.get(${parameter}).value) }
         catch (error) { console.log(error.name) }`,
      )
      expect(wrapped.code).toBe(0)
      expect(wrapped.out).toMatch(/^(3|AssertionError)$/)
      // The trap is still there: without it this wrapper would have no reason.
      const raw = runs(
        `import Driver from 'libsql'
         const statement = new Driver(':memory:').${call}
         console.log('trying')
         try { statement.get(${parameter}) } catch {}
         console.log('alive')`,
      )
      expect(raw.out).toBe('trying')
      expect(raw.code).not.toBe(0)
    })
  }
})

test('values come back as they were bound', () => {
  const connection = connect(':memory:')
  connection.exec('CREATE TABLE t (a INTEGER, b BLOB, c TEXT, d INTEGER) STRICT')
  const insert = connection.prepare('INSERT INTO t VALUES (?, ?, ?, ?)')
  const bytes = new Uint8Array([0, 1, 2, 255, 4]).subarray(1, 4)
  insert.run(2 ** 52, bytes, 'text', true)
  insert.run(null, new Uint8Array(0), '', false)
  expect(connection.prepare('SELECT a, b, c, d FROM t').raw().all()).toEqual([
    [2 ** 52, Buffer.from(bytes), 'text', 1],
    [null, Buffer.alloc(0), '', 0],
  ])
  expect(() => insert.run(undefined, bytes, '', 0)).toThrow('a value of SQLite')
  expect(() => insert.run(1.5, bytes, '', 0)).toThrow('REAL')
  connection.close()
})

test('an insert that meets a conflict says that it changed nothing, whatever changed before it', () => {
  const connection = connect(':memory:')
  connection.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT')
  connection.exec("CREATE VIRTUAL TABLE f USING fts5(b, content='t', content_rowid='a')")
  const insert = connection.prepare('INSERT INTO t VALUES (?, ?) ON CONFLICT DO NOTHING')
  const index = connection.prepare('INSERT INTO f (rowid, b) VALUES (?, ?)')
  expect(insert.run(1, 'one')).toMatchObject({ changes: 1 })
  index.run(1, 'one')
  expect(insert.run(1, 'two')).toMatchObject({ changes: 0 })
  expect(insert.run(2, 'two')).toMatchObject({ changes: 1 })
  connection.close()
})

test('a statement gives the row that it is asked for, whichever way it was asked before', () => {
  const connection = connect(':memory:')
  connection.exec('CREATE TABLE t (a TEXT PRIMARY KEY, b INTEGER) STRICT')
  connection.exec("INSERT INTO t VALUES ('one', 1), ('two', 2)")
  const read = connection.prepare('SELECT b FROM t WHERE a = ?')
  expect(read.get('one')).toMatchObject({ b: 1 })
  expect(read.all('one')).toMatchObject([{ b: 1 }])
  expect(read.get('two')).toMatchObject({ b: 2 })
  expect(read.get('three')).toBeUndefined()
  expect(read.all('two')).toMatchObject([{ b: 2 }])
  connection.close()
})
