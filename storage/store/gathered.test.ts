import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { Journal } from '../journal/journal.ts'
import { segment_bytes_min } from '../journal/limits.ts'
import { append, DataDirectory, RecordedSession, started_us } from './fixture.ts'
import { dataDirectories, type GatheredReader, openGathered, workerData } from './gathered.ts'
import { journal_name } from './layout.ts'
import type { SessionPage, SessionQuery } from './reader.ts'

/** Forty sessions a second apart, dealt out to the gateway (0) and two workers; `ops` is every third. */
const dealt = (number: number): 0 | 1 | 2 => (number < 4 ? 0 : number % 7 < 5 ? 1 : 2)
const sessions = Array.from(
  { length: 40 },
  (_, number) =>
    new RecordedSession(number, {
      groups: number % 3 === 0 ? ['ops'] : [],
      // Two by two at the same time, in different directories or the same.
      at_ms: Math.floor(number / 2) * 1000,
    }),
)

function write(data: DataDirectory): void {
  for (const at of [0, 1, 2]) {
    const folder = at === 0 ? data.path : workerData(data.path, at)
    mkdirSync(folder, { recursive: true })
    const journal = Journal.open({
      dir: `${folder}/${journal_name}`,
      segment_bytes: segment_bytes_min,
      spare_segments: 1,
      backlog_segments_max: 10_000,
      next_lsn: 1,
    })
    append(
      journal,
      sessions.flatMap((session, number) => (dealt(number) === at ? session.start() : [])),
    )
    journal.close()
  }
}

async function pages(reader: GatheredReader, query: SessionQuery): Promise<SessionPage[]> {
  const found: SessionPage[] = []
  for (let cursor: string | undefined; ; ) {
    const page: SessionPage = await reader.sessions({
      ...query,
      ...(cursor === undefined ? {} : { cursor }),
    })
    found.push(page)
    if (page.cursor === undefined) return found
    cursor = page.cursor
  }
}

describe('a gateway and its workers, read as one', () => {
  const data = new DataDirectory()
  write(data)
  const reader = openGathered(data.path)
  afterAll(() => {
    reader.close()
    data[Symbol.dispose]()
  })

  test('the directories are found, in the order of their numbers', () => {
    // Nothing was ever written there, or it is no worker's.
    for (const name of ['3', 'x', '02', '0']) mkdirSync(`${data.path}/workers/${name}`)
    expect(dataDirectories(data.path)).toEqual([
      data.path,
      workerData(data.path, 1),
      workerData(data.path, 2),
    ])
  })

  for (const limit of [1, 2, 7, 39, 40, 1000])
    test(`a list in pages of ${limit}: each session once, the newest first`, async () => {
      for (const [query, matches] of [
        [{}, () => true],
        [{ group: 'ops' }, (number: number) => number % 3 === 0],
        [{ group: 'nobody' }, () => false],
        [{ until: started_us + 3_000_000 }, (number: number) => number < 6],
      ] as const) {
        const found = await pages(reader, { ...query, limit })
        for (const page of found) expect(page.sessions.length).toBeLessThanOrEqual(limit)
        const rows = found.flatMap((page) => page.sessions)
        const expected = sessions.filter((_, number) => matches(number)).map(({ id }) => id)
        expect(rows.map(({ id }) => id).toSorted()).toEqual(expected.toSorted())
        const times = rows.map(({ started_us: at }) => at)
        expect(times).toEqual(times.toSorted((a, b) => b - a))
      }
    })

  test('a session, its records and its documents are found wherever they are', async () => {
    for (const { id, stored } of sessions) {
      const session = await reader.session(id)
      expect(session?.id).toBe(id)
      expect((await reader.records(id)).records).toEqual(stored.map((one) => Uint8Array.from(one)))
      expect((await reader.document(session?.start_digest ?? ''))?.type).toBe('session.started')
    }
    expect(await reader.session('018bcfe5-6800-7000-8000-00000000ffff')).toBeUndefined()
    expect((await reader.records('018bcfe5-6800-7000-8000-00000000ffff')).records).toEqual([])
    expect(await reader.document('0'.repeat(64))).toBeUndefined()
  })

  test('a cursor that is none', async () => {
    for (const cursor of ['x', '+_+_+_+', '1.2_x_-', '_', "'"])
      expect(reader.sessions({ cursor })).rejects.toThrow(RangeError)
  })
})
