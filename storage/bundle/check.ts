/**
 * Verification of a bundle, by the command line and by the page in a browser alike: is this the session that a
 * trusted log has, and does everything else in the file follow from it?
 *
 * @module
 */
import { fromBase64, sha256, toHex } from '../evidence/bytes.ts'
import { digestOf } from '../evidence/document.ts'
import { leaf_list_width, record_bytes_max } from '../evidence/limits.ts'
import {
  type Manifest,
  readManifest,
  readStartDocument,
  repeatsStart,
  type StartDocument,
} from '../evidence/manifest.ts'
import type { Trust } from '../evidence/trust.ts'
import { createDocuments } from '../verify/documents.ts'
import { checkRecipients } from '../verify/envelope-check.ts'
import { describeLog } from '../verify/log-check.ts'
import { checkLogged, checkOutside, trustedLogs } from '../verify/logged-check.ts'
import { Findings, type LogFacts, type Report } from '../verify/report.ts'
import { SessionCheck } from '../verify/session-check.ts'
import type { EvidenceSource } from '../verify/source.ts'
import { readArchive } from './archive.ts'
import {
  type BundleProof,
  derivedFiles,
  envelope_name,
  leaves_name,
  page_name,
  parseProof,
  proof_name,
  records_name,
  required_names,
} from './contents.ts'

const hash_bytes = 32
const newline = 0x0a
const line_bytes_max = Math.ceil(record_bytes_max / 3) * 4

/** A session out of a bundle. That it is believed is the report's to say. */
export interface BundledSession {
  readonly start: StartDocument
  readonly manifest: Manifest
  readonly envelope: Uint8Array
  records(): AsyncGenerator<Uint8Array, void>
}

export interface BundleResult {
  readonly report: Report
  /** Absent where the file is too damaged to have one. */
  readonly session?: BundledSession
}

type Files = ReadonlyMap<string, Uint8Array>

/**
 * @param page_hash SHA-256 of the page that this version makes; the page itself cannot tell
 */
export async function verifyBundle(
  bytes: Uint8Array,
  trust: Trust | undefined,
  page_hash?: string,
): Promise<BundleResult> {
  const findings = new Findings()
  const found = await check(bytes, trust, page_hash, findings)
  const report = findings.report(trust !== undefined, found?.log)
  return { report, ...(found?.session === undefined ? {} : { session: found.session }) }
}

async function check(
  bytes: Uint8Array,
  trust: Trust | undefined,
  page_hash: string | undefined,
  findings: Findings,
): Promise<{ readonly log?: LogFacts; readonly session?: BundledSession } | undefined> {
  const malformed = (reason: string): undefined => {
    findings.fail('bundle_malformed', `This is no bundle of version 1: ${reason}.`)
    return undefined
  }
  const archive = readArchive(bytes)
  if (!archive.ok) return malformed(archive.reason)
  const { files } = archive
  const missing = required_names.find((name) => !files.has(name))
  if (missing !== undefined) return malformed(`it has no ${missing}`)
  const proof = parseProof(fileOf(files, proof_name))
  if (proof === undefined) return malformed(`its ${proof_name} is not as it must be`)

  const signed = checkDocuments(proof, trust, findings)
  if (signed === undefined) return undefined
  const { start, manifest, log } = signed
  const place = { session: proof.session }
  const envelope = fileOf(files, envelope_name)
  findings.counts.documents++
  const is_sealed = digestOf(envelope) === start.envelope
  if (!is_sealed)
    findings.fail(
      'envelope_edited',
      `The sealed envelope of session ${proof.session} is not the one that was logged: it was changed.`,
      place,
    )
  checkRecipients(start, is_sealed ? envelope : undefined, trust, findings, place)
  const session = { start, manifest, envelope, records: () => recordsOf(files) }
  const before = findings.failures
  await checkRecords(files, signed, findings)
  // What is made of records that are not the recorded ones is not worth a word.
  if (findings.failures === before) await checkDerived(files, session, findings)
  const page = toHex(sha256(fileOf(files, page_name)))
  if (page_hash !== undefined && page !== page_hash)
    findings.notice(
      'page_unknown',
      `The ${page_name} inside is not the page of this version (its SHA-256 is ${page}): do not open it, or ` +
        'compare that with what is published of the version that made it.',
    )
  return { log, session }
}

/** What a trusted log has of a session. */
export interface Signed {
  readonly start: StartDocument
  readonly start_digest: string
  readonly manifest: Manifest
  readonly log: LogFacts
}

