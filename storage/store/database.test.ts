import { describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../journal/fixture.ts'
import { openDatabase, openDatabaseReadOnly } from './database.ts'
import { DataDirectory } from './fixture.ts'
import { migrations } from './migration/index.ts'

describe('the schema', () => {
  test('every table is STRICT', () => {
    const { connection } = openDatabase(':memory:')
    const tables = connection
      .prepare(
        `SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
         AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'`,
      )
      .raw()
      .all() as [string, number][]
    expect(tables.length).toBeGreaterThanOrEqual(9)
    expect(tables.filter(([, strict]) => strict !== 1)).toEqual([])
    connection.close()
  })

  test('every migration file is embedded', () => {
    const files = readdirSync(join(import.meta.dir, 'migration')).filter((name) =>
      name.endsWith('.sql'),
    )
    expect(migrations.length).toBe(files.length)
  })

  test('is made once, from any working directory', () => {
    using data = new DataDirectory()
    const path = join(data.path, 'store.db')
    const code = `import { openDatabase } from ${JSON.stringify(join(import.meta.dir, 'database.ts'))}
      openDatabase(${JSON.stringify(path)})`
    for (let run = 0; run < 2; run++)
      expect(Bun.spawnSync([process.execPath, '-e', code], { cwd: '/' }).exitCode).toBe(0)
    const { connection } = openDatabase(path)
    const applied = connection.prepare('SELECT count(*) FROM __drizzle_migrations').raw().all()
    expect(applied).toEqual([[migrations.length]])
    connection.close()
  })
})

describe('a file that is not as it was written', () => {
  test('of another kind', () => {
    using data = new DataDirectory()
    const path = join(data.path, 'store.db')
    writeFileSync(path, 'not a database, but long enough to be looked at. '.repeat(400))
    expect(codeOf(() => openDatabase(path))).toBe('store_damaged')
    expect(codeOf(() => openDatabaseReadOnly(path))).toBe('store_damaged')
  })

  test('of a newer version', () => {
    using data = new DataDirectory()
    const path = join(data.path, 'store.db')
    const { connection } = openDatabase(path)
    connection.exec("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 9e15)")
    connection.close()
    expect(codeOf(() => openDatabase(path))).toBe('store_version')
    expect(codeOf(() => openDatabaseReadOnly(path))).toBe('store_version')
  })

  test('with a view in place of a table, whose rows never end', () => {
    using data = new DataDirectory()
    const path = join(data.path, 'store.db')
    const { connection } = openDatabase(path)
    connection.exec(`
      DROP TABLE log_hash;
      CREATE VIEW log_hash AS WITH RECURSIVE c (no) AS (SELECT 0 UNION ALL SELECT no + 1 FROM c)
        SELECT no, zeroblob(32) AS hash FROM c`)
    connection.close()
    expect(codeOf(() => openDatabaseReadOnly(path))).toBe('store_damaged')
  })

  for (const name of ['store.db', 'store.db-wal'])
    test(`with a pipe as ${name}, on which a reader would wait`, () => {
      using data = new DataDirectory()
      const path = join(data.path, 'store.db')
      if (name !== 'store.db') openDatabase(path).connection.close()
      rmSync(join(data.path, name), { force: true })
      expect(Bun.spawnSync(['mkfifo', join(data.path, name)]).exitCode).toBe(0)
      expect(codeOf(() => openDatabaseReadOnly(path))).toBe('store_damaged')
    })

  test('that cannot be opened', () => {
    using data = new DataDirectory()
    expect(codeOf(() => openDatabase(join(data.path, 'missing', 'store.db')))).toBe('store_io')
    expect(openDatabaseReadOnly(join(data.path, 'missing.db'))).toBeUndefined()
  })
})

test('opened to read, nothing can be written, whatever its name', () => {
  using data = new DataDirectory()
  const path = join(data.path, 'a #?% b.db')
  openDatabase(path).connection.close()
  const opened = openDatabaseReadOnly(path)
  expect(opened).toBeDefined()
  expect(() => opened?.connection.exec('DELETE FROM session')).toThrow('readonly')
  opened?.connection.close()
})

test('a copy of the database file alone is readable', () => {
  using data = new DataDirectory()
  const path = join(data.path, 'store.db')
  const code = `import { openDatabase } from ${JSON.stringify(join(import.meta.dir, 'database.ts'))}
    const { connection } = openDatabase(${JSON.stringify(path)})
    connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()`
  expect(Bun.spawnSync([process.execPath, '-e', code]).exitCode).toBe(0)
  for (const suffix of ['-wal', '-shm'])
    if (existsSync(path + suffix)) Bun.spawnSync(['rm', path + suffix])
  chmodSync(data.path, 0o500)
  const opened = openDatabaseReadOnly(path)
  expect(opened?.connection.prepare('SELECT count(*) FROM session').raw().all()).toEqual([[0]])
  opened?.connection.close()
  chmodSync(data.path, 0o700)
})
