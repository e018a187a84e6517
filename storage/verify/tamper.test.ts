/**
 * Each way to tamper with evidence has its name, and that name alone is reported.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { type StoredEvidence, smallEvidence, sourceOf } from './fixture.ts'
import type { FailureCode, Finding } from './report.ts'
import { verify } from './verify.ts'

type Small = Awaited<ReturnType<typeof smallEvidence>>

const flip = (bytes: Uint8Array, at: number, bit = 1): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ bit
  return copy
}

/** Replaces text inside stored bytes, without touching anything else. */
const edit = (bytes: Uint8Array | undefined, from: string, to: string): Uint8Array => {
  const text = Buffer.from(bytes ?? []).toString('latin1')
  if (!text.includes(from)) throw new Error(`no ${from} to edit`)
  return Buffer.from(text.replace(from, to), 'latin1')
}

interface Tampering {
  readonly title: string
  readonly tamper: (small: Small, stored: StoredEvidence) => unknown
  readonly expected: FailureCode | readonly FailureCode[]
  /** Which session, record or entry must be named. */
  readonly place?: (small: Small) => Partial<Finding>
}

const documentOf = (stored: StoredEvidence, type: string, id: string): string => {
  for (const entry of stored.entries) {
    const { type: is, id: of, digest } = JSON.parse(Buffer.from(entry).toString())
    if (is === type && of === id) return digest
  }
  throw new Error(`no ${type} of ${id}`)
}

