/**
 * What a durable append costs through the journal, and what the disk asks for the same bytes.
 *
 * @module
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync, writevSync } from 'node:fs'
import { join } from 'node:path'
import { Journal } from '../../storage/journal/journal.ts'

const record = Buffer.alloc(300, 1)
const segment_bytes = 64 * 1024 * 1024
/** Commits that are not counted: a gateway that was just started runs slower code, once. */
const warm_up = 50

/** Times in ms of `count` commits of one record for each session, of both, in turn. */
export function timeAppends(
  dir: string,
  sessions: number,
  count: number,
): { readonly journal: readonly number[]; readonly bare: readonly number[] } {
  const path = join(dir, 'bare')
  const folder = join(dir, 'journal')
  const bare_fd = openSync(path, 'w+')
  const zeros = Buffer.alloc(1024 * 1024)
  for (let at = 0; at < segment_bytes; at += zeros.length)
    writeSync(bare_fd, zeros, 0, zeros.length, at)
  fdatasyncSync(bare_fd)
  const journal = Journal.open({
    ...{ dir: folder, segment_bytes, spare_segments: 2, backlog_segments_max: 64, next_lsn: 1 },
  })
  const ids = Array.from(
    { length: sessions },
    (_, at) => `018bcfe5-6800-7000-8000-${at.toString(16).padStart(12, '0')}`,
  )
  // As they come: each session has its own. One write and one sync for all of them: the same group commit.
  const whole = Array.from({ length: sessions }, () => Buffer.from(record))
  const whole_bytes = record.length * sessions
  const times = { journal: [] as number[], bare: [] as number[] }
  let at = 0
  let seq = 0
  try {
    for (let n = -warm_up; n < count; n++) {
      // Outside of what is timed, as the recorder does it.
      while ((!journal.ready || journal.isEnding) && journal.maintain());
      const begun = performance.now()
      for (const session of ids) journal.appendRecord(session, seq, record)
      seq += 1
      journal.commit()
      const between = performance.now()
      // In place: a preallocated file never grows.
      if (at + whole_bytes > segment_bytes) at = 0
      writevSync(bare_fd, whole, at)
      fdatasyncSync(bare_fd)
      at += whole_bytes
      const ended = performance.now()
      if (n >= 0) {
        times.journal.push(between - begun)
        times.bare.push(ended - between)
      }
      journal.recycle(journal.durable_lsn)
    }
  } finally {
    journal.close()
    closeSync(bare_fd)
    rmSync(path)
    rmSync(folder, { recursive: true })
  }
  return times
}
