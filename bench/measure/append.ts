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
const session = '018bcfe5-6800-7000-8000-000000000001'

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
  // As they come: each session has its own.
  const whole = Array.from({ length: sessions }, () => Buffer.from(record))
  const whole_bytes = record.length * sessions
  const times = { journal: [] as number[], bare: [] as number[] }
  let at = 0
  let seq = 0
  try {
    for (let n = 0; n < count; n++) {
      // Outside of what is timed, as the recorder does it.
      while (!journal.ready && journal.maintain());
      const begun = performance.now()
      for (let each = 0; each < sessions; each++)
        journal.append({ kind: 'record', session, seq: seq++, bytes: record })
      journal.commit()
      const between = performance.now()
      // In place: a preallocated file never grows.
      if (at + whole_bytes > segment_bytes) at = 0
      writevSync(bare_fd, whole, at)
      fdatasyncSync(bare_fd)
      at += whole_bytes
      times.journal.push(between - begun)
      times.bare.push(performance.now() - between)
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
