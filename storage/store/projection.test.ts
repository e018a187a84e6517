import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { LeafList } from '../evidence/leaf-list.ts'
import { leaf_list_width } from '../evidence/limits.ts'
import { leafHash, storedHashCount } from '../evidence/merkle.ts'
import type { Entry } from '../journal/journal.ts'
import { JournalReader } from '../journal/read.ts'
import type { Database } from './database.ts'
import { openDatabase } from './database.ts'
import {
  append,
  checkpointOf,
  DataDirectory,
  documentOf,
  logEntry,
  RecordedSession,
} from './fixture.ts'
import { Batch } from './fold.ts'
import { database_name, journal_name } from './layout.ts'
import { Projector } from './project.ts'
import { Projection } from './projection.ts'
import { Queries } from './queries.ts'
import { recover } from './recover.ts'

const open = (data: DataDirectory): Database => openDatabase(join(data.path, database_name))

/** All stored records of a session, read in pages of a few bytes. */
function recordsOf(queries: Queries, id: string, limit_bytes = 300): string[] {
  const found: string[] = []
  for (let next: number | undefined = 0; next !== undefined; ) {
    const page: ReturnType<Queries['records']> = queries.records(id, next, limit_bytes)
    found.push(...page.records.map((stored) => Buffer.from(stored).toString()))
    next = page.next
  }
  return found
}

const texts = (session: RecordedSession): string[] =>
  session.stored.map((stored) => Buffer.from(stored).toString())

/** Puts the sessions' entries in one order that keeps each session's own. */
function interleave(queues: readonly Entry[][], picks: readonly number[]): Entry[] {
  const left = queues.map((queue) => [...queue])
  const mixed: Entry[] = []
  for (let index = 0; left.some((queue) => queue.length > 0); index++) {
    const waiting = left.filter((queue) => queue.length > 0)
    const entry = waiting[(picks[index % picks.length] ?? 0) % waiting.length]?.shift()
    if (entry !== undefined) mixed.push(entry)
  }
  return mixed
}

test('any interleaving, cut into any batches with restarts between, gives each record once and in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string({ maxLength: 80 }), { maxLength: 12 }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.array(fc.nat(100), { minLength: 1, maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
      (outputs, picks, sizes) => {
        using data = new DataDirectory()
        const sessions = outputs.map((_, number) => new RecordedSession(number))
        const queues = sessions.map((session, number) => [
          ...session.start(),
          ...(outputs[number] ?? []).map((payload) => session.output(payload)),
          ...session.end(),
        ])
        const last = data.write(interleave(queues, picks))
        for (let done = 0, round = 0; done < last; round++) {
          // A restart: everything but the database's file is forgotten.
          const database = open(data)
          const projector = new Projector(database)
          expect(projector.watermark_lsn).toBe(done)
          const journal = new JournalReader(join(data.path, journal_name), done)
          const batch = new Batch()
          const size = sizes[round % sizes.length] ?? 1
          for (let next = journal.next(); next !== undefined; next = journal.next()) {
            batch.add(next.lsn, next.entry)
            if (batch.entries === size) break
          }
          projector.apply(batch)
          done = batch.lsn
          journal.close()
          database.connection.close()
        }
        const database = open(data)
        const queries = new Queries(database)
        for (const [number, session] of sessions.entries()) {
          expect(recordsOf(queries, session.id)).toEqual(texts(session))
          const row = queries.session(session.id)
          expect(row?.records).toBe(session.stored.length)
          expect(row?.end_reason).toBe('client')
          const payloads = (outputs[number] ?? []).join('')
          expect(row?.output_bytes).toBe(Buffer.byteLength(payloads))
        }
        expect(recover(queries).open_sessions).toEqual([])
        database.connection.close()
      },
    ),
    { numRuns: rounds(25) },
  )
}, 60_000)

