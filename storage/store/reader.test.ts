import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Entry } from '../journal/journal.ts'
import { JournalReader } from '../journal/read.ts'
import { openDatabase } from './database.ts'
import {
  append,
  checkpointOf,
  DataDirectory,
  logEntry,
  RecordedSession,
  started_us,
} from './fixture.ts'
import { Batch } from './fold.ts'
import { database_name, journal_name } from './layout.ts'
import { Projector } from './project.ts'
import type { FileReader, SessionQuery } from './reader.ts'
import { openReader } from './reader.ts'

/** Projects the journal up to `last`, as a gateway would that was killed then. */
function projectTo(data: DataDirectory, last: number): void {
  const database = openDatabase(join(data.path, database_name))
  const projector = new Projector(database)
  const reader = new JournalReader(join(data.path, journal_name), projector.watermark_lsn)
  const batch = new Batch()
  for (let next = reader.next(last); next !== undefined; next = reader.next(last))
    batch.add(next.lsn, next.entry)
  projector.apply(batch)
  reader.close()
  database.connection.close()
}

async function recordsOf(reader: FileReader, id: string, limit_bytes?: number): Promise<string[]> {
  const found: string[] = []
  for (let next: number | undefined = 0; next !== undefined; ) {
    const page: Awaited<ReturnType<FileReader['records']>> = await reader.records(
      id,
      next,
      limit_bytes,
    )
    found.push(...page.records.map((stored) => Buffer.from(stored).toString()))
    next = page.next
  }
  return found
}

const texts = (session: RecordedSession): string[] =>
  session.stored.map((stored) => Buffer.from(stored).toString())

/** Follows the cursor to the end. */
async function idsOf(reader: FileReader, query: SessionQuery, limit: number): Promise<string[]> {
  const ids: string[] = []
  for (let cursor: string | undefined; ; ) {
    const page: Awaited<ReturnType<FileReader['sessions']>> = await reader.sessions({
      ...query,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    })
    expect(page.sessions.length).toBeLessThanOrEqual(limit)
    ids.push(...page.sessions.map(({ id }) => id))
    if (page.cursor === undefined) return ids
    cursor = page.cursor
  }
}

const people = ['ann', 'bob', 'cem']
const hosts = ['web-1', 'db-1']

/** Forty sessions with commands, half of them in a second group. */
function crowd(): RecordedSession[] {
  return Array.from(
    { length: 40 },
    (_, number) =>
      new RecordedSession(number, {
        subject: people[number % 3] ?? '',
        target: hosts[number % 2] ?? '',
        groups: number % 4 < 2 ? ['staff'] : ['staff', 'ops'],
        at_ms: number * 1000,
      }),
  )
}
const entriesOf = (session: RecordedSession, number: number): Entry[] => [
  ...session.start(),
  session.command(number % 5 === 0 ? `LANG=C /usr/bin/sudo restart "nginx-${number}"` : 'ls -la'),
  session.record('input_text', { spans: [] }, number === 7 ? 'grep passwd /etc/shadow' : 'w'),
  ...(number % 2 === 0 ? session.end() : []),
]

describe('searching gives the same, wherever the watermark is', () => {
  const sessions = crowd()
  const entries = sessions.flatMap(entriesOf)
  const number = (id: string): number => sessions.findIndex((session) => session.id === id)
  const cases: Readonly<Record<string, readonly [SessionQuery, (number: number) => boolean]>> = {
    everything: [{}, () => true],
    subject: [{ subject: 'bob' }, (each) => each % 3 === 1],
    target: [{ target: 'db-1' }, (each) => each % 2 === 1],
    group: [{ group: 'ops' }, (each) => each % 4 >= 2],
    'a group of nobody': [{ group: 'op' }, () => false],
    program: [{ program: 'sudo' }, (each) => each % 5 === 0],
    text: [{ text: 'restart nginx' }, (each) => each % 5 === 0],
    'text with signs of the query language': [{ text: 'NOT "nginx-15" OR (' }, () => false],
    'text that was typed': [{ text: 'passwd shadow' }, (each) => each === 7],
    'text without a word': [{ text: '"*' }, () => false],
    time: [
      { since: started_us + 5_000_000, until: started_us + 20_000_000 },
      (each) => each >= 5 && each < 20,
    ],
    'all at once': [
      {
        subject: 'ann',
        group: 'staff',
        target: 'web-1',
        program: 'sudo',
        text: 'nginx',
        since: started_us + 1,
      },
      (each) => each % 30 === 0 && each > 0,
    ],
    'group and time': [
      { group: 'ops', since: started_us + 10_000_000, until: started_us + 30_000_000 },
      (each) => each % 4 >= 2 && each >= 10 && each < 30,
    ],
  }
  for (const [name, [query, matches]] of Object.entries(cases)) {
    test(name, async () => {
      const expected = sessions.flatMap((_, each) => (matches(each) ? each : [])).toReversed()
      for (const part of [0, 0.3, 0.77, 1]) {
        using data = new DataDirectory()
        data.write(entries)
        if (part > 0) projectTo(data, Math.floor(entries.length * part))
        const reader = openReader(data.path)
        for (const limit of [1, 7, 100])
          expect((await idsOf(reader, query, limit)).map(number)).toEqual(expected)
        reader.close()
      }
    })
  }

  test('a cursor that is none', async () => {
    using data = new DataDirectory()
    const reader = openReader(data.path)
    expect(await reader.sessions({})).toEqual({ sessions: [] })
    const refused: unknown = await reader.sessions({ cursor: 'x' }).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(RangeError)
    reader.close()
  })
})

