/**
 * Cosignatures of witnesses as C2SP tlog-cosignature has them (https://c2sp.org/tlog-cosignature), cosignature/v1: a
 * witness that saw a checkpoint, and that it continues the ones before, signs it with the time.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { assert } from './assert.ts'
import { equalBytes, fromBase64, sha256, toBase64, toHex } from './bytes.ts'
import { isKeyName, type NoteSignature } from './note.ts'

export interface Cosigner {
  readonly name: string
  /** `NAME+HASH+KEY`, with the type of cosignature/v1. */
  readonly verifier_key: string
  /** A signature line for a note's text, with its newline. `time_s` is UTC, seconds. */
  cosign(text: string, time_s: number): string
}

export interface Witness {
  readonly name: string
  readonly verifier_key: string
  /** 4 bytes. */
  readonly key_id: Uint8Array
  /** When it saw the checkpoint (UTC, seconds); undefined when the signature is not of this text. */
  verify(text: string, signature: Uint8Array): number | undefined
}

export type Cosigned =
  | { readonly kind: 'seen'; readonly time_s: number }
  /** It has no signature of that witness, or one that is wrong. */
  | { readonly kind: 'unsigned' | 'wrong' }

/** Signature type of a timestamped Ed25519 signature (C2SP signed-note, "Signature types"). */
const timestamped = 0x04
const key_bytes = 32
const key_id_bytes = 4
const time_bytes = 8
const signature_bytes = time_bytes + 64

/** `key` is PKCS#8 DER of an Ed25519 key. Throws when it is not. */
export function cosigner(name: string, key: Uint8Array): Cosigner {
  assert(isKeyName(name), 'a key name has neither spaces nor a plus')
  const private_key = createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' })
  assert(private_key.asymmetricKeyType === 'ed25519', 'the key of a witness is Ed25519')
  const { x } = createPublicKey(private_key).export({ format: 'jwk' })
  assert(typeof x === 'string', 'an Ed25519 key has an x')
  const encoded = Buffer.concat([Uint8Array.of(timestamped), Buffer.from(x, 'base64url')])
  const key_id = keyId(name, encoded)
  return {
    name,
    verifier_key: `${name}+${toHex(key_id)}+${toBase64(encoded)}`,
    cosign(text, time_s) {
      const time = Buffer.alloc(time_bytes)
      time.writeBigUInt64BE(BigInt(time_s))
      const signature = sign(null, signedBytes(text, BigInt(time_s)), private_key)
      return `— ${name} ${toBase64(Buffer.concat([key_id, time, signature]))}\n`
    },
  }
}

/** Reads `NAME+HASH+KEY`. Undefined for another algorithm, or a hash that is not the key's. */
export function parseWitness(verifier_key: string): Witness | undefined {
  const [name = '', hash, ...rest] = verifier_key.split('+')
  const encoded = fromBase64(rest.join('+'))
  if (!isKeyName(name) || encoded?.length !== 1 + key_bytes) return undefined
  const key_id = keyId(name, encoded)
  if (encoded[0] !== timestamped || hash !== toHex(key_id)) return undefined
  const x = Buffer.from(encoded.subarray(1)).toString('base64url')
  let public_key: KeyObject
  try {
    public_key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  } catch {
    return undefined
  }
  return {
    name,
    verifier_key,
    key_id,
    verify(text, signature) {
      if (signature.length !== signature_bytes) return undefined
      const view = new DataView(signature.buffer, signature.byteOffset, signature.byteLength)
      const time_s = view.getBigUint64(0)
      // A time that no clock has is none; 0 means that the witness says nothing of it.
      if (time_s === 0n || time_s > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
      const is_signed = verify(
        null,
        signedBytes(text, time_s),
        public_key,
        signature.subarray(time_bytes),
      )
      return is_signed ? Number(time_s) : undefined
    },
  }
}

/** What a witness says of a note's text. Of several signatures of its key, one that is wrong spoils all. */
export function cosignedBy(
  { name, key_id, verify: seen }: Witness,
  text: string,
  signatures: readonly NoteSignature[],
): Cosigned {
  let newest: Cosigned = { kind: 'unsigned' }
  for (const { name: by, key_id: id, signature } of signatures) {
    if (by !== name || !equalBytes(id, key_id)) continue
    const time_s = seen(text, signature)
    if (time_s === undefined) return { kind: 'wrong' }
    if (newest.kind !== 'seen' || newest.time_s < time_s) newest = { kind: 'seen', time_s }
  }
  return newest
}

/** Two lines, then the note's text. */
function signedBytes(text: string, time_s: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time_s}\n${text}`)
}

function keyId(name: string, encoded: Uint8Array): Uint8Array {
  return sha256(Buffer.from(`${name}\n`), encoded).subarray(0, key_id_bytes)
}
