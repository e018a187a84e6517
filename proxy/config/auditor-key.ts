/**
 * An auditor's public key: a JWK (RFC 7517) for ECDH-ES on P-256, to which every envelope is sealed.
 *
 * @module
 */
import { createHash, createPublicKey } from 'node:crypto'

/** An alias, so that it also fits where a JWK may have any member. */
export type AuditorJwk = Readonly<{ kty: 'EC'; crv: 'P-256'; x: string; y: string }>

export type ParsedAuditorKey =
  | { readonly ok: true; readonly jwk: AuditorJwk; readonly thumbprint: string }
  | { readonly ok: false; readonly reason: string }

export function parseAuditorKey(text: string): ParsedAuditorKey {
  let jwk: unknown
  try {
    jwk = JSON.parse(text)
  } catch {
    return refused('this is not a JWK: not JSON')
  }
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk))
    return refused('this is not a JWK')
  if ('keys' in jwk) return refused('this is a set of keys; give one JWK to a file')
  if ('d' in jwk || 'k' in jwk)
    return refused(
      "this is a private key, with which the gateway could open its own evidence; give the auditor's public one",
    )
  const { kty, crv, x, y } = jwk as Readonly<Record<string, unknown>>
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string')
    return refused('expected an EC key on P-256, as `sluice keygen auditor` makes it')
  try {
    // Refuses a point that is not on the curve.
    createPublicKey({ format: 'jwk', key: { kty, crv, x, y } })
  } catch {
    return refused('the point of this key is not on P-256')
  }
  return { ok: true, jwk: { kty, crv, x, y }, thumbprint: thumbprint(x, y) }
}

/** RFC 7638, section 3: SHA-256 over the required members in lexicographic order. */
export function thumbprint(x: string, y: string): string {
  const canonical = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y })
  return createHash('sha256').update(canonical).digest('base64url')
}

function refused(reason: string): ParsedAuditorKey {
  return { ok: false, reason }
}
