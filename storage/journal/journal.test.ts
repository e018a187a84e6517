import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { cpSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from './fixture.ts'
import type { JournalOptions } from './journal.ts'
import { Journal } from './journal.ts'
import { JournalReader, readJournal } from './read.ts'
import type { Entry } from './segment.ts'

const segment_bytes = 64 * 1024
const session = '01890a5d-ac96-774b-bcce-b302099a8057'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-journal-'))
})
afterEach(() => rm(dir, { recursive: true }))

const options = (more: Partial<JournalOptions> = {}): JournalOptions => ({
  dir,
  segment_bytes,
  spare_segments: 1,
  backlog_segments_max: 1000,
  next_lsn: 1,
  ...more,
})
const record = (seq: number, bytes: number): Entry => ({
  kind: 'record',
  session,
  seq,
  bytes: Buffer.alloc(bytes, seq % 251),
})
const lsns = (after = 0): number[] => [...readJournal(dir, after)].map(({ lsn }) => lsn)
const segments = (): string[] =>
  readdirSync(dir)
    .filter((name) => /^\d+\.segment$/.test(name))
    .toSorted()

describe('what was committed is read', () => {
  test('every kind of entry, whole', () => {
    const digest = createHash('sha256').update('x').digest('hex')
    const entries: Entry[] = [
      { kind: 'document', type: 'session.started', digest, bytes: Buffer.from('salt and JSON') },
      { kind: 'log_entry', index: 2 ** 40, bytes: Buffer.from('{}') },
      { kind: 'record', session, seq: 0, bytes: Buffer.alloc(20_000, 7) },
      { kind: 'record', session, seq: 1, bytes: Buffer.alloc(0) },
      { kind: 'checkpoint', bytes: Buffer.from('a note') },
    ]
    const journal = Journal.open(options())
    const numbers = entries.map((entry) => journal.append(entry))
    expect(lsns()).toEqual([])
    journal.commit()
    journal.close()
    expect(numbers).toEqual([1, 2, 3, 4, 5])
    const read: unknown[] = []
    for (const { entry } of readJournal(dir, 0))
      read.push({ ...entry, bytes: Buffer.from(entry.bytes).toString('hex') })
    expect(read).toEqual(
      entries.map((entry) => ({ ...entry, bytes: Buffer.from(entry.bytes).toString('hex') })),
    )
  })

  test('over many segments and restarts, from any place', () => {
    const expected: number[] = []
    for (let run = 0; run < 5; run++) {
      const journal = Journal.open(options())
      for (let index = 0; index < 20; index++) {
        expected.push(journal.append(record(index, 3000 + index * 700)))
        journal.commit()
      }
      journal.close()
    }
    expect(segments().length).toBeGreaterThan(10)
    expect(lsns()).toEqual(expected)
    for (const after of [1, 17, 50, 99, 100]) expect(lsns(after)).toEqual(expected.slice(after))
  })

  test('by a reader that follows the writer, and never past its limit', () => {
    const journal = Journal.open(options())
    const reader = new JournalReader(dir, 0)
    const seen: number[] = []
    const follow = (limit: number): void => {
      for (let next = reader.next(limit); next !== undefined; next = reader.next(limit))
        seen.push(next.lsn)
    }
    for (let index = 1; index <= 60; index++) {
      journal.append(record(index, 5000))
      journal.commit()
      follow(index - 1)
      expect(seen.at(-1) ?? 0).toBe(index - 1)
    }
    follow(60)
    expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    reader.close()
    journal.close()
  })

  test('many small ones of one commit, from any place and up to any', () => {
    const journal = Journal.open(options({ segment_bytes: 1024 * 1024 }))
    for (let seq = 1; seq <= 3000; seq++) journal.append(record(seq, 100))
    journal.commit()
    const all = Array.from({ length: 3000 }, (_, index) => index + 1)
    expect(lsns()).toEqual(all)
    for (const after of [1, 1499, 2999]) expect(lsns(after)).toEqual(all.slice(after))
    const reader = new JournalReader(dir, 0)
    const seen: number[] = []
    for (const limit of [1, 2, 1000, 2999, 3000, 3001]) {
      for (let next = reader.next(limit); next !== undefined; next = reader.next(limit)) {
        expect(next.entry).toEqual({ ...record(next.lsn, 100), bytes: next.entry.bytes })
        seen.push(next.lsn)
      }
      expect(seen.length).toBe(Math.min(limit, 3000))
    }
    expect(seen).toEqual(all)
    reader.close()
    journal.close()
  })

  test('numbers go on behind what the store has seen', () => {
    const journal = Journal.open(options({ next_lsn: 500 }))
    expect(journal.append(record(0, 10))).toBe(500)
    journal.commit()
    journal.close()
    expect(lsns(499)).toEqual([500])
    const again = Journal.open(options({ next_lsn: 400 }))
    expect(again.append(record(1, 10))).toBe(501)
    again.close()
  })
})