const tamperings: readonly Tampering[] = [
  {
    title: 'a record of an ended session is edited',
    tamper: ({ ended }) => {
      ended.records[5] = edit(ended.records[5], 'line 1', 'line 9')
    },
    expected: 'record_edited',
    place: ({ ended }) => ({ session: ended.id, record: 5 }),
  },
  {
    title: 'two records are edited: both are named',
    tamper: ({ ended }) => {
      ended.records[1] = edit(ended.records[1], 'LANG', 'lang')
      ended.records[6] = edit(ended.records[6], 'line 2', 'line 7')
    },
    expected: ['record_edited', 'record_edited'],
  },
  {
    title: 'the sequence in a record is edited',
    tamper: ({ ended }) => {
      ended.records[5] = edit(ended.records[5], '"seq":5', '"seq":7')
    },
    expected: 'record_edited',
    place: ({ ended }) => ({ session: ended.id, record: 5 }),
  },
  {
    title: 'the header of a record is destroyed',
    tamper: ({ ended }) => {
      ended.records[5] = edit(ended.records[5], '{"v"', '}"v"')
    },
    expected: 'record_edited',
    place: ({ ended }) => ({ session: ended.id, record: 5 }),
  },
  {
    title: 'a record of a session without leaf lists is edited: the range between two roots',
    tamper: ({ crashed }) => {
      crashed.records[3] = edit(crashed.records[3], 'builtin', 'another')
    },
    expected: 'record_edited',
    place: ({ crashed }) => ({ session: crashed.id, record: 0, record_last: 7 }),
  },
  {
    title: 'a record of a running session is edited: the range between two roots',
    tamper: ({ running }) => {
      running.records[8] = edit(running.records[8], '81', '99')
    },
    expected: 'record_edited',
    place: ({ running }) => ({ session: running.id, record: 7, record_last: 8 }),
  },
  {
    title: 'two records are swapped',
    tamper: ({ ended: { records } }) => records.splice(5, 2, ...records.slice(5, 7).toReversed()),
    expected: 'record_reordered',
    place: ({ ended }) => ({ session: ended.id, record: 5 }),
  },
  {
    title: 'two records of a running session are swapped',
    tamper: ({ running: { records } }) => records.splice(3, 2, ...records.slice(3, 5).toReversed()),
    expected: 'record_reordered',
    place: ({ running }) => ({ session: running.id, record: 3 }),
  },
  {
    title: 'a record is taken out',
    tamper: ({ ended }) => ended.records.splice(4, 1),
    expected: 'record_missing',
    place: ({ ended }) => ({ session: ended.id, record: 4 }),
  },
  {
    title: 'a record of a running session is taken out',
    tamper: ({ running }) => running.records.splice(2, 2),
    expected: 'record_missing',
    place: ({ running }) => ({ session: running.id, record: 2, record_last: 3 }),
  },
  {
    title: 'a record is there twice',
    tamper: ({ ended: { records } }) => records.splice(4, 0, ...records.slice(4, 5)),
    expected: 'record_added',
    place: ({ ended }) => ({ session: ended.id }),
  },
  {
    title: 'a record is added at the end',
    tamper: ({ ended, crashed }) => ended.records.push(...crashed.records.slice(2, 3)),
    expected: 'record_added',
    place: ({ ended }) => ({ session: ended.id, record: 11 }),
  },
  {
    title: 'the last records are cut off',
    tamper: ({ ended }) => ended.records.splice(7),
    expected: 'session_truncated',
    place: ({ ended }) => ({ session: ended.id, record: 7, record_last: 10 }),
  },
  {
    title: 'the last logged record of a running session is cut off',
    tamper: ({ running }) => running.records.splice(8),
    expected: 'session_truncated',
    place: ({ running }) => ({ session: running.id, record: 8 }),
  },
  {
    title: 'all records of a session are deleted',
    tamper: ({ ended }, stored) => stored.sessions.delete(ended.id),
    expected: 'session_missing_from_store',
    place: ({ ended }) => ({ session: ended.id }),
  },
  {
    title: 'all records of a running session are deleted',
    tamper: ({ running }, stored) => stored.sessions.delete(running.id),
    expected: 'session_missing_from_store',
    place: ({ running }) => ({ session: running.id }),
  },
  {
    title: 'a session is put into the store',
    tamper: ({ ended }, stored) =>
      stored.sessions.set('0195e4a0-0000-7000-8000-000000000000', ended.records),
    expected: 'session_missing_from_log',
    place: () => ({ session: '0195e4a0-0000-7000-8000-000000000000' }),
  },
  {
    title: 'records are put under another session',
    tamper: ({ ended, running }, stored) => stored.sessions.set(running.id, ended.records),
    expected: 'record_edited',
    place: ({ running }) => ({ session: running.id }),
  },
  {
    title: 'the newest entries are taken away, the checkpoint stays',
    tamper: (_, { entries, hashes }) => {
      entries.splice(-1)
      hashes.splice(-1)
    },
    expected: 'log_entry_missing',
  },
  {
    title: 'a log entry is taken out of the middle',
    tamper: (_, { entries }) => entries.splice(1, 1),
    expected: 'log_entry_missing',
    place: () => ({ entry: 1 }),
  },
  {
    title: 'a log entry is edited',
    tamper: (_, { entries }) => {
      entries[1] = edit(entries[1], 'heartbeat', 'heartbeet')
    },
    expected: 'log_entry_edited',
    place: () => ({ entry: 1 }),
  },
  {
    title: "a session's log entry is edited: the session is named",
    tamper: ({ ended }, { entries }) => {
      const at = entries.findIndex((entry) => Buffer.from(entry).includes(ended.id))
      entries[at] = edit(entries[at], ended.id, '0195e4a0-0000-7000-8000-000000000000')
    },
    expected: 'log_entry_edited',
    place: ({ ended }) => ({ session: ended.id }),
  },
  {
    title: 'two log entries are swapped',
    tamper: (_, { entries }) => entries.splice(0, 2, ...entries.slice(0, 2).toReversed()),
    expected: ['log_entry_edited', 'log_entry_edited'],
  },
  {
    title: 'a log entry is edited, and its stored hash with it',
    tamper: (_, { entries, hashes }) => {
      entries[1] = edit(entries[1], 'heartbeat', 'heartbeet')
      hashes.splice(1, 1, new Uint8Array(32))
    },
    expected: ['log_entry_edited', 'document_malformed'],
  },
  {
    title: 'the checkpoint is edited',
    tamper: (_, stored) => {
      stored.checkpoint = edit(stored.checkpoint, '\n16\n', '\n14\n')
    },
    expected: 'checkpoint_signature_wrong',
  },
  {
    title: 'the checkpoint is destroyed',
    tamper: (_, stored) => {
      stored.checkpoint = new TextEncoder().encode('nothing')
    },
    expected: 'checkpoint_malformed',
  },
  {
    title: 'the checkpoint is deleted',
    tamper: (_, stored) => {
      stored.checkpoint = undefined
    },
    expected: 'checkpoint_missing',
  },
  {
    title: 'the document of a start is edited',
    tamper: ({ ended }, stored) => {
      const digest = documentOf(stored, 'session.started', ended.id)
      stored.documents.set(digest, edit(stored.documents.get(digest), '"ada"', '"eve"'))
    },
    expected: 'document_edited',
    place: ({ ended }) => ({ session: ended.id }),
  },
  {
    title: 'the document of an end is deleted',
    tamper: ({ ended }, stored) =>
      stored.documents.delete(documentOf(stored, 'session.ended', ended.id)),
    expected: 'document_missing',
    place: ({ ended }) => ({ session: ended.id }),
  },
  {
    title: 'a leaf list is edited',
    tamper: ({ ended }, { documents }) => {
      const list = [...documents].find(([, bytes]) => bytes.length === 32 * ended.records.length)
      if (list === undefined) throw new Error('no leaf list')
      documents.set(list[0], flip(list[1], 40))
    },
    expected: 'document_edited',
    place: ({ ended }) => ({ session: ended.id }),
  },
  {
    title: 'the envelope is edited',
    tamper: ({ ended }, { documents }) => {
      const digest = JSON.parse(Buffer.from(ended.records[0] ?? []).toString()).envelope
      documents.set(digest, flip(documents.get(digest) ?? new Uint8Array(), 60))
    },
    expected: 'envelope_edited',
    place: ({ ended }) => ({ session: ended.id }),
  },
  {
    title: 'the envelope is deleted',
    tamper: ({ ended }, { documents }) =>
      documents.delete(JSON.parse(Buffer.from(ended.records[0] ?? []).toString()).envelope),
    expected: 'envelope_missing',
    place: ({ ended }) => ({ session: ended.id }),
  },
]

describe('tampering is named', () => {
  for (const { title, tamper, expected, place } of tamperings)
    test(title, async () => {
      const small = await smallEvidence({ seed: title })
      const trust = small.writer.trust(small.early)
      tamper(small, small.writer.stored)
      const report = await verify(sourceOf(small.writer.stored), trust)
      const found = report.findings.filter(({ severity }) => severity === 'failure')
      expect(
        found.map(({ code }) => code),
        JSON.stringify(found, undefined, 1),
      ).toEqual(typeof expected === 'string' ? [expected] : [...expected])
      expect(report.verdict).toBe('failed')
      if (place !== undefined) expect(found[0]).toMatchObject(place(small))
    })
})
