/** The released bundle is verified for ever, and made again it has the same bytes: its derived files too. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { sha256, toHex } from '../evidence/bytes.ts'
import { parseTrust } from '../evidence/trust.ts'
import vector from '../evidence/vector/v1.json' with { type: 'json' }
import { type StoredEvidence, sourceOf } from '../verify/fixture.ts'
import { verifyBundle } from './check.ts'
import { bundleFrom } from './fixture.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const unbase64 = (text: string): Uint8Array => Buffer.from(text, 'base64')
const page = utf8('<!doctype html>')
const stored: StoredEvidence = {
  entries: vector.entries.map(utf8),
  hashes: vector.log_hashes.map((hash) => Buffer.from(hash, 'hex')),
  documents: new Map(Object.entries(vector.documents).map(([name, b]) => [name, unbase64(b)])),
  sessions: new Map(vector.sessions.map(({ id, records }) => [id, records.map(unbase64)])),
  checkpoint: utf8(vector.checkpoint),
}
// The one with a terminal.
const id = vector.sessions[2]?.id ?? ''
const released = readFileSync(`${import.meta.dir}/../evidence/vector/bundle-v1.zip`)

test('sluice/bundle v1 is verified', async () => {
  const trust = parseTrust(utf8(vector.trust))
  if (!trust.ok) throw new Error(trust.reason)
  const { report, session } = await verifyBundle(released, trust.trust, toHex(sha256(page)))
  expect(report).toMatchObject({ verdict: 'verified', findings: [] })
  expect(report.log?.size).toBe(vector.entries.length)
  expect(session?.manifest.session).toBe(id)
})

test('made again it has the same bytes', async () => {
  const again = await bundleFrom(stored, sourceOf(stored), id, page)
  expect(Buffer.from(again).equals(released)).toBe(true)
})
