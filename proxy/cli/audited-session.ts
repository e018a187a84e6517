/**
 * A session as an auditor's verbs read it: its documents, its sealed envelope and its records, each document
 * only if it has its digest.
 *
 * @module
 */
import { digestOf, openDocument } from '../../storage/evidence/document.ts'
import {
  type Manifest,
  readManifest,
  readStartDocument,
  type StartDocument,
} from '../../storage/evidence/manifest.ts'
import type { FileReader, SessionRow } from '../../storage/store/reader.ts'
import type { Data } from './data.ts'
import { storedRecords } from './records.ts'
import { findSession } from './session-id.ts'
import { VerbError } from './verb.ts'

export interface AuditedSession {
  readonly id: string
  readonly start: StartDocument
  /** Absent while the session is running. */
  readonly manifest?: Manifest
  readonly envelope: Uint8Array
  records(): AsyncGenerator<Uint8Array, void>
}

/** Where the session lies: its directory's own log tells of it. */
export interface HeldSession extends AuditedSession {
  readonly reader: FileReader
  readonly row: SessionRow
}

/** `given` as {@link findSession} takes it. Throws a {@link VerbError} when something of it is not there. */
export async function openAudited(data: Data, given: string): Promise<HeldSession> {
  const row = await findSession(data, given)
  const { id } = row
  const reader = await holderOf(data, id)
  const document = async (digest: string, what: string): Promise<Uint8Array> => {
    const bytes = (await reader.document(digest))?.bytes
    if (bytes === undefined) throw new VerbError(`the ${what} of session ${id} is not in the store`)
    if (digestOf(bytes) !== digest)
      throw new VerbError(`the ${what} of session ${id} was changed: sluice verify says more`)
    return bytes
  }
  const facts = openDocument(await document(row.start_digest, 'start document')) ?? {}
  const start = readStartDocument(facts)
  if (start?.session !== id)
    throw new VerbError(`the start document of session ${id} is another's: sluice verify says more`)
  const end = row.manifest_digest
  const manifest =
    end === undefined
      ? undefined
      : readManifest(openDocument(await document(end, 'manifest')) ?? {})
  if (end !== undefined && manifest?.session !== id)
    throw new VerbError(`the manifest of session ${id} is another's: sluice verify says more`)
  return {
    id,
    start,
    ...(manifest === undefined ? {} : { manifest }),
    envelope: await document(start.envelope, 'sealed envelope'),
    records: () => storedRecords(reader, id),
    reader,
    row,
  }
}

async function holderOf(data: Data, id: string): Promise<FileReader> {
  for (const { reader } of data.parts) if ((await reader.session(id)) !== undefined) return reader
  throw new VerbError(`no session ${id}`)
}