describe('a projection that fails', () => {
  test('is wholly undone, keeps answering, and loses nothing when it goes on', () => {
    using data = new DataDirectory()
    const database = open(data)
    const { connection } = database
    const queries = new Queries(database)
    const projector = new Projector(database)
    const session = new RecordedSession(1)
    const first = [...session.start(), session.output('before')]
    const second = [
      ...Array.from({ length: 8 }, () => session.output('x'.repeat(25_000))),
      logEntry(0),
      documentOf('heartbeat', {}),
    ]
    data.write([...first, ...second])
    const batchOf = (after: number, to: number): Batch => {
      const batch = new Batch()
      const reader = new JournalReader(join(data.path, journal_name), after)
      for (let next = reader.next(to); next !== undefined; next = reader.next(to))
        batch.add(next.lsn, next.entry)
      reader.close()
      return batch
    }
    projector.apply(batchOf(0, first.length))
    const [pages] = connection.prepare('PRAGMA page_count').raw().all() as [[number]]
    connection.prepare(`PRAGMA max_page_count = ${pages[0] + 3}`).all()
    const rest = batchOf(first.length, first.length + second.length)
    expect(() => projector.apply(rest)).toThrow(expect.objectContaining({ code: 'store_full' }))
    expect(queries.watermark()).toBe(first.length)
    expect(recordsOf(queries, session.id)).toEqual(texts(session).slice(0, 2))
    expect(queries.logSize()).toBe(0)
    connection.prepare('PRAGMA max_page_count = 1000000').all()
    projector.apply(rest)
    expect(recordsOf(queries, session.id)).toEqual(texts(session))
    expect(queries.logSize()).toBe(1)
    connection.close()
  })

  test('is told, tried again, and then told to be over', async () => {
    using data = new DataDirectory()
    const database = open(data)
    const told: (string | undefined)[] = []
    const projected: number[] = []
    const projection = new Projection(database, data.path, {
      projected: (lsn) => projected.push(lsn),
      lagging: (reason) => told.push(reason),
    })
    projection.recover()
    const session = new RecordedSession(1)
    const journal = data.journal()
    database.connection.prepare('PRAGMA max_page_count = 1').all()
    // More than the pages that a migration leaves free.
    const outputs = Array.from({ length: 10 }, () => session.output('x'.repeat(30_000)))
    append(journal, [...session.start(), ...outputs])
    projection.durable(journal.durable_lsn)
    const until = async (met: () => boolean): Promise<void> => {
      for (let tries = 0; !met() && tries < 500; tries++) await Bun.sleep(10)
    }
    await until(() => told.length > 0)
    expect(told[0]).toStartWith('store_full')
    database.connection.prepare('PRAGMA max_page_count = 1000000').all()
    await until(() => told.length > 1)
    expect(told).toEqual([expect.stringContaining('store_full'), undefined])
    projection.close()
    expect(projected.at(-1)).toBe(journal.durable_lsn)
    expect(recordsOf(new Queries(database), session.id)).toEqual(texts(session))
    journal.close()
    database.connection.close()
  })

  test('because the journal begins behind the watermark, says so', () => {
    using data = new DataDirectory()
    const session = new RecordedSession(1)
    const journal = data.journal()
    for (const entry of [
      ...session.start(),
      ...Array.from({ length: 20 }, () => session.output('x'.repeat(20_000))),
    ])
      append(journal, [entry])
    journal.recycle(15)
    journal.close()
    const database = open(data)
    const projection = new Projection(database, data.path, {
      projected: () => undefined,
      lagging: () => undefined,
    })
    expect(() => projection.recover()).toThrow(expect.objectContaining({ code: 'store_gap' }))
    database.connection.close()
  })
})

test('the projected number is told only with a checkpoint, and lets the journal be recycled', () => {
  using data = new DataDirectory()
  const session = new RecordedSession(1)
  const journal = data.journal()
  append(journal, session.start())
  for (let index = 0; index < 30; index++) append(journal, [session.output('x'.repeat(20_000))])
  const database = open(data)
  const projected: number[] = []
  const projection = new Projection(database, data.path, {
    projected: (lsn) => projected.push(lsn),
    lagging: () => undefined,
  })
  projection.recover()
  expect(projected).toEqual([journal.durable_lsn])
  const before = journal.backlog_bytes
  journal.recycle(journal.durable_lsn)
  expect(journal.backlog_bytes).toBeLessThan(before)
  // Nothing behind what is durable is projected, though the journal may already hold it.
  append(journal, [session.output('not yet acknowledged')])
  projection.durable(journal.durable_lsn - 1)
  projection.catchUp(100)
  expect(projection.watermark_lsn).toBe(journal.durable_lsn - 1)
  projection.durable(journal.durable_lsn)
  projection.catchUp(100)
  expect(projection.watermark_lsn).toBe(journal.durable_lsn)
  projection.close()
  journal.close()
  database.connection.close()
})

