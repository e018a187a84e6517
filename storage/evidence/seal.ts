/**
 * Values that only auditors read, sealed into records as they come: AES-256-GCM under the session's
 * sealing key, the record's sequence as nonce. Normative: FORMAT.md, section 6.2.
 *
 * @module
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { assert } from './assert.ts'
import { concat } from './bytes.ts'

export const sealing_key_bytes = 32

const algorithm = 'aes-256-gcm'
const tag_bytes = 16

/** Ciphertext, then the tag. A sequence seals once: a second time would give both values away. */
export function sealValue(key: Uint8Array, seq: number, value: Uint8Array): Uint8Array {
  assert(key.length === sealing_key_bytes, 'a sealing key has 32 bytes')
  const cipher = createCipheriv(algorithm, key, nonceOf(seq))
  return concat([cipher.update(value), cipher.final(), cipher.getAuthTag()])
}

/** Undefined when the key or the sequence is another, or a byte was changed. */
export function openValue(
  key: Uint8Array,
  seq: number,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (key.length !== sealing_key_bytes || sealed.length < tag_bytes) return undefined
  const end = sealed.length - tag_bytes
  const decipher = createDecipheriv(algorithm, key, nonceOf(seq), { authTagLength: tag_bytes })
  decipher.setAuthTag(sealed.subarray(end))
  try {
    return concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
  } catch {
    return undefined
  }
}

/** 12 bytes, big-endian. */
function nonceOf(seq: number): Uint8Array {
  assert(Number.isSafeInteger(seq) && seq >= 0, 'a sequence is a whole number')
  const nonce = Buffer.alloc(12)
  nonce.writeBigUInt64BE(BigInt(seq), 4)
  return nonce
}
