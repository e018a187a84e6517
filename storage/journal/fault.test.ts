import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from './fixture.ts'
import { Journal } from './journal.ts'
import { readJournal } from './read.ts'
import type { Entry } from './segment.ts'

const session = '01890a5d-ac96-774b-bcce-b302099a8057'
const mib = 1024 * 1024

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-journal-'))
})
afterEach(() => rm(dir, { recursive: true }))

const record = (seq: number, bytes: number): Entry => ({
  kind: 'record',
  session,
  seq,
  bytes: Buffer.alloc(bytes, seq % 251),
})

/** What the journal holds, with a check that each record is the one of its number. */
function seqs(journal_dir: string): number[] {
  const found: number[] = []
  for (const { entry } of readJournal(journal_dir, 0)) {
    if (entry.kind !== 'record') throw new Error('only records were written')
    if (!entry.bytes.every((byte) => byte === entry.seq % 251)) throw new Error('bytes differ')
    found.push(entry.seq)
  }
  return found
}

/** Runs a script with `Journal` and `record` at hand. */
function child(script: string): Bun.Subprocess<'pipe', 'pipe', 'inherit'> {
  const source = `
    import { Journal } from ${JSON.stringify(join(import.meta.dir, 'journal.ts'))}
    const record = (seq, bytes) =>
      ({ kind: 'record', session: '${session}', seq, bytes: Buffer.alloc(bytes, seq % 251) })
    const open = (segment_bytes) => Journal.open({
      dir: ${JSON.stringify(dir)}, segment_bytes, spare_segments: 1, backlog_segments_max: 10_000, next_lsn: 1,
    })
    ${script}`
  return Bun.spawn([process.execPath, '-e', source], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
}

test('kill -9 at any moment loses no entry that was acknowledged', async () => {
  let acknowledged = 0
  for (let run = 0; run < 6; run++) {
    const writer = child(`
      const journal = open(${256 * 1024})
      let seq = journal.durable_lsn
      for (;;) {
        for (let more = seq % 7; more >= 0; more--) { seq++; journal.append(record(seq, seq % 9000)) }
        journal.commit()
        require('node:fs').writeSync(1, seq + '\\n')
      }`)
    // Counted from its first word: how long a process takes to start is the machine's affair.
    let said = ''
    for await (const chunk of writer.stdout) {
      if (said === '') setTimeout(() => writer.kill('SIGKILL'), 40 + run * 23)
      said += Buffer.from(chunk).toString()
    }
    await writer.exited
    const last = Number(said.trimEnd().split('\n').at(-1))
    expect(last).toBeGreaterThan(acknowledged)
    acknowledged = last
    const found = seqs(dir)
    // A tail may be there that was written and never acknowledged; a hole may not.
    expect(found).toEqual(found.map((_, index) => index + 1))
    expect(found.length).toBeGreaterThanOrEqual(acknowledged)
    expect(found.length).toBeLessThanOrEqual(acknowledged + 8)
  }
}, 30_000)

/** Mounted for the test, or undefined where that is not permitted. */
function mountTmpfs(size: string): { path: string; unmount(): void } | undefined {
  const path = join(dir, 'small')
  mkdirSync(path)
  const mounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${size}`, 'none', path])
  if (mounted.exitCode !== 0) return undefined
  // Lazily: a test that failed has files open there.
  return { path, unmount: () => void Bun.spawnSync(['umount', '--lazy', path]) }
}

const may_mount = process.platform === 'linux' && process.getuid?.() === 0
const required = process.env['SLUICE_TEST_REQUIRE'] === '1'

describe.if(may_mount || required)('a full disk (needs root, for a small tmpfs)', () => {
  test('is known before it is hit, loses nothing, and goes on when space returns', () => {
    const small = mountTmpfs('6m')
    if (small === undefined) throw new Error('cannot mount a tmpfs')
    try {
      const options = {
        segment_bytes: mib,
        spare_segments: 1,
        backlog_segments_max: 100,
        next_lsn: 1,
      }
      const journal = Journal.open({ dir: join(small.path, 'journal'), ...options })
      const acknowledged: number[] = []
      let seq = 0
      const write = (): void => {
        journal.append(record(++seq, 100_000))
        journal.commit()
        acknowledged.push(seq)
      }
      expect(journal.ready).toBe(true)
      let ready_when_it_failed = true
      const code = codeOf(() => {
        for (let index = 0; index < 1000; index++) {
          while (journal.maintain());
          ready_when_it_failed = journal.ready
          write()
        }
      })
      expect(code).toBe('journal_full')
      expect(ready_when_it_failed).toBe(false)
      expect(acknowledged.length).toBeGreaterThan(30)
      expect(seqs(join(small.path, 'journal'))).toEqual(acknowledged)
      expect(codeOf(write)).toBe('journal_full')
      // The store has projected a part: its segments are space again.
      journal.recycle(25)
      while (journal.maintain());
      expect(journal.ready).toBe(true)
      write()
      expect(seqs(join(small.path, 'journal')).at(-1)).toBe(acknowledged.at(-1))
      journal.close()
    } finally {
      small.unmount()
    }
  })

  test('filled by something else, and emptied again', () => {
    const small = mountTmpfs('6m')
    if (small === undefined) throw new Error('cannot mount a tmpfs')
    try {
      const filler = join(small.path, 'filler')
      const path = join(small.path, 'journal')
      const options = {
        segment_bytes: mib,
        spare_segments: 1,
        backlog_segments_max: 100,
        next_lsn: 1,
      }
      const journal = Journal.open({ dir: path, ...options })
      const room = 6 * mib - 2 * mib - 8192
      writeFileSync(filler, Buffer.alloc(room))
      journal.append(record(1, 900_000))
      journal.commit()
      journal.append(record(2, 900_000))
      journal.commit()
      expect(journal.maintain()).toBe(false)
      expect(journal.ready).toBe(false)
      journal.append(record(3, 900_000))
      expect(codeOf(() => journal.commit())).toBe('journal_full')
      rmSync(filler)
      while (journal.maintain());
      expect(journal.ready).toBe(true)
      journal.append(record(4, 900_000))
      journal.commit()
      expect(seqs(path)).toEqual([1, 2, 4])
      journal.close()
      expect(readdirSync(path).filter((name) => name.endsWith('.partial'))).toEqual([])
      expect(codeOf(() => Journal.open({ dir: path, ...options }).close())).toBeUndefined()
    } finally {
      small.unmount()
    }
  })
})

test('a write that the disk cuts short counts for nothing, and the next one takes its place', async () => {
  const writer = child(`
    const { spawnSync } = Bun
    const limit = (bytes) => {
      const { exitCode } = spawnSync(['prlimit', '--pid', String(process.pid), '--fsize=' + bytes])
      if (exitCode !== 0) throw new Error('prlimit')
    }
    process.on('SIGXFSZ', () => {})
    const journal = open(${mib})
    const commit = (...seqs) => {
      for (const seq of seqs) journal.append(record(seq, 50_000))
      try { journal.commit(); return 'done' } catch (error) { return error.code }
    }
    const said = [commit(1, 2)]
    // The file has all its blocks; only writing beyond 48 blocks is refused.
    limit('196608:unlimited')
    said.push(commit(3, 4, 5), commit(6, 7))
    said.push(commit(8))
    limit('unlimited:unlimited')
    said.push(commit(9))
    console.log(JSON.stringify({ said, durable: journal.durable_lsn }))`)
  const { said, durable } = JSON.parse(await writer.stdout.text())
  expect(said).toEqual(['done', 'journal_full', 'journal_full', 'done', 'done'])
  expect(seqs(dir)).toEqual([1, 2, 8, 9])
  expect(durable).toBe(9)
  const journal = Journal.open({
    dir,
    segment_bytes: mib,
    spare_segments: 1,
    backlog_segments_max: 10,
    next_lsn: 1,
  })
  expect(journal.durable_lsn).toBe(9)
  journal.close()
})

test('a write in another thread that the disk cuts short takes with it what was appended behind it', async () => {
  const writer = child(`
    const { spawnSync } = Bun
    const limit = (bytes) => {
      const { exitCode } = spawnSync(['prlimit', '--pid', String(process.pid), '--fsize=' + bytes])
      if (exitCode !== 0) throw new Error('prlimit')
    }
    process.on('SIGXFSZ', () => {})
    const journal = open(${mib})
    const append = (...seqs) => { for (const seq of seqs) journal.append(record(seq, 50_000)) }
    const later = (seqs, behind = []) => new Promise((resolve) => {
      append(...seqs)
      journal.commitLater((error) => resolve(error?.code ?? 'done'))
      append(...behind)
    })
    const said = [await later([1, 2])]
    limit('196608:unlimited')
    said.push(await later([3, 4, 5], [6]))
    // What was behind it is gone: there is nothing to commit.
    journal.commit()
    said.push(await later([8]))
    limit('unlimited:unlimited')
    said.push(await later([9], [10]))
    journal.commit()
    console.log(JSON.stringify({ said, durable: journal.durable_lsn }))`)
  const { said, durable } = JSON.parse(await writer.stdout.text())
  expect(said).toEqual(['done', 'journal_full', 'done', 'done'])
  expect(seqs(dir)).toEqual([1, 2, 8, 9, 10])
  expect(durable).toBe(9)
})

test('a segment that cannot be put in place leaves the one before as it is, and the next commit goes on', () => {
  const options = {
    dir,
    segment_bytes: mib,
    spare_segments: 1,
    backlog_segments_max: 10,
    next_lsn: 1,
  }
  const journal = Journal.open(options)
  // The last block of the first segment is used in part: a later write to it would begin with those bytes.
  for (const [seq, bytes] of [
    [1, 900_000],
    [2, 1_000],
  ] as const) {
    journal.append(record(seq, bytes))
    journal.commit()
  }
  while (journal.maintain());
  // The new segment's header is written, and then its name is taken.
  const taken = join(dir, '0000000002.segment')
  mkdirSync(join(taken, 'by a folder'), { recursive: true })
  journal.append(record(3, 200_000))
  expect(codeOf(() => journal.commit())).toBe('journal_io')
  rmSync(taken, { recursive: true })
  expect(seqs(dir)).toEqual([1, 2])
  // It would fit into the first segment.
  journal.append(record(4, 1_000))
  journal.commit()
  journal.append(record(5, 200_000))
  journal.commit()
  expect(seqs(dir)).toEqual([1, 2, 4, 5])
  journal.close()
  const next = Journal.open(options)
  expect(seqs(dir)).toEqual([1, 2, 4, 5])
  next.close()
})
