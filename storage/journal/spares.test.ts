/** Spare segments whose zeros another thread writes: what commits, ends and erasures do meanwhile. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Journal, type JournalOptions } from './journal.ts'
import { readJournal } from './read.ts'
import { Spares } from './spares.ts'

const segment_bytes = 64 * 1024
const session = '01890a5d-ac96-774b-bcce-b302099a8057'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-spares-'))
})
afterEach(() => rm(dir, { recursive: true }))

const open = (more: Partial<JournalOptions> = {}): Journal =>
  Journal.open({
    ...{ dir, segment_bytes, spare_segments: 1, backlog_segments_max: 1000, next_lsn: 1 },
    ...more,
  })
/** Resolves with whether more is to do. */
const slice = (journal: Journal): Promise<boolean> =>
  new Promise((resolve) => journal.maintainLater(resolve))
const write = (journal: Journal, count: number): number => {
  let lsn = 0
  for (let seq = 0; seq < count; seq++) {
    const bytes = Buffer.alloc(20_000, `a word of ${seq} `)
    lsn = journal.append({ kind: 'record', session, seq, bytes })
    journal.commit()
  }
  return lsn
}
const files = (kind: RegExp): string[] => readdirSync(dir).filter((name) => kind.test(name))
const spares = (): string[] => files(/^(empty|spare)/)
const isZero = (name: string): boolean => readFileSync(join(dir, name)).every((byte) => byte === 0)
/** Files of the folder that this process has open. */
const opened = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(dir) ? [path] : []
    } catch {
      return []
    }
  })

describe('zeros that another thread writes', () => {
  test('make as many spares as are wanted, used ones among them', async () => {
    const journal = open({ spare_segments: 3 })
    while (await slice(journal));
    expect(files(/^empty/).length).toBe(3)
    journal.recycle(write(journal, 20))
    expect(spares().every(isZero)).toBe(false)
    while (await slice(journal));
    expect(files(/^empty/).length).toBeGreaterThan(3)
    expect(spares().every(isZero)).toBe(true)
    journal.close()
    expect(opened()).toEqual([])
  })

  test('are in the way of no commit: one that needs a spare now makes another, and no entry is written over', async () => {
    const journal = open()
    write(journal, 4)
    expect(journal.ready).toBe(false)
    const under_way = slice(journal)
    // As the recorder asks while it waits for the spare: it has nothing to do but that.
    expect(journal.maintain()).toBe(true)
    const last = write(journal, 30)
    expect(files(/^\d+\.segment$/).length).toBeGreaterThan(10)
    await under_way
    while (await slice(journal));
    expect(journal.ready).toBe(true)
    const entries = [...readJournal(dir, 0)]
    expect(entries.length).toBe(last)
    for (const { entry } of entries) expect(entry.bytes.length).toBe(20_000)
    write(journal, 30)
    expect([...readJournal(dir, 0)].length).toBe(last + 30)
    journal.close()
  })

  test('end with the journal, without a half segment', async () => {
    const journal = open({ spare_segments: 2 })
    const under_way = slice(journal)
    expect(files(/partial/)).toHaveLength(1)
    journal.close()
    expect(files(/partial/)).toEqual([])
    // The file is not closed under who writes to it.
    expect(opened()).toHaveLength(1)
    await under_way
    expect(opened()).toEqual([])
    open().close()
  })

  test('of a used segment end with an erasure, which removes the segment', async () => {
    const journal = open()
    journal.recycle(write(journal, 20))
    while (journal.isShort && (await slice(journal)));
    const before = spares().filter((name) => !isZero(name))
    expect(before.length).toBeGreaterThan(1)
    const under_way = slice(journal)
    journal.forget()
    expect(spares().filter((name) => !isZero(name))).toEqual([])
    await under_way
    expect(spares().filter((name) => !isZero(name))).toEqual([])
    expect(opened().filter((path) => /spare-|partial/.test(path))).toEqual([])
    while (await slice(journal));
    expect(journal.ready).toBe(true)
    journal.close()
  })

  test('that nobody needs, or that cannot be begun, are told so', async () => {
    const made = new Spares(dir, segment_bytes, 0)
    const told: boolean[] = []
    made.stepLater(segment_bytes, (more) => told.push(more))
    expect(told).toEqual([false])
    const too_large = new Spares(dir, Number.MAX_SAFE_INTEGER, 1)
    too_large.stepLater(segment_bytes, (more) => told.push(more))
    expect(told).toEqual([false, false])
    expect(too_large.count).toBe(0)
  })
})
