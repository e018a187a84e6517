import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { readJournal } from '../journal/read.ts'
import { openDatabase } from './database.ts'
import { DataDirectory, logEntry, RecordedSession } from './fixture.ts'
import { database_name, journal_name } from './layout.ts'
import { Queries } from './queries.ts'

/** Projects in batches of a few entries, as fast as it can, until it is killed or through. */
const script = `
  import { join } from 'node:path'
  import { JournalReader } from ${JSON.stringify(join(import.meta.dir, '../journal/read.ts'))}
  import { openDatabase } from ${JSON.stringify(join(import.meta.dir, 'database.ts'))}
  import { Batch } from ${JSON.stringify(join(import.meta.dir, 'fold.ts'))}
  import { Projector } from ${JSON.stringify(join(import.meta.dir, 'project.ts'))}
  const data = process.argv[1]
  const database = openDatabase(join(data, '${database_name}'))
  const projector = new Projector(database)
  const journal = new JournalReader(join(data, '${journal_name}'), projector.watermark_lsn)
  require('node:fs').writeSync(1, 'begun')
  for (let size = 1, batch; ; size = (size % 9) + 1) {
    batch = new Batch()
    for (let next; batch.entries < size && (next = journal.next()); ) batch.add(next.lsn, next.entry)
    if (batch.entries === 0) break
    projector.apply(batch)
    if (size === 5) database.connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').all()
  }
  require('node:fs').writeSync(1, 'done')`

test('kill -9 in the middle of a projection: each entry is in the store exactly up to the watermark', async () => {
  using data = new DataDirectory()
  const sessions = Array.from({ length: 5 }, (_, number) => new RecordedSession(number))
  const entries = sessions.flatMap((session) => session.start())
  for (let round = 0; round < 1500; round++) {
    entries.push(logEntry(round))
    const session = sessions[round % 5]
    if (session !== undefined) entries.push(session.output('x'.repeat((round * 37) % 3000)))
  }
  const last = data.write(entries)
  let watermark = 0
  for (let run = 0, out = ''; !out.endsWith('done'); run++) {
    const child = Bun.spawn([process.execPath, '-e', script, data.path], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    out = ''
    for await (const chunk of child.stdout) {
      out += Buffer.from(chunk).toString()
      // The last runs go through, so that the test ends.
      if (run < 5) setTimeout(() => child.kill('SIGKILL'), 5 + run * 11)
    }
    await child.exited
    const database = openDatabase(join(data.path, database_name))
    const queries = new Queries(database)
    expect(queries.watermark()).toBeGreaterThanOrEqual(watermark)
    watermark = queries.watermark()
    const expected = new Map(sessions.map(({ id }) => [id, 0]))
    let log_size = 0
    for (const { lsn, entry } of readJournal(join(data.path, journal_name), 0)) {
      if (lsn > watermark) break
      if (entry.kind === 'record') expected.set(entry.session, entry.seq + 1)
      if (entry.kind === 'log_entry') log_size = entry.index + 1
    }
    expect(queries.logSize()).toBe(log_size)
    for (const { id, stored } of sessions) {
      const count = expected.get(id) ?? 0
      const { records, next } = queries.records(id, 0, 1e9)
      expect(next).toBeUndefined()
      expect(records.map((each) => Buffer.from(each).toString())).toEqual(
        stored.slice(0, count).map((each) => Buffer.from(each).toString()),
      )
    }
    database.connection.close()
  }
  expect(watermark).toBe(last)
}, 60_000)
