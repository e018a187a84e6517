/**
 * The sealed envelope of a session: what only auditors may know, encrypted to each of their keys as a
 * JWE (RFC 7516, general JSON; RFC 7518, sections 4.6 and 5.3). Normative: FORMAT.md, section 6.1.
 *
 * @module
 */
import type { JsonWebKey } from 'node:crypto'
import { calculateJwkThumbprint, GeneralEncrypt, generalDecrypt, importJWK, type JWK } from 'jose'
import { assert } from './assert.ts'
import { fromBase64, isSessionId, parseObject, toBase64 } from './bytes.ts'
import { auditors_max, envelope_bytes_max } from './limits.ts'

export interface EnvelopeContent {
  readonly session: string
  /** 32 bytes: key of the span nonces, and salt of the proof's hash. */
  readonly salt: Uint8Array
  /** 32 bytes, for `seal.ts`. */
  readonly sealing_key: Uint8Array
  /** 32 bytes, for digests that an auditor recomputes. */
  readonly hmac_key: Uint8Array
  /** What proves the identity again; JSON, as the gateway made it (FORMAT.md). */
  readonly proof: Uint8Array
}

export type OpenedEnvelope =
  | { readonly ok: true; readonly content: EnvelopeContent }
  | { readonly ok: false; readonly reason: 'malformed' | 'not_for_this_key' }

/** An auditor's key cannot be used: it is neither P-256 nor X25519, or is damaged. */
export class AuditorKeyError extends Error {
  override readonly name = 'AuditorKeyError'
  readonly code = 'auditor_key_unusable'
}

const magic = 'sluice/envelope v1'
const key_algorithm = 'ECDH-ES+A256KW'
const content_algorithm = 'A256GCM'

/**
 * UTF-8 JSON, owned by the caller. `auditors` are JWKs, P-256 or X25519; private members are ignored.
 * Throws an {@link AuditorKeyError}.
 */
export async function sealEnvelope(
  auditors: readonly JsonWebKey[],
  content: EnvelopeContent,
): Promise<Uint8Array> {
  assert(auditors.length > 0 && auditors.length <= auditors_max, 'an envelope has readers')
  const text = JSON.stringify({
    magic,
    session: content.session,
    salt: toBase64(content.salt),
    sealing_key: toBase64(content.sealing_key),
    hmac_key: toBase64(content.hmac_key),
    proof: toBase64(content.proof),
  })
  const jwe = new GeneralEncrypt(new TextEncoder().encode(text)).setProtectedHeader({
    enc: content_algorithm,
    typ: magic,
  })
  for (const auditor of auditors) {
    const key = publicPart(auditor)
    const kid = await thumbprint(key)
    const imported = await importJWK(key, key_algorithm).catch((cause: unknown) => {
      throw new AuditorKeyError('the auditor key cannot be read', { cause })
    })
    jwe.addRecipient(imported).setUnprotectedHeader({ alg: key_algorithm, kid })
  }
  const sealed = new TextEncoder().encode(JSON.stringify(await jwe.encrypt()))
  assert(sealed.length <= envelope_bytes_max, 'an envelope is within its limit')
  return sealed
}

/** Opens with one auditor's private JWK. */
export async function openEnvelope(
  sealed: Uint8Array,
  auditor: JsonWebKey,
): Promise<OpenedEnvelope> {
  const jwe = sealed.length > envelope_bytes_max ? undefined : parseObject(sealed)
  if (jwe === undefined) return { ok: false, reason: 'malformed' }
  let plaintext: Uint8Array
  try {
    const key = await importJWK(auditor as JWK, key_algorithm) // A JWK of another library's type.
    const options = {
      keyManagementAlgorithms: [key_algorithm],
      contentEncryptionAlgorithms: [content_algorithm],
    }
    // jose checks the members of a JWE by itself.
    const opened = await generalDecrypt(jwe as never, key, options)
    plaintext = opened.plaintext
  } catch {
    return { ok: false, reason: 'not_for_this_key' }
  }
  const content = readContent(plaintext)
  return content === undefined ? { ok: false, reason: 'malformed' } : { ok: true, content }
}

/** RFC 7638 with SHA-256, base64url. Throws an {@link AuditorKeyError}. */
export async function thumbprint(auditor: JsonWebKey): Promise<string> {
  return calculateJwkThumbprint(publicPart(auditor), 'sha256').catch((cause: unknown) => {
    throw new AuditorKeyError('the auditor key cannot be read', { cause })
  })
}

/** A private key given by mistake must not reach further. */
function publicPart({ kty, crv, x, y }: JsonWebKey): JWK {
  if (kty === 'EC' && crv === 'P-256' && x !== undefined && y !== undefined)
    return { kty, crv, x, y }
  if (kty === 'OKP' && crv === 'X25519' && x !== undefined) return { kty, crv, x }
  throw new AuditorKeyError('an auditor key is P-256 or X25519')
}

function readContent(plaintext: Uint8Array): EnvelopeContent | undefined {
  const facts = parseObject(plaintext)
  if (facts?.['magic'] !== magic || !isSessionId(facts['session'])) return undefined
  const [salt, sealing_key, hmac_key, proof] = ['salt', 'sealing_key', 'hmac_key', 'proof'].map(
    (name) => {
      const value = facts[name]
      return typeof value === 'string' ? fromBase64(value) : undefined
    },
  )
  if (salt?.length !== 32 || sealing_key?.length !== 32 || hmac_key?.length !== 32) return undefined
  if (proof === undefined) return undefined
  return { session: facts['session'], salt, sealing_key, hmac_key, proof }
}
