/**
 * Documents by digest, checked before anything in them is looked at.
 *
 * @module
 */
import type { JsonObject } from '../evidence/bytes.ts'
import { digestOf, openDocument } from '../evidence/document.ts'
import { document_bytes_max, envelope_bytes_max } from '../evidence/limits.ts'
import type { Findings, Place } from './report.ts'
import type { EvidenceSource } from './source.ts'

export interface Documents {
  /** The facts of a document; undefined after a finding. `what` begins a sentence. */
  facts(digest: string, what: string, place: Place): Promise<JsonObject | undefined>
  /** The bytes of a leaf list; undefined after a finding. */
  list(digest: string, what: string, place: Place): Promise<Uint8Array | undefined>
  /** The bytes of a sealed envelope; undefined after a finding. */
  envelope(digest: string, place: Place): Promise<Uint8Array | undefined>
}

const bytes_max = Math.max(document_bytes_max, envelope_bytes_max)

export function createDocuments(source: EvidenceSource, findings: Findings): Documents {
  const read = async (
    digest: string,
    missing: () => void,
    edited: () => void,
  ): Promise<Uint8Array | undefined> => {
    const bytes = (await source.document(digest))?.bytes
    if (bytes === undefined) {
      missing()
      return undefined
    }
    findings.counts.documents++
    if (bytes.length <= bytes_max && digestOf(bytes) === digest) return bytes
    edited()
    return undefined
  }
  const document = (digest: string, what: string, place: Place): Promise<Uint8Array | undefined> =>
    read(
      digest,
      () => findings.fail('document_missing', `${what} is logged, and is not in the store.`, place),
      () =>
        findings.fail(
          'document_edited',
          `${what} is not the one that was logged: it was changed.`,
          place,
        ),
    )
  return {
    list: document,
    async facts(digest, what, place) {
      const bytes = await document(digest, what, place)
      if (bytes === undefined) return undefined
      const facts = openDocument(bytes)
      if (facts === undefined)
        findings.fail('document_malformed', `${what} was logged without being a document.`, place)
      return facts
    },
    envelope: (digest, place) =>
      read(
        digest,
        () =>
          findings.fail(
            'envelope_missing',
            `The sealed envelope of session ${place.session} is not in the store: auditors cannot open it.`,
            place,
          ),
        () =>
          findings.fail(
            'envelope_edited',
            `The sealed envelope of session ${place.session} is not the one that was logged: it was changed.`,
            place,
          ),
      ),
  }
}