test('a recovery tells how far it has come', () => {
  using data = new DataDirectory()
  const session = new RecordedSession(1)
  const outputs = Array.from({ length: 40 }, () => session.output('x'.repeat(50_000)))
  data.write([...session.start(), ...outputs])
  const database = open(data)
  const projection = new Projection(database, data.path, {
    projected: () => undefined,
    lagging: () => undefined,
  })
  const told: number[] = []
  projection.recover((bytes) => told.push(bytes))
  projection.close()
  database.connection.close()
  expect(told.length).toBeGreaterThan(0)
  expect(told).toEqual(told.toSorted((a, b) => a - b))
  expect(told[0]).toBeGreaterThan(1_000_000)
  expect(told.at(-1)).toBeLessThanOrEqual(2_100_000)
})

describe('recovery', () => {
  const recoveredFrom = (entries: readonly Entry[]): ReturnType<typeof recover> => {
    using data = new DataDirectory()
    data.write(entries)
    const database = open(data)
    const projection = new Projection(database, data.path, {
      projected: () => undefined,
      lagging: () => undefined,
    })
    projection.recover()
    const state = recover(new Queries(database))
    projection.close()
    database.connection.close()
    return state
  }

  test('gives the leaf lists to go on with, or none where a full one is gone', () => {
    const session = new RecordedSession(1)
    const entries = session.start()
    while (session.stored.length < leaf_list_width + 5) entries.push(session.output('x'))
    const list = new LeafList()
    const [full] = session.stored.flatMap((stored) => list.append(leafHash(stored)) ?? [])
    if (full === undefined) throw new Error('no list is full')
    const listed = recoveredFrom([
      ...entries,
      { kind: 'document', type: 'session.leaves', ...full },
    ])
    expect(listed.open_sessions.map(({ leaves }) => leaves)).toEqual([list.state()])
    expect(list.state()).toMatchObject({ digests: [full.digest], hashes: { length: 5 } })

    expect(recoveredFrom(entries).open_sessions).toMatchObject([{ records: leaf_list_width + 5 }])
    expect(recoveredFrom(entries).open_sessions[0]).not.toHaveProperty('leaves')
  })

  test('gives the log, and each open session with its tree and facts', () => {
    using data = new DataDirectory()
    const [whole, cut, unended] = [1, 2, 3].map((number) => new RecordedSession(number))
    if (whole === undefined || cut === undefined || unended === undefined) throw new Error('three')
    const entries = [
      ...whole.start(),
      logEntry(0),
      ...cut.start(),
      logEntry(1),
      checkpointOf(2),
      ...whole.end(),
      logEntry(2),
      ...unended.start(),
      cut.output('shown before'),
      cut.output(' the crash'),
      ...unended.end().slice(0, 1),
      ...Array.from({ length: 10 }, (_, index) => logEntry(3 + index)),
      checkpointOf(2, 'second'),
    ]
    const last = data.write(entries)
    const database = open(data)
    const projection = new Projection(database, data.path, {
      projected: () => undefined,
      lagging: () => undefined,
    })
    projection.recover()
    const queries = new Queries(database)
    const recovered = recover(queries)
    expect(recovered.watermark_lsn).toBe(last)
    expect(recovered.log.size).toBe(13)
    expect(recovered.log.frontier).toHaveLength(3)
    expect(recovered.open_sessions.map(({ id, records }) => [id, records])).toEqual([
      [cut.id, 3],
      [unended.id, 2],
    ])
    const [first, second] = recovered.open_sessions
    expect(first?.frontier).toHaveLength(2)
    expect(first?.end).toBeUndefined()
    expect(first?.facts).toMatchObject({ session: cut.id, target: 'web-1', account: 'deploy' })
    expect(Object.keys(first?.facts ?? {})).not.toContain('type')
    expect(second?.end).toEqual({ reason: 'client', ended_us: expect.any(Number) })
    expect(Buffer.from(queries.checkpoint() ?? '').toString()).toContain('second')
    expect(queries.logHash(storedHashCount(13) - 1)).toBeDefined()
    expect(queries.logHash(storedHashCount(13))).toBeUndefined()
    projection.close()
    database.connection.close()
  })
})
