/**
 * Makes the bundle of a session that has ended.
 *
 * @module
 */
import { concat } from '../evidence/bytes.ts'
import type { Manifest } from '../evidence/manifest.ts'
import { leafHash } from '../evidence/merkle.ts'
import { type ArchivedFile, writeArchive } from './archive.ts'
import {
  type BundleProof,
  derivedFiles,
  encodeProof,
  envelope_name,
  leaves_name,
  page_name,
  proof_name,
  recordLine,
  records_name,
} from './contents.ts'
import { bundle_bytes_max } from './limits.ts'

export interface BundleParts {
  readonly proof: BundleProof
  readonly manifest: Manifest
  readonly envelope: Uint8Array
  /** From the beginning, each time. */
  records(): AsyncIterable<Uint8Array>
  readonly page: Uint8Array
}

/** The session has more than one file can hold. */
export class BundleError extends Error {
  override readonly name = 'BundleError'
  readonly code = 'bundle_too_large'
}

/** The same parts give the same bytes. Throws a {@link BundleError}. */
export async function makeBundle(parts: BundleParts): Promise<Uint8Array> {
  const { proof, manifest, envelope, page } = parts
  const leaves: Uint8Array[] = []
  const lines = async function* (): AsyncGenerator<string, void> {
    for await (const stored of parts.records()) {
      leaves.push(leafHash(stored))
      yield recordLine(stored)
    }
  }
  const budget = { bytes: 0 }
  const records = await gather(lines(), budget)
  const files: ArchivedFile[] = [
    { name: proof_name, bytes: encodeProof(proof) },
    { name: records_name, bytes: records },
    ...(manifest.leaves === undefined ? [] : [{ name: leaves_name, bytes: concat(leaves) }]),
    { name: envelope_name, bytes: envelope },
  ]
  for await (const { name, text } of derivedFiles(parts.records, manifest))
    files.push({ name, bytes: await gather(text, budget) })
  files.push({ name: page_name, bytes: page })
  try {
    return writeArchive(files)
  } catch (cause) {
    throw new BundleError(tooLarge, { cause })
  }
}

const tooLarge = `the session is larger than a bundle can be (${bundle_bytes_max} bytes)`

async function gather(text: AsyncIterable<string>, budget: { bytes: number }): Promise<Uint8Array> {
  const encoder = new TextEncoder()
  const parts: Uint8Array[] = []
  for await (const piece of text) {
    const bytes = encoder.encode(piece)
    budget.bytes += bytes.length
    if (budget.bytes > bundle_bytes_max) throw new BundleError(tooLarge)
    parts.push(bytes)
  }
  return concat(parts)
}