describe('recycling', () => {
  test('reuses segments, and nothing of their earlier use is ever read', () => {
    const journal = Journal.open(options())
    let last = 0
    for (let index = 0; index < 200; index++) {
      // All frames of one size: stale ones lie exactly where new ones are looked for.
      last = journal.append(record(index, 7000))
      journal.commit()
      journal.recycle(last)
    }
    expect(segments().length).toBe(1)
    expect(readdirSync(dir).length).toBeLessThanOrEqual(3)
    const left = lsns()
    expect(left.at(-1)).toBe(last)
    expect(left).toEqual(left.map((_, index) => last - left.length + 1 + index))
    journal.close()
  })

  /** The files that have it. */
  const filesWith = (what: string): string[] =>
    readdirSync(dir).filter((name) => readFileSync(join(dir, name)).includes(what))
  const said = (text: string): Entry => ({ ...record(1, 0), bytes: Buffer.from(text.repeat(500)) })

  test('leaves nothing of what was recorded in a segment that is used again', () => {
    const journal = Journal.open(options())
    let last = 0
    for (let index = 0; index < 40; index++) {
      last = journal.append(said(index < 25 ? 'an early word ' : 'a later word '))
      journal.commit()
    }
    expect(filesWith('an early word').length).toBeGreaterThan(1)
    const before = readdirSync(dir).length
    journal.recycle(last)
    while (journal.maintain());
    expect(filesWith('an early word')).toEqual([])
    // They are there still, to be used again.
    const files = readdirSync(dir).filter((name) => !segments().includes(name))
    expect(files.length).toBeGreaterThan(1)
    expect(readdirSync(dir).length).toBe(before)
    for (const name of files) {
      const bytes = readFileSync(join(dir, name))
      expect(bytes.length).toBe(segment_bytes)
      expect(bytes.every((byte) => byte === 0)).toBe(true)
    }
    journal.close()
  })

  test('is finished by the next process, also of what a past release left', () => {
    const journal = Journal.open(options())
    let last = 0
    for (let index = 0; index < 25; index++) {
      last = journal.append(said('an early word '))
      journal.commit()
    }
    last = journal.append(record(2, 60_000))
    journal.commit()
    journal.recycle(last)
    // One is half done.
    journal.maintain()
    expect(filesWith('an early word').length).toBeGreaterThan(0)
    cpSync(join(dir, filesWith('an early word')[0] ?? ''), join(dir, 'spare-0-0.segment'))
    // As after a crash: nobody closed it.
    const next = Journal.open(options())
    while (next.maintain());
    expect(filesWith('an early word')).toEqual([])
    const lsn = next.append(record(3, 100))
    next.commit()
    expect(lsns().at(-1)).toBe(lsn)
    next.close()
    journal.close()
  })

  test('is urgent only where a spare gets ready more slowly than the segment in use is filled', () => {
    const large = 4 * 1024 * 1024
    const journal = Journal.open(options({ segment_bytes: large, spare_segments: 2 }))
    while (journal.maintain());
    expect(journal.isShort).toBe(false)
    let lsn = 0
    const fill = (part: number): void => {
      for (let bytes = 0; bytes < part * large; bytes += 60_000) {
        lsn = journal.append(record(lsn, 60_000))
        journal.commit()
      }
    }
    // Into the next segment: one spare is there, and another one has time.
    fill(1.05)
    expect(journal.ready).toBe(true)
    expect(journal.isShort).toBe(true)
    let slices = 0
    while (journal.isShort && journal.maintain()) slices += 1
    expect(slices).toBeGreaterThan(0)
    const written = (): number =>
      readdirSync(dir)
        .filter((name) => !segments().includes(name))
        .reduce((sum, name) => sum + readFileSync(join(dir, name)).length, 0)
    const before = written()
    journal.maintain()
    expect(written() - before).toBe(512 * 1024)
    fill(0.8)
    expect(journal.isShort).toBe(true)
    while (journal.maintain());
    expect(journal.isShort).toBe(false)
    journal.close()
  })

  test('tells a reader that entries are gone', () => {
    const journal = Journal.open(options())
    const reader = new JournalReader(dir, 0)
    for (let index = 0; index < 50; index++) {
      journal.append(record(index, 7000))
      journal.commit()
    }
    expect(reader.next()?.lsn).toBe(1)
    journal.recycle(30)
    const late = new JournalReader(dir, 0)
    expect(late.next()?.lsn).toBeGreaterThan(1)
    expect(late.gap).toBe(true)
    expect(reader.gap).toBe(false)
    late.close()
    reader.close()
    journal.close()
  })

  test('a backlog above its limit is journal_full until the store has caught up', () => {
    const journal = Journal.open(options({ backlog_segments_max: 3 }))
    const fill = (): string | undefined =>
      codeOf(() => {
        for (let index = 0; index < 100; index++) {
          journal.append(record(index, 7000))
          journal.commit()
        }
      })
    expect(journal.ready).toBe(true)
    expect(fill()).toBe('journal_full')
    expect(journal.ready).toBe(false)
    expect(journal.backlog_bytes).toBeGreaterThan(2 * segment_bytes)
    const durable = journal.durable_lsn
    expect(lsns().at(-1)).toBe(durable)
    journal.recycle(durable)
    while (journal.maintain());
    expect(journal.ready).toBe(true)
    const lsn = journal.append(record(7, 7000))
    journal.commit()
    // The number of the entry that failed is not used again.
    expect(lsn).toBe(durable + 2)
    expect(lsns().at(-1)).toBe(lsn)
    journal.close()
  })
})