/** Undefined after a finding. */
export function checkDocuments(
  proof: BundleProof,
  trust: Trust | undefined,
  findings: Findings,
): Signed | undefined {
  const { session: id } = proof
  const logs = trustedLogs(proof.named_by, trust, findings)
  const begin = { type: 'session.started', id, what: `The start document of session ${id}` }
  const end = { type: 'session.ended', id, what: `The manifest of session ${id}` }
  const started = checkLogged(proof.start, begin, logs, findings)
  const ended = started && checkLogged(proof.manifest, end, logs, findings)
  if (started === undefined || ended === undefined) return undefined
  const log = describeLog(ended.checkpoint)
  checkOutside(proof.manifest.checkpoint, ended.checkpoint, trust, findings)
  const start = readStartDocument(started.facts)
  const manifest = readManifest(ended.facts)
  if (start?.session !== id || manifest?.session !== id || log === undefined) {
    findings.fail(
      'document_malformed',
      `The documents of session ${id} do not say how it started and ended.`,
      { session: id },
    )
    return undefined
  }
  findings.counts.sessions++
  const same_log =
    started.checkpoint.origin === ended.checkpoint.origin &&
    proof.start.index < proof.manifest.index
  if (!same_log || !repeatsStart(start, manifest))
    findings.fail(
      'log_contradicts',
      `The end of session ${id} tells of another identity, target, policy or log than its start.`,
      { session: id },
    )
  return { start, start_digest: digestOf(proof.start.document), manifest, log }
}

async function checkRecords(
  files: Files,
  { start, start_digest, manifest }: Signed,
  findings: Findings,
): Promise<void> {
  const source = sourceOf(files)
  const documents = createDocuments(source, findings)
  const budget = { open: 1 }
  const parts = { source, documents, findings, budget, progress: () => {} }
  const begun = { document: start_digest, envelope: start.envelope }
  await new SessionCheck(manifest.session, begun, parts).finish(manifest)
}

/** Every other file has to be there, byte for byte as the records give it, and none besides. */
async function checkDerived(
  files: Files,
  { manifest, records }: BundledSession,
  findings: Findings,
): Promise<void> {
  const place = { session: manifest.session }
  const known = new Set<string>([...required_names, leaves_name])
  const wanted = manifest.leaves === undefined ? 0 : manifest.records * hash_bytes
  if (fileOf(files, leaves_name).length !== wanted || files.has(leaves_name) !== wanted > 0)
    findings.fail(
      'bundle_malformed',
      `${leaves_name} has other hashes than those of the records.`,
      place,
    )
  if (fileOf(files, records_name).at(-1) !== newline)
    findings.fail('bundle_malformed', `${records_name} does not end in a newline.`, place)
  for await (const { name, text } of derivedFiles(records, manifest)) {
    known.add(name)
    if (!(await isText(fileOf(files, name), text)))
      findings.fail(
        'derived_edited',
        `${name} is not what the records give: it was changed, or made by another version.`,
        place,
      )
  }
  for (const name of files.keys())
    if (!known.has(name))
      findings.fail('bundle_malformed', `The bundle holds ${name}, which no bundle has.`, place)
}

async function isText(bytes: Uint8Array, text: AsyncIterable<string>): Promise<boolean> {
  const encoder = new TextEncoder()
  let at = 0
  for await (const piece of text) {
    const expected = encoder.encode(piece)
    if (toHex(sha256(bytes.subarray(at, at + expected.length))) !== toHex(sha256(expected)))
      return false
    at += expected.length
  }
  return at === bytes.length
}

/** The records and leaf lists of a bundle, as verification reads a store. */
function sourceOf(files: Files): EvidenceSource {
  const leaves = new Map<string, Uint8Array>()
  const all = files.get(leaves_name) ?? new Uint8Array()
  const list_bytes = leaf_list_width * hash_bytes
  for (let at = 0; at < all.length; at += list_bytes) {
    const list = all.subarray(at, at + list_bytes)
    leaves.set(digestOf(list), list)
  }
  let reader:
    | { readonly next: number; readonly lines: AsyncGenerator<Uint8Array, void> }
    | undefined
  return {
    async records(_, from = 0, limit_bytes = 1024 * 1024) {
      let lines = reader?.lines
      if (lines === undefined || reader?.next !== from) {
        lines = recordsOf(files)
        for (let skipped = 0; skipped < from; skipped++) await lines.next()
      }
      const records: Uint8Array[] = []
      let bytes = 0
      while (bytes < limit_bytes) {
        const line = await lines.next()
        if (line.done === true) return { records }
        records.push(line.value)
        bytes += line.value.length
      }
      reader = { next: from + records.length, lines }
      return { records, next: from + records.length }
    },
    document: async (digest) => {
      const bytes = leaves.get(digest)
      return bytes === undefined ? undefined : { bytes }
    },
    sessions: async () => ({ sessions: [] }),
    log: async () => ({ size: 0, checkpoint: undefined }),
    logEntries: async () => [],
    logHashes: async () => [],
  }
}

/** A line that is not base64 is a record of no bytes, which no tree has. */
async function* recordsOf(files: Files): AsyncGenerator<Uint8Array, void> {
  const bytes = fileOf(files, records_name)
  const decoder = new TextDecoder('latin1')
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(newline, at)
    const to = end < 0 ? bytes.length : end
    // A longer line is no record, and would be two strings of its size.
    const line = to - at > line_bytes_max ? '' : decoder.decode(bytes.subarray(at, to))
    yield fromBase64(line) ?? new Uint8Array()
    at = to + 1
  }
}

const fileOf = (files: Files, name: string): Uint8Array => files.get(name) ?? new Uint8Array()
