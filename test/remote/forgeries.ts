/**
 * Copies of a bucket in which something was changed, and the name that verification gives to it.
 *
 * @module
 */
import { decodeDocuments, decodeRecords } from '../../storage/replicate/body.ts'
import { documentsKey, recordsKey } from '../../storage/replicate/keys.ts'
import type { FailureCode } from '../../storage/verify/report.ts'
import type { keptEvidence } from './world.ts'

type Small = Awaited<ReturnType<typeof keptEvidence>>

export const flip = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** Behind the start document, and the length of its own. */
const envelopeAt = (bytes: Uint8Array): number => 8 + (decodeDocuments(bytes)?.[0]?.length ?? 0)

export interface Forgery {
  readonly title: string
  readonly change: (small: Small) => (key: string, bytes: Uint8Array) => Uint8Array | undefined
  readonly retain_days?: (key: string) => number | undefined
  readonly expected: readonly FailureCode[]
}

/** Another bucket with the same names in it is all that is left to an attacker. */
export const forgeries: readonly Forgery[] = [
  {
    title: 'a record is edited',
    change:
      ({ ended }) =>
      (key, bytes) =>
        key.endsWith(recordsKey(ended.id, 0)) ? flip(bytes, bytes.length - 20) : bytes,
    expected: ['object_edited', 'record_edited'],
  },
  {
    title: 'a session is truncated',
    change:
      ({ ended }) =>
      (key, bytes) => {
        if (!key.endsWith(recordsKey(ended.id, 0))) return bytes
        const last = decodeRecords(bytes)?.at(-1)?.length ?? 0
        return bytes.subarray(0, bytes.length - last - 4)
      },
    expected: ['object_edited', 'session_truncated'],
  },
  {
    title: 'a session is not there',
    change:
      ({ ended }) =>
      (key, bytes) =>
        key.includes(ended.id) ? undefined : bytes,
    expected: ['document_missing', 'object_missing'],
  },
  {
    title: 'the records of a session are not there',
    change:
      ({ ended }) =>
      (key, bytes) =>
        key.includes(`${ended.id}/records`) ? undefined : bytes,
    expected: ['object_missing', 'session_missing_from_store'],
  },
  {
    title: 'an envelope is another',
    change:
      ({ ended }) =>
      (key, bytes) =>
        key.endsWith(documentsKey(ended.id, 0)) ? flip(bytes, envelopeAt(bytes) + 40) : bytes,
    expected: ['envelope_edited', 'object_edited'],
  },
  {
    title: 'the newest checkpoints were left out',
    change: (small) => {
      const newest = small.writer.stored.entries.length
      return (key, bytes) => {
        const size = /checkpoint\/(\d{16})$/.exec(key)?.[1]
        return size !== undefined && Number(size) === newest ? undefined : bytes
      }
    },
    expected: ['log_rolled_back'],
  },
  {
    title: 'an older checkpoint stands under the name of the newest',
    change: ({ writer, early }) => {
      const newest = writer.stored.entries.length
      return (key, bytes) =>
        Number(/checkpoint\/(\d{16})$/.exec(key)?.[1]) === newest ? early : bytes
    },
    expected: ['checkpoint_malformed'],
  },
  {
    title: 'a checkpoint is signed by nobody',
    change: () => (key, bytes) => {
      if (!/checkpoint\/\d{16}$/.test(key)) return bytes
      const copy = Uint8Array.from(bytes)
      // Inside the signature, whose spelling stays right.
      const [a, b] = [0x41, 0x42]
      copy[copy.length - 20] = copy.at(-20) === a ? b : a
      return copy
    },
    expected: ['checkpoint_signature_wrong'],
  },
  {
    title: 'an entry of the log is edited',
    change: () => (key, bytes) =>
      key.endsWith('entries/0000000000000000')
        ? Buffer.from(
            Buffer.from(bytes).toString('latin1').replace('"id":"edge-1"', '"id":"edge-2"'),
            'latin1',
          )
        : bytes,
    expected: ['log_entry_edited'],
  },
  {
    title: 'entries of the log are left out',
    change: () => (key, bytes) => (/entries\/\d{15}0$/.test(key) ? undefined : bytes),
    expected: ['log_entry_missing', 'nothing_to_verify', 'session_missing_from_log'],
  },
  {
    title: 'the retention is shorter than policy',
    change: () => (_, bytes) => bytes,
    retain_days: (key) => (key.includes('/records/') ? 29 : 30),
    expected: ['retention_short'],
  },
  {
    title: 'nothing is locked',
    change: () => (_, bytes) => bytes,
    retain_days: () => undefined,
    expected: ['object_not_locked'],
  },
]
