/**
 * The public name of an SSH key.
 *
 * @module
 */
import { sha256, toBase64 } from '../../storage/evidence/bytes.ts'

/** `SHA256:` and unpadded base64 of the wire blob's digest, as `ssh-keygen -l` prints it. */
export function fingerprint(blob: Uint8Array): string {
  return `SHA256:${toBase64(sha256(blob)).replace(/=+$/, '')}`
}