test('a journal of a past release goes on in a segment of this one', () => {
  cpSync(join(import.meta.dir, 'vector', '0000000007.segment'), join(dir, '0000000007.segment'))
  const before = lsns()
  const journal = Journal.open(options())
  const lsn = journal.append(record(1, 100))
  journal.commit()
  expect(segments()).toEqual(['0000000007.segment', '0000000008.segment'])
  expect(lsns()).toEqual([...before, lsn])
  journal.recycle(lsn)
  expect(lsns()).toEqual([lsn])
  journal.close()
})

describe('damage', () => {
  const write = (count: number): void => {
    const journal = Journal.open(options())
    for (let index = 0; index < count; index++) {
      journal.append(record(index, 7000))
      journal.commit()
    }
    journal.close()
  }
  const overwrite = (name: string, at: number): void => {
    const path = join(dir, name)
    const byte = readFileSync(path)[at] ?? 0
    writeSync(openSync(path, 'r+'), new Uint8Array([byte ^ 0x40]), 0, 1, at)
  }

  test('a torn tail ends the journal, and writing goes on there', () => {
    write(5)
    overwrite(segments().at(-1) ?? '', 64 + 4 * 7064 + 3000)
    expect(lsns()).toEqual([1, 2, 3, 4])
    const journal = Journal.open(options())
    expect(journal.append(record(9, 100))).toBe(5)
    journal.commit()
    journal.close()
    expect(lsns()).toEqual([1, 2, 3, 4, 5])
  })

  test('a pipe in place of a segment is an error, and nobody waits on it', () => {
    write(5)
    expect(Bun.spawnSync(['mkfifo', join(dir, '0000000009.segment')]).exitCode).toBe(0)
    expect(codeOf(lsns)).toBe('journal_damaged')
    expect(codeOf(() => Journal.open(options()))).toBe('journal_damaged')
  })

  test('a stale frame behind a rewritten one is not taken for the next', () => {
    write(5)
    // The third is torn; the fourth and fifth are intact, and of the same size as what replaces it.
    overwrite(segments().at(-1) ?? '', 64 + 2 * 7064 + 3000)
    const journal = Journal.open(options())
    journal.append(record(9, 7000))
    journal.commit()
    journal.close()
    expect(lsns()).toEqual([1, 2, 3])
  })

  test('in the middle is an error, not an end', () => {
    write(50)
    overwrite(segments()[1] ?? '', 64 + 100)
    expect(codeOf(() => lsns())).toBe('journal_damaged')
    expect(lsns(40)).toHaveLength(10)
  })

  test('a segment that was deleted between two others is missed', () => {
    write(50)
    const [, middle = '', ...newer] = segments()
    expect(newer.length).toBeGreaterThan(0)
    unlinkSync(join(dir, middle))
    expect(codeOf(() => lsns())).toBe('journal_damaged')
  })

  test('a segment without its header is an error', () => {
    write(50)
    overwrite(segments().at(-1) ?? '', 3)
    expect(codeOf(() => lsns())).toBe('journal_damaged')
    expect(codeOf(() => Journal.open(options()))).toBe('journal_damaged')
  })
})

describe('faults of the caller', () => {
  test('a frame or a commit that fits nowhere', () => {
    const journal = Journal.open(options())
    expect(() => journal.append(record(0, segment_bytes))).toThrow('fits')
    for (let index = 0; index < 6; index++) journal.append(record(index, 10_000))
    expect(() => journal.append(record(9, 10_000))).toThrow('fits')
    expect(journal.pending_bytes).toBe(32 + 6 * 10_032)
    journal.commit()
    journal.close()
    expect(lsns()).toHaveLength(6)
  })

  test('a session that is no UUID', () => {
    const journal = Journal.open(options())
    expect(() => journal.append({ ...record(0, 1), session: 'abc' } as Entry)).toThrow('UUID')
    journal.close()
  })
})
