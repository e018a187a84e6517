/**
 * A session's own key, and its objects encrypted under it: without the key a copy under lock says nothing any more. Pure.
 * Normative: FORMAT.md, section 6.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { assert } from '../evidence/assert.ts'
import { concat, equalBytes, sha256 } from '../evidence/bytes.ts'

const text = new TextEncoder()
const key_magic = text.encode('sluice/session-key v1\n')
const object_magic = text.encode('sluice/encrypted v1\n')
const commitment_label = text.encode('sluice-session-key-v1')

const key_bytes = 32
const commitment_bytes = 32
export const nonce_bytes = 12
const tag_bytes = 16
const algorithm = 'aes-256-gcm'
const nonce_at = object_magic.length + commitment_bytes
const cipher_at = nonce_at + nonce_bytes

export const newSessionKey = (): Uint8Array => randomBytes(key_bytes)
export const newNonce = (): Uint8Array => randomBytes(nonce_bytes)

/** The object that has the key. */
export function encodeSessionKey(key: Uint8Array): Uint8Array {
  assert(key.length === key_bytes, 'a session key has 32 bytes')
  return concat([key_magic, key])
}

/** Undefined when it is none. Borrowed from `body`. */
export function decodeSessionKey(body: Uint8Array): Uint8Array | undefined {
  const is_whole = body.length === key_magic.length + key_bytes && startsWith(body, key_magic)
  return is_whole ? body.subarray(key_magic.length) : undefined
}

/** What each encrypted object says of its key: of 256 random bits it gives nothing away. */
export function commitToKey(key: Uint8Array, session: string): Uint8Array {
  return sha256(commitment_label, Buffer.from(session.replaceAll('-', ''), 'hex'), key)
}

/**
 * The body of the object `name` (its key in the bucket, without the prefix), of these parts one after the other.
 *
 * @param nonce never twice under one key
 */
export function encryptObject(
  parts: readonly Uint8Array[],
  { key, session, name, nonce }: Under & { readonly key: Uint8Array; readonly nonce: Uint8Array },
): Uint8Array {
  assert(key.length === key_bytes && nonce.length === nonce_bytes, 'a key and a nonce are whole')
  const cipher = createCipheriv(algorithm, key, nonce)
  cipher.setAAD(text.encode(name))
  const head = [object_magic, commitToKey(key, session), nonce]
  const body = parts.map((part) => cipher.update(part))
  return concat([...head, ...body, cipher.final(), cipher.getAuthTag()])
}

interface Under {
  readonly session: string
  readonly name: string
}

/** The commitment of an encrypted object; undefined of one that is not. Borrowed from `body`. */
export function commitmentOf(body: Uint8Array): Uint8Array | undefined {
  return body.length >= cipher_at + tag_bytes && startsWith(body, object_magic)
    ? body.subarray(object_magic.length, nonce_at)
    : undefined
}

/** Undefined when a byte of it is another, or its name is. Of the key that it is committed to. */
export function decryptObject(
  body: Uint8Array,
  key: Uint8Array,
  name: string,
): Uint8Array | undefined {
  const tag_at = body.length - tag_bytes
  const nonce = body.subarray(nonce_at, cipher_at)
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tag_bytes })
  decipher.setAAD(text.encode(name))
  decipher.setAuthTag(body.subarray(tag_at))
  const plain = decipher.update(body.subarray(cipher_at, tag_at))
  try {
    decipher.final()
    return plain
  } catch {
    return undefined
  }
}

const startsWith = (body: Uint8Array, magic: Uint8Array): boolean =>
  equalBytes(body.subarray(0, magic.length), magic)
