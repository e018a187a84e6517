/**
 * Verification of one session that has ended, where it lies: the same questions as of a bundle.
 *
 * @module
 */
import type { Trust } from '../evidence/trust.ts'
import { createDocuments } from '../verify/documents.ts'
import { checkRecipients } from '../verify/envelope-check.ts'
import { checkKept, type RetentionBook } from '../verify/kept.ts'
import { Findings, type Report } from '../verify/report.ts'
import { SessionCheck } from '../verify/session-check.ts'
import type { EvidenceSource } from '../verify/source.ts'
import { checkDocuments } from './check.ts'
import type { BundleProof } from './contents.ts'

/**
 * The proofs may come from elsewhere than the records: they prove themselves. With a `book`, how the objects that were
 * read are kept is judged too. Rejects when the source cannot be read.
 */
export async function verifySession(
  source: EvidenceSource,
  proof: BundleProof,
  trust: Trust,
  book?: RetentionBook,
): Promise<Report> {
  const findings = new Findings()
  const signed = checkDocuments(proof, trust, findings)
  if (signed !== undefined) {
    const { start, start_digest, manifest } = signed
    const place = { session: proof.session }
    const documents = createDocuments(source, findings)
    checkRecipients(start, await documents.envelope(start.envelope, place), trust, findings, place)
    const parts = { source, documents, findings, budget: { open: 1 }, progress: () => {} }
    const begun = { document: start_digest, envelope: start.envelope }
    await new SessionCheck(proof.session, begun, parts).finish(manifest)
    if (book !== undefined) await checkKept(source, book, findings)
  }
  return findings.report(true, signed?.log)
}
