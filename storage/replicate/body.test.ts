/** Bodies from a bucket that somebody else made. */
import { describe, expect, test } from 'bun:test'
import {
  decodeDocuments,
  decodeEntries,
  decodeRecords,
  encodeDocuments,
  encodeEntries,
} from './body.ts'
import { entries_count_max, object_bytes_max, session_documents_max } from './limits.ts'

const some = (count: number, bytes: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => new Uint8Array(bytes).fill(at))
const none = new Uint8Array()

describe('a body', () => {
  test('of nothing but lengths is none, before it fills the memory', () => {
    const zeros = new Uint8Array(object_bytes_max)
    for (const decode of [decodeRecords, decodeEntries, decodeDocuments])
      expect(decode(zeros)).toBeUndefined()
  })

  test('has as many parts as a gateway puts into one, and no more', () => {
    const entries = (count: number) => some(count, 100).map((entry) => ({ entry, document: none }))
    expect(decodeEntries(encodeEntries(entries(entries_count_max)))).toHaveLength(entries_count_max)
    expect(decodeEntries(encodeEntries(entries(entries_count_max + 1)))).toBeUndefined()
    const documents = (count: number) => encodeDocuments(some(count, 40))
    expect(decodeDocuments(documents(session_documents_max))).toEqual(
      some(session_documents_max, 40),
    )
    expect(decodeDocuments(documents(session_documents_max + 1))).toBeUndefined()
    expect(decodeRecords(encodeDocuments(some(9, 90)))).toEqual(some(9, 90))
    expect(decodeRecords(none)).toEqual([])
  })
})
