/**
 * For tests: the bundle of a session of evidence that was made in memory.
 *
 * @module
 */
import { openDocument } from '../evidence/document.ts'
import { readManifest } from '../evidence/manifest.ts'
import {
  type EvidenceWriter,
  type SessionWriter,
  type StoredEvidence,
  sourceOf,
} from '../verify/fixture.ts'
import type { EvidenceSource } from '../verify/source.ts'
import { readArchive, writeArchive } from './archive.ts'
import { makeBundle } from './make.ts'
import { proveDocument } from './prove.ts'

export function bundleOf(
  { stored }: EvidenceWriter,
  { id }: SessionWriter,
  page: Uint8Array = new TextEncoder().encode('<!doctype html>'),
  cosigned: readonly Uint8Array[] = [],
): Promise<Uint8Array> {
  return bundleFrom(stored, { ...sourceOf(stored), cosigned: async () => cosigned }, id, page)
}

/** Of a session of that id, which has ended. */
export async function bundleFrom(
  stored: StoredEvidence,
  source: EvidenceSource,
  id: string,
  page: Uint8Array,
): Promise<Uint8Array> {
  const prove = async (type: string) => {
    const entry = stored.entries
      .map((bytes) => JSON.parse(new TextDecoder().decode(bytes)))
      .find((each) => each.type === type && each.id === id)
    const sought = { type, id, digest: entry.digest, not_before: entry.time }
    const proven = await proveDocument(source, sought)
    if (!proven.ok) throw new Error(proven.reason)
    return proven.logged
  }
  const [start, logged] = [await prove('session.started'), await prove('session.ended')]
  const manifest = readManifest(openDocument(logged.document) ?? {})
  const envelope = stored.documents.get(manifest?.envelope ?? '')
  if (manifest === undefined || envelope === undefined) throw new Error('a session that has ended')
  const records = stored.sessions.get(id) ?? []
  return makeBundle({
    proof: { session: id, start, manifest: logged },
    manifest,
    envelope,
    records: async function* () {
      yield* records
    },
    page,
  })
}

/** The same bundle with other files. */
export function repacked(
  bundle: Uint8Array,
  change: (files: Map<string, Uint8Array>) => void,
): Uint8Array {
  const archive = readArchive(bundle)
  if (!archive.ok) throw new Error(archive.reason)
  const files = new Map(archive.files)
  change(files)
  return writeArchive([...files].map(([name, bytes]) => ({ name, bytes })))
}
