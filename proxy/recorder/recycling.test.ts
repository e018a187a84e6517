import { expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Journal } from '../../storage/journal/journal.ts'
import { segment_bytes_min } from '../../storage/journal/limits.ts'
import { append, DataDirectory } from '../../storage/store/fixture.ts'
import { createRecycling } from './recycling.ts'

/** Segments that hold entries, besides the one in use. */
const closed = (journal: Journal): number =>
  Math.floor(journal.backlog_bytes / (segment_bytes_min * 0.75))

function filled(data: DataDirectory): Journal {
  const journal = data.journal()
  const bytes = new Uint8Array(4000)
  for (let n = 0; n < 100; n++) {
    journal.maintain()
    append(journal, [{ kind: 'checkpoint', bytes }])
  }
  expect(existsSync(join(data.path, 'journal'))).toBe(true)
  expect(readdirSync(join(data.path, 'journal')).length).toBeGreaterThan(4)
  return journal
}

test('a segment is kept until both the store and the bucket have it', () => {
  using data = new DataDirectory()
  const journal = filled(data)
  const full = closed(journal)
  const recycling = createRecycling(journal, true)
  recycling.projected(journal.durable_lsn)
  expect(closed(journal)).toBe(full)
  recycling.replicated(journal.durable_lsn - 60)
  const half = closed(journal)
  expect(half).toBeLessThan(full)
  expect(half).toBeGreaterThan(0)
  recycling.replicated(journal.durable_lsn)
  expect(closed(journal)).toBeLessThan(half)
  journal.close()
})

test('without a bucket the store alone decides', () => {
  using data = new DataDirectory()
  const journal = filled(data)
  const full = closed(journal)
  createRecycling(journal, false).projected(journal.durable_lsn)
  expect(closed(journal)).toBeLessThan(full)
  journal.close()
})

test('a bucket that stays away never fills the journal', () => {
  using data = new DataDirectory()
  const journal = filled(data)
  // As if this journal's limit were near.
  const limited = new Proxy(journal, {
    get: (of, name) => {
      if (name === 'backlog_bytes_max') return journal.backlog_bytes * 2
      const value: unknown = Reflect.get(of, name, of)
      return typeof value === 'function' ? value.bind(of) : value
    },
  })
  const full = closed(journal)
  createRecycling(limited, true).projected(journal.durable_lsn)
  expect(closed(journal)).toBeLessThan(full)
  journal.close()
})
