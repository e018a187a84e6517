/** What becomes of a segment that is nearly full. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JournalOptions } from './journal.ts'
import { Journal } from './journal.ts'
import { readJournal } from './read.ts'
import type { Entry } from './segment.ts'

const segment_bytes = 64 * 1024

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-journal-'))
})
afterEach(() => rm(dir, { recursive: true }))

const options = (more: Partial<JournalOptions> = {}): JournalOptions => ({
  ...{ dir, segment_bytes, spare_segments: 1, backlog_segments_max: 1000, next_lsn: 1 },
  ...more,
})
const record = (seq: number, bytes: number): Entry => ({
  ...{ kind: 'record', session: '01890a5d-ac96-774b-bcce-b302099a8057', seq },
  bytes: Buffer.alloc(bytes, seq % 251),
})
const lsns = (): number[] => [...readJournal(dir, 0)].map(({ lsn }) => lsn)
const segments = (): string[] => readdirSync(dir).filter((name) => /^\d+\.segment$/.test(name))

describe('a segment that is nearly full', () => {
  /** So much that less than a sixteenth is left. */
  const fill = (journal: Journal): void => {
    journal.append(record(0, segment_bytes - 4096))
    journal.commit()
  }

  test('is followed by the next one between two commits, which find it there', () => {
    const journal = Journal.open(options({ spare_segments: 2 }))
    while (journal.maintain());
    fill(journal)
    expect(segments()).toHaveLength(1)
    expect(journal.isShort).toBe(true)
    // What is taken for the next commit goes along.
    journal.append(record(1, 100))
    expect(journal.maintain()).toBe(true)
    expect(segments()).toHaveLength(2)
    expect(lsns()).toEqual([1])
    journal.commit()
    journal.append(record(2, 100))
    journal.commit()
    expect(segments()).toHaveLength(2)
    expect(lsns()).toEqual([1, 2, 3])
    journal.close()
    const next = Journal.open(options())
    expect(next.durable_lsn).toBe(3)
    next.close()
  })

  test('stays where it is while it is written to', async () => {
    const journal = Journal.open(options({ spare_segments: 2 }))
    while (journal.maintain());
    fill(journal)
    journal.append(record(1, 100))
    const done = new Promise((resolve) => journal.commitLater(resolve))
    journal.maintain()
    expect(segments()).toHaveLength(1)
    expect(await done).toBeUndefined()
    journal.maintain()
    expect(segments()).toHaveLength(2)
    expect(lsns()).toEqual([1, 2])
    journal.close()
  })

  test('keeps its place where no other may take it', () => {
    const journal = Journal.open(options({ backlog_segments_max: 1 }))
    fill(journal)
    while (journal.maintain());
    expect(segments()).toHaveLength(1)
    expect(journal.append(record(1, 100))).toBe(2)
    journal.commit()
    expect(lsns()).toEqual([1, 2])
    journal.close()
  })
})
