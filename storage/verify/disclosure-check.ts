/**
 * Is a disclosed value what stood behind that mask of that session? Answered from the file and a trust file alone.
 *
 * @module
 */
import { verifySpan } from '../evidence/commitment.ts'
import { type Disclosure, parseDisclosure } from '../evidence/disclosure.ts'
import { type Manifest, readManifest } from '../evidence/manifest.ts'
import { leafHash } from '../evidence/merkle.ts'
import { verifyInclusion } from '../evidence/proof.ts'
import { decodeRecord, type RecordHeader, type RecordSpan } from '../evidence/record.ts'
import type { Trust } from '../evidence/trust.ts'
import { describeLog } from './log-check.ts'
import { checkLogged, checkOutside, trustedLogs } from './logged-check.ts'
import { Findings, type Report } from './report.ts'

/** What a sound disclosure says. */
export interface Disclosed {
  readonly manifest: Manifest
  readonly header: RecordHeader
  readonly span: RecordSpan
  readonly value: Uint8Array
}

/** Never throws: a file that is none is a finding. */
export function verifyDisclosure(
  bytes: Uint8Array,
  trust: Trust | undefined,
): { readonly report: Report; readonly disclosed?: Disclosed } {
  const findings = new Findings()
  const disclosure = parseDisclosure(bytes)
  if (disclosure === undefined) {
    findings.fail(
      'disclosure_malformed',
      'This is no disclosure of version 1: it was damaged, or made by another version.',
    )
    return { report: findings.report(trust !== undefined, undefined) }
  }
  const { session, record } = disclosure
  const place = { session, record }
  const logs = trustedLogs(disclosure.named_by, trust, findings)
  const what = `The manifest of session ${session}`
  const wanted = { type: 'session.ended', id: session, what }
  const logged = checkLogged(disclosure.manifest, wanted, logs, findings)
  const log = logged === undefined ? undefined : describeLog(logged.checkpoint)
  if (logged !== undefined)
    checkOutside(disclosure.manifest.checkpoint, logged.checkpoint, trust, findings)
  const manifest = logged === undefined ? undefined : readManifest(logged.facts)
  if (logged !== undefined && manifest?.session !== session)
    findings.fail('document_malformed', `${what} does not say how that session ended.`, place)
  const found =
    manifest?.session === session ? checkValue(disclosure, manifest, findings) : undefined
  const report = findings.report(trust !== undefined, log)
  return found === undefined || report.verdict === 'failed'
    ? { report }
    : { report, disclosed: found }
}

function checkValue(
  { session, record, span: number, value, nonce, stored, path }: Disclosure,
  manifest: Manifest,
  findings: Findings,
): Disclosed | undefined {
  const place = { session, record }
  findings.counts.sessions++
  findings.counts.records++
  findings.counts.bytes += stored.length
  const root = Buffer.from(manifest.root, 'hex')
  if (!verifyInclusion(leafHash(stored), record, manifest.records, root, path)) {
    findings.fail(
      'record_proof_wrong',
      `The record is not record ${record} of session ${session}: it, its place or the proof was changed.`,
      place,
    )
    return undefined
  }
  const decoded = decodeRecord(stored)
  const header = decoded.ok ? decoded.header : undefined
  const spans = header !== undefined && 'spans' in header ? header.spans : []
  const span = spans[number]
  if (header?.session !== session || header.seq !== record || span === undefined) {
    findings.fail(
      'record_malformed',
      `Record ${record} of session ${session} has no masked value ${number}.`,
      place,
    )
    return undefined
  }
  if (value.length === span.length && verifySpan(span.commitment, nonce, value))
    return { manifest, header, span, value }
  findings.fail(
    'value_not_committed',
    `The disclosed value is not the one that record ${record} of session ${session} hides: ` +
      'the value or its nonce was changed.',
    place,
  )
  return undefined
}
