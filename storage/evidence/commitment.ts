/**
 * Hiding commitments to raw bytes that a record does not show. Who knows the salt can open or test any
 * of them; who knows one nonce can prove one value. Normative: FORMAT.md, section 5.
 *
 * @module
 */
import { createHmac } from 'node:crypto'
import { assert } from './assert.ts'
import { isSessionId, sha256, toHex } from './bytes.ts'

/** Stream of a commitment besides 0 (input), 1 and 2 (output): the command of the channel. */
export const command_stream = 3

export const span_salt_bytes = 32

const transfer_label = new TextEncoder().encode('sluice-transfer-v1')
const label = new TextEncoder().encode('sluice-span-v1')
const commitment_prefix = Uint8Array.of(0x00)
const channel_max = 0xffffffff
const session_bytes = 16

/**
 * `HMAC-SHA-256(salt, label || session || u32be channel || u8 stream || u64be raw offset)`: known to
 * auditors by the salt, and told to others for one value alone.
 */
export function spanNonce(
  salt: Uint8Array,
  session: string,
  channel: number,
  stream: number,
  raw_offset: number,
): Uint8Array {
  assert(salt.length === span_salt_bytes && isSessionId(session), 'a session has a salt and an id')
  assert(channel >= 0 && channel <= channel_max, 'a channel has 32 bits')
  assert(stream >= 0 && stream <= command_stream, 'a stream is one of four')
  assert(Number.isSafeInteger(raw_offset) && raw_offset >= 0, 'an offset is a whole number')
  const place = Buffer.alloc(session_bytes + 4 + 1 + 8)
  place.write(session.replaceAll('-', ''), 'hex')
  place.writeUInt32BE(channel, session_bytes)
  place.writeUInt8(stream, session_bytes + 4)
  place.writeBigUInt64BE(BigInt(raw_offset), session_bytes + 5)
  return createHmac('sha256', salt).update(label).update(place).digest()
}

/** `SHA-256(0x00 || nonce || raw)`. */
export function commitSpan(nonce: Uint8Array, raw: Uint8Array): Uint8Array {
  return sha256(commitment_prefix, nonce, raw)
}

/** Whether a disclosed value is the one that a record commits to. `commitment` is hex. */
export function verifySpan(commitment: string, nonce: Uint8Array, raw: Uint8Array): boolean {
  return nonce.length === span_salt_bytes && toHex(commitSpan(nonce, raw)) === commitment
}

/**
 * What a record says of a file's content, hex: `HMAC-SHA-256(session HMAC key, label || SHA-256(content))`. Who
 * has the key compares it with what `sha256sum` says of a file; nobody else can guess a small one by it.
 */
export function transferDigest(hmac_key: Uint8Array, sha256_of_content: Uint8Array): string {
  return createHmac('sha256', hmac_key)
    .update(transfer_label)
    .update(sha256_of_content)
    .digest('hex')
}
