/**
 * No single byte of signed evidence can change unseen, and where it lies in a session, that session is
 * named. Every byte with SLUICE_TEST_SLOW=1, otherwise a sample.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { smallEvidence, sourceOf } from './fixture.ts'
import { verify } from './verify.ts'

interface Flippable {
  readonly name: string
  readonly bytes: Uint8Array
  /** The session that must be named. */
  readonly session?: string
}

const small = await smallEvidence({ seed: 'flip' })
const { stored } = small.writer
const trust = small.writer.trust(small.early)
const sessions = [...stored.sessions.keys()]
const sessionIn = (bytes: Uint8Array): string | undefined => {
  const inside = sessions.filter((id) => Buffer.from(bytes).includes(id))
  return inside.length === 1 ? inside[0] : undefined
}
const named = (name: string, bytes: Uint8Array, session: string | undefined): Flippable =>
  session === undefined ? { name, bytes } : { name, bytes, session }

const records = [...stored.sessions].flatMap(([id, list]) =>
  list.map((bytes, seq): Flippable => ({ name: `record ${seq} of ${id}`, bytes, session: id })),
)
/** Envelopes and leaf lists do not say whose they are; the log does. */
const owner = new Map<string, string>()
for (const bytes of stored.documents.values()) {
  const id = sessionIn(bytes)
  const text = Buffer.from(bytes).toString('latin1')
  if (id !== undefined && !text.includes('session.running'))
    for (const [digest] of text.matchAll(/[0-9a-f]{64}/g)) owner.set(digest, id)
}
const documents = [...stored.documents].map(([digest, bytes]) => {
  const is_list = Buffer.from(bytes).includes('session.running')
  return named(
    `document ${digest}`,
    bytes,
    is_list ? undefined : (sessionIn(bytes) ?? owner.get(digest)),
  )
})
const entries = stored.entries.map((bytes, at) => named(`entry ${at}`, bytes, sessionIn(bytes)))
const checkpoint: Flippable = { name: 'checkpoint', bytes: stored.checkpoint ?? new Uint8Array() }

/** Flips a bit in place, verifies, flips it back. */
const check = async (
  { name, bytes, session }: Flippable,
  at: number,
  bit: number,
): Promise<void> => {
  const before = bytes[at] ?? 0
  bytes[at] = before ^ (1 << bit)
  const { findings, verdict } = await verify(sourceOf(stored), trust)
  bytes[at] = before
  const place = `${name}, byte ${at}, bit ${bit}`
  expect(verdict, place).toBe('failed')
  const failures = findings.filter(({ severity }) => severity === 'failure')
  if (session !== undefined)
    expect(
      failures.some((finding) => finding.session === session),
      `${place}: ${JSON.stringify(failures)}`,
    ).toBe(true)
}

describe('a flipped byte is detected', () => {
  const groups = { record: records, document: documents, entry: entries, checkpoint: [checkpoint] }
  for (const [kind, all] of Object.entries(groups))
    test(`in a ${kind}`, async () => {
      expect(all.length).toBeGreaterThan(0)
      if (process.env['SLUICE_TEST_SLOW'] === '1') {
        for (const one of all)
          for (let at = 0; at < one.bytes.length; at++) await check(one, at, at % 8)
        return
      }
      const anywhere = fc
        .constantFrom(...all)
        .chain((one) =>
          fc.tuple(fc.constant(one), fc.nat(one.bytes.length - 1), fc.integer({ min: 0, max: 7 })),
        )
      await fc.assert(
        fc.asyncProperty(anywhere, ([one, at, bit]) => check(one, at, bit)),
        { numRuns: rounds(250) },
      )
    }, 300_000)
})
