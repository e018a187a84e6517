/** Erased sessions: gone from every file of the data directory, whenever the process dies, and nothing else is. */
import { expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { testSlow } from '../../test/fixture/require.ts'
import type { Entry } from '../journal/journal.ts'
import { Backlog } from './backlog.ts'
import { startStore } from './client.ts'
import { openDatabase } from './database.ts'
import { append, DataDirectory, documentOf, logEntry, RecordedSession } from './fixture.ts'
import { database_name, journal_name } from './layout.ts'
import { Queries } from './queries.ts'
import { openReader } from './reader.ts'

const day_us = 86_400_000_000

function entryOf(index: number, type: string, id: string, more: object = {}): Entry {
  const time = '2023-11-14T22:13:20.000Z'
  const line = JSON.stringify({ v: 1, type, time, id, digest: 'd'.repeat(64), ...more })
  return { kind: 'log_entry', index, bytes: Buffer.from(line) }
}

/** A session that says a word of its own everywhere where text can be found again. */
function told(session: RecordedSession, word: string, index: number): Entry[] {
  return [
    ...session.start(),
    entryOf(index, 'session.started', session.id, { days: 30 }),
    session.command(`echo ${word}command`),
    session.output(`${word}output `.repeat(3000)),
    ...session.end(),
    entryOf(index + 1, 'session.ended', session.id),
  ]
}

const erasureOf = (...sessions: readonly RecordedSession[]): Entry =>
  documentOf('retention.applied', { sessions: sessions.map(({ id }) => ({ session: id })) })

/** Files of the directory in which the word stands. */
const filesWith = (data: DataDirectory, word: string): readonly string[] =>
  readdirSync(data.path, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const path = join(data.path, name)
    return statSync(path).isFile() && readFileSync(path).includes(word)
  })

testSlow(
  [],
  'nothing of an erased session is in the store, its free pages, its write-ahead log or the journal',
  async () => {
    using data = new DataDirectory()
    const [gone, kept] = [
      new RecordedSession(1, { subject: 'zebra-person', groups: ['zebra-group'] }),
      new RecordedSession(2, { subject: 'ann' }),
    ]
    const journal = data.journal()
    const store = await startStore(data.path, { projected: (lsn) => journal.recycle(lsn) })
    append(journal, [...told(gone, 'zebra', 0), ...told(kept, 'panda', 2)])
    store.durable(journal.durable_lsn)
    expect((await store.sessions({ text: 'zebracommand' })).sessions).toHaveLength(1)
    const due = await store.due({ now_us: 1.8e15, days_otherwise: 1, limit: 10 })
    expect(due.map(({ id, days }) => [id, days])).toEqual([
      [gone.id, 30],
      [kept.id, 30],
    ])
    const [first] = due
    const before = (first?.closed_us ?? 0) + 30 * day_us - 1
    expect(await store.due({ now_us: before, days_otherwise: 1, limit: 10 })).toEqual([])
    expect(filesWith(data, 'zebraoutput').length).toBeGreaterThan(1)

    append(journal, [erasureOf(gone)])
    journal.forget()
    store.durable(journal.durable_lsn)
    expect(await store.erasedBy(gone.id)).toMatch(/^[0-9a-f]{64}$/)
    expect(await store.session(gone.id)).toBeUndefined()
    expect((await store.records(gone.id)).records).toEqual([])
    expect((await store.sessions({ text: 'zebracommand' })).sessions).toEqual([])
    expect((await store.sessions({ program: 'echo' })).sessions.map(({ id }) => id)).toEqual([
      kept.id,
    ])
    expect((await store.sessions({ group: 'zebra-group' })).sessions).toEqual([])
    expect((await store.sessions({ text: 'pandacommand' })).sessions).toHaveLength(1)
    // What is recorded later takes the journal to another segment.
    for (let index = 4; filesWith(data, 'zebra').length > 0 && index < 200; index++) {
      while (journal.maintain());
      append(journal, [logEntry(index)])
      store.durable(journal.durable_lsn)
      await Bun.sleep(50)
    }
    expect(filesWith(data, 'zebra')).toEqual([])
    expect(filesWith(data, 'pandaoutput')).toContain(database_name)
    expect((await store.records(kept.id)).records).toHaveLength(kept.stored.length)
    await store.stop()
    journal.close()
    expect(filesWith(data, 'zebra')).toEqual([])
  },
  60_000,
)

