/**
 * For tests: evidence made in memory, as a gateway's data directory and an auditor's key files have it.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { thumbprint } from '../../storage/evidence/envelope.ts'
import { encodeTrust } from '../../storage/evidence/trust.ts'
import { Journal } from '../../storage/journal/journal.ts'
import { workerData } from '../../storage/store/gathered.ts'
import type { EvidenceWriter, StoredEvidence } from '../../storage/verify/fixture.ts'

export interface StoredFixture {
  readonly folder: string
  /** The data directory. */
  readonly data: string
  /** The auditor's private JWK. */
  readonly key: string
  readonly trust: string
  readonly remove: () => void
}

/** `worker` is in a directory of its own; the trust file does not know it. */
export async function storeEvidence(
  writer: EvidenceWriter,
  worker?: EvidenceWriter,
): Promise<StoredFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-stored-'))
  const data = join(folder, 'data')
  mkdirSync(data)
  writeJournal(join(data, 'journal'), writer.stored)
  if (worker !== undefined) {
    mkdirSync(workerData(data, 1), { recursive: true })
    writeJournal(join(workerData(data, 1), 'journal'), worker.stored)
  }
  const key = join(folder, 'auditor-private.jwk')
  writeFileSync(key, JSON.stringify(writer.auditor))
  const trust = join(folder, 'trust.json')
  const { checkpoint } = writer.stored
  const source = {
    logs: [writer.signer.verifier_key],
    auditors: [await thumbprint(writer.auditor)],
    checkpoints: checkpoint === undefined ? [] : [checkpoint],
  }
  writeFileSync(trust, encodeTrust(source))
  return { folder, data, key, trust, remove: () => rmSync(folder, { recursive: true }) }
}

/** In the order in which a recorder writes: what an entry tells of is there before it. */
function writeJournal(dir: string, stored: StoredEvidence): void {
  const journal = Journal.open({
    dir,
    segment_bytes: 4 * 1024 * 1024,
    spare_segments: 1,
    backlog_segments_max: 4,
    next_lsn: 1,
  })
  const left = new Map(stored.documents)
  const document = (type: string, digest: string): void => {
    const bytes = left.get(digest)
    left.delete(digest)
    if (bytes !== undefined) journal.append({ kind: 'document', type, digest, bytes })
  }
  for (const [index, bytes] of stored.entries.entries()) {
    const { type, id, digest } = JSON.parse(new TextDecoder().decode(bytes)) as Entry
    const facts = Buffer.from(stored.documents.get(digest) ?? []).subarray(32)
    const { envelope } = JSON.parse(facts.toString()) as { readonly envelope?: string }
    if (envelope !== undefined) document('envelope', envelope)
    document(type, digest)
    journal.append({ kind: 'log_entry', index, bytes })
    if (type !== 'session.started') continue
    for (const [seq, record] of (stored.sessions.get(id) ?? []).entries())
      journal.append({ kind: 'record', session: id, seq, bytes: record })
  }
  for (const digest of [...left.keys()]) document('session.leaves', digest)
  if (stored.checkpoint !== undefined)
    journal.append({ kind: 'checkpoint', bytes: stored.checkpoint })
  journal.commit()
  journal.close()
}

interface Entry {
  readonly type: string
  readonly id: string
  readonly digest: string
}