test('records, rows, log and documents are whole, wherever the watermark is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(200), fc.integer({ min: 1, max: 2000 }), async (at, limit_bytes) => {
      using data = new DataDirectory()
      const [first, second] = [new RecordedSession(1), new RecordedSession(2)]
      const start = first.start()
      const entries = [
        ...start,
        logEntry(0),
        checkpointOf(1),
        ...Array.from({ length: 20 }, (_, index) => first.output(`${index} `.repeat(index * 9))),
        ...second.start(),
        ...Array.from({ length: 5 }, (_, index) => logEntry(index + 1)),
        ...Array.from({ length: 20 }, (_, index) => [
          second.output(`${index}`),
          first.output('-'),
        ]).flat(),
        checkpointOf(6),
        ...first.end(),
      ]
      const last = data.write(entries)
      projectTo(data, Math.min(at, last))
      const reader = openReader(data.path)
      expect(await recordsOf(reader, first.id, limit_bytes)).toEqual(texts(first))
      expect(await recordsOf(reader, second.id, limit_bytes)).toEqual(texts(second))
      const row = await reader.session(first.id)
      expect(row).toMatchObject({
        records: first.stored.length,
        end_reason: 'client',
        subject: 'ann',
      })
      expect((await reader.session(second.id))?.ended_us).toBeUndefined()
      const [document] = start
      if (document?.kind !== 'document') throw new Error('a session begins with its document')
      expect(await reader.document(document.digest)).toMatchObject({ type: 'session.started' })
      expect(await reader.log()).toMatchObject({ size: 6 })
      expect(Buffer.from((await reader.log()).checkpoint ?? '').toString()).toContain('\n6\n')
      expect((await reader.logEntries(1, 4)).map((each) => Buffer.from(each).toString())).toEqual([
        '{"v":1,"type":"heartbeat","id":"1"}',
        '{"v":1,"type":"heartbeat","id":"2"}',
        '{"v":1,"type":"heartbeat","id":"3"}',
      ])
      const hashes = await reader.logHashes(Array.from({ length: 11 }, (_, place) => place))
      expect(hashes.map((hash) => hash?.length)).toEqual([...Array(10).fill(32), undefined])
      reader.close()
    }),
    { numRuns: 20 },
  )
}, 60_000)

test('a reader follows a gateway that goes on, projects, and recycles', async () => {
  using data = new DataDirectory()
  const session = new RecordedSession(1)
  const journal = data.journal()
  append(journal, session.start())
  const reader = openReader(data.path)
  for (let round = 0; round < 12; round++) {
    append(journal, [session.output('x'.repeat(20_000)), logEntry(round)])
    expect(await recordsOf(reader, session.id)).toEqual(texts(session))
    expect((await reader.log()).size).toBe(round + 1)
    if (round % 3 === 2) {
      projectTo(data, journal.durable_lsn)
      journal.recycle(journal.durable_lsn)
    }
  }
  reader.close()
  journal.close()
})

describe('a database that was tampered with', () => {
  const tampered = async (
    change: string,
  ): Promise<{ found: string[]; code: string; all: string[] }> => {
    using data = new DataDirectory()
    const session = new RecordedSession(1)
    const last = data.write([...session.start(), session.output('first'), session.output('second')])
    projectTo(data, last)
    const { connection } = openDatabase(join(data.path, database_name))
    connection.exec(change)
    connection.close()
    const reader = openReader(data.path)
    const found: string[] = []
    let code = ''
    try {
      for (let next: number | undefined = 0; next !== undefined; ) {
        const page: Awaited<ReturnType<FileReader['records']>> = await reader.records(
          session.id,
          next,
        )
        found.push(...page.records.map((stored) => Buffer.from(stored).toString()))
        next = page.next
      }
    } catch (error) {
      code = error instanceof Error && 'code' in error ? String(error.code) : 'other'
    }
    reader.close()
    return { found, code, all: texts(session) }
  }

  test('inside a record, gives the changed bytes', async () => {
    const { found, code, all } = await tampered(
      "UPDATE chunk SET bytes = CAST(replace(CAST(bytes AS TEXT), 'second', 'SECOND') AS BLOB)",
    )
    expect(code).toBe('')
    expect(found).toHaveLength(3)
    expect(found.slice(0, 2)).toEqual(all.slice(0, 2))
    expect(found[2]).toEndWith('SECOND')
  })

  test('in a length, gives what comes before and names the place', async () => {
    const claimed = await tampered(
      "UPDATE chunk SET bytes = CAST(x'7f' || substr(bytes, 2) AS BLOB)",
    )
    expect(claimed).toMatchObject({ found: [], code: 'store_damaged' })
    const cut = await tampered('UPDATE chunk SET bytes = substr(bytes, 1, length(bytes) - 3)')
    expect(cut.found).toEqual(cut.all.slice(0, 2))
    expect(cut.code).toBe('store_damaged')
  })

  test('in its rows of sessions, still answers', async () => {
    const { found } = await tampered("UPDATE session SET groups = 'no JSON', labels = '[1'")
    expect(found).toHaveLength(3)
  })

  test('without its chunks, has no records', async () => {
    const { found, code } = await tampered('DELETE FROM chunk')
    expect([found, code]).toEqual([[], ''])
  })
})