test('what only the journal has yet is read as erased', async () => {
  using data = new DataDirectory()
  const gone = new RecordedSession(1)
  data.write([...told(gone, 'zebra', 0), erasureOf(gone)])
  const reader = openReader(data.path)
  expect(await reader.erasedBy(gone.id)).toBeDefined()
  expect(await reader.session(gone.id)).toBeUndefined()
  reader.close()
})

test('a place in the order of chunks is never given twice, so that a copy elsewhere misses nothing', async () => {
  using data = new DataDirectory()
  const sessions = [1, 2, 3].map((number) => new RecordedSession(number))
  const [first, second, third] = sessions
  if (first === undefined || second === undefined || third === undefined) throw new Error('three')
  const project = async (entries: readonly Entry[]): Promise<void> => {
    data.write(entries)
    const store = await startStore(data.path, { projected: () => {} })
    await store.stop()
  }
  await project([...told(first, 'one', 0), ...told(second, 'two', 2)])
  const path = join(data.path, database_name)
  const reading = Backlog.open(path)
  const { chunk_no } = reading.snapshot()
  reading.close()
  await project([erasureOf(first, second)])
  await project(told(third, 'three', 4))
  const backlog = Backlog.open(path)
  const news = backlog.chunks(chunk_no, backlog.snapshot().chunk_no, 1e9)
  expect(news.reduce((sum, { count }) => sum + count, 0)).toBe(third.stored.length)
  // And from the very beginning, past those that are gone.
  expect(backlog.chunks(0, backlog.snapshot().chunk_no, 1e9)).toEqual(news)
  backlog.close()
}, 30_000)

/** Projects one entry after the other, until it is killed or through. */
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
  for (let next; (next = journal.next()); ) {
    const batch = new Batch()
    batch.add(next.lsn, next.entry)
    projector.apply(batch)
    require('node:fs').writeSync(1, '.')
    Bun.sleepSync(2)
  }
  require('node:fs').writeSync(1, 'done')`

test('kill -9 in the middle of erasing: each session is whole or gone, and what was ordered is gone in the end', async () => {
  using data = new DataDirectory()
  const sessions = Array.from({ length: 40 }, (_, number) => new RecordedSession(number))
  data.write(sessions.flatMap((session, at) => told(session, `word${at}x`, at * 2)))
  const store = await startStore(data.path, { projected: () => {} })
  await store.stop()
  const ordered = sessions.filter((_, at) => at % 2 === 0)
  data.write(ordered.map((session) => erasureOf(session)))
  let kills = 0
  let partly = 0
  for (let run = 0, out = ''; !out.endsWith('done'); run++) {
    const child = Bun.spawn([process.execPath, '-e', script, data.path], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    out = ''
    for await (const chunk of child.stdout) {
      out += Buffer.from(chunk).toString()
      // The last runs go through, so that the test ends.
      if (run < 12 && out.length >= 'begun'.length + (run % 3)) child.kill('SIGKILL')
    }
    await child.exited
    if (!out.endsWith('done')) kills++
    const { connection, ...rest } = openDatabase(join(data.path, database_name))
    const queries = new Queries({ connection, ...rest })
    const gone = sessions.filter(({ id }) => queries.session(id) === undefined)
    for (const session of sessions) {
      const is_gone = gone.includes(session)
      expect(queries.erasedBy(session.id) !== undefined).toBe(is_gone)
      expect(queries.records(session.id).records.length).toBe(is_gone ? 0 : session.stored.length)
    }
    expect(gone.every((session) => ordered.includes(session))).toBe(true)
    if (gone.length > 0 && gone.length < ordered.length) partly++
    if (out.endsWith('done')) expect(gone).toEqual(ordered)
    const texts = connection.prepare('SELECT count(*) FROM command').raw().all()
    expect(texts).toEqual([[sessions.length - gone.length]])
    connection.prepare("INSERT INTO command_text (command_text) VALUES ('integrity-check')").run()
    connection.close()
  }
  expect(kills).toBeGreaterThan(0)
  expect(partly).toBeGreaterThan(0)
}, 120_000)
