/**
 * The certificate that a client shows over TLS, by the name that a token bound to it has.
 *
 * @module
 */
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { VerbError } from './verb.ts'

/** Base64url of the SHA-256 of the first certificate of a PEM file (RFC 8705, section 3.1). */
export function certificateThumbprint(path: string): string {
  let pem: Buffer
  try {
    pem = readFileSync(path)
  } catch (error) {
    throw new VerbError(`${path}: cannot be read`, { cause: error })
  }
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
  } catch {
    throw new VerbError(`${path}: is not a certificate in PEM`)
  }
}
