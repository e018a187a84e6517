/**
 * The released format verifies for ever.
 *
 * @module
 */
import { expect, test } from 'bun:test'
import { parseTrust } from '../evidence/trust.ts'
import vector from '../evidence/vector/v1.json' with { type: 'json' }
import { type StoredEvidence, sourceOf } from './fixture.ts'
import { verify } from './verify.ts'

const unbase64 = (text: string): Uint8Array => Buffer.from(text, 'base64')
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

test('sluice/evidence v1 is verified', async () => {
  const stored: StoredEvidence = {
    entries: vector.entries.map(utf8),
    hashes: vector.log_hashes.map((hash) => Buffer.from(hash, 'hex')),
    documents: new Map(Object.entries(vector.documents).map(([name, b]) => [name, unbase64(b)])),
    sessions: new Map(vector.sessions.map(({ id, records }) => [id, records.map(unbase64)])),
    checkpoint: utf8(vector.checkpoint),
  }
  const trust = parseTrust(utf8(vector.trust))
  if (!trust.ok) throw new Error(trust.reason)
  const report = await verify(sourceOf(stored), trust.trust)
  expect(report.findings.map(({ code }) => code).toSorted()).toEqual([
    'session_crashed',
    'session_open',
  ])
  expect(report.verdict).toBe('verified')
  expect(report.checked).toMatchObject({ sessions: 4, log_entries: 16 })
})
