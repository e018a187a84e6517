/**
 * Signed notes as C2SP signed-note has them (https://c2sp.org/signed-note), with Ed25519 keys (RFC 8032):
 * a text, a blank line, signature lines. Every value has one spelling: unused bits of base64 are zero.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { assert } from './assert.ts'
import { equalBytes, fromBase64, sha256, toBase64, toText } from './bytes.ts'
import { note_bytes_max, note_signatures_max } from './limits.ts'

export interface NoteSigner {
  readonly name: string
  /** `NAME+HASH+KEY`, as Go's `note.NewVerifier` takes it. */
  readonly verifier_key: string
  /** The bytes of a signature line: key ID, then the signature of `text`. */
  sign(text: string): Uint8Array
}

export interface NoteVerifier {
  readonly name: string
  readonly verifier_key: string
  /** 4 bytes. */
  readonly key_id: Uint8Array
  verify(text: string, signature: Uint8Array): boolean
}

export interface NoteSignature {
  readonly name: string
  readonly key_id: Uint8Array
  readonly signature: Uint8Array
}

export interface Note {
  /** Ends in a newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

export type OpenedNote =
  | { readonly ok: true; readonly text: string; readonly signed_by: readonly NoteVerifier[] }
  | { readonly ok: false; readonly reason: 'malformed' | 'unknown_key' | 'wrong_signature' }

/** Signature type of Ed25519 in a key (C2SP signed-note, "Signature types"). */
const ed25519 = 0x01
const public_key_bytes = 32
const key_id_bytes = 4
const signature_prefix = '— '

/** `key` is PKCS#8 DER of an Ed25519 key. Throws when it is not. */
export function noteSigner(name: string, key: Uint8Array): NoteSigner {
  assert(isKeyName(name), 'a key name has neither spaces nor a plus')
  const private_key = createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' })
  assert(private_key.asymmetricKeyType === 'ed25519', 'the key of a log is Ed25519')
  const { x } = createPublicKey(private_key).export({ format: 'jwk' })
  assert(typeof x === 'string', 'an Ed25519 key has an x')
  const encoded = Buffer.concat([Uint8Array.of(ed25519), Buffer.from(x, 'base64url')])
  const key_id = keyId(name, encoded)
  return {
    name,
    verifier_key: verifierKey(name, key_id, encoded),
    sign: (text) => Buffer.concat([key_id, sign(null, Buffer.from(text), private_key)]),
  }
}

/** Reads `NAME+HASH+KEY`. Undefined for another algorithm, or a hash that is not the key's. */
export function noteVerifier(verifier_key: string): NoteVerifier | undefined {
  const [name = '', hash, ...rest] = verifier_key.split('+')
  // Base64 may have a plus of its own.
  const encoded = fromBase64(rest.join('+'))
  if (!isKeyName(name) || encoded?.length !== 1 + public_key_bytes) return undefined
  const key_id = keyId(name, encoded)
  if (encoded[0] !== ed25519 || hash !== Buffer.from(key_id).toString('hex')) return undefined
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
    verify: (text, signature) => verify(null, Buffer.from(text), public_key, signature),
  }
}

/** `text` ends in a newline. The note is UTF-8, owned by the caller. */
export function signNote(text: string, signers: readonly NoteSigner[]): Uint8Array {
  assert(isNoteText(text) && signers.length > 0, 'a note has a text and a signer')
  const lines = signers.map(
    (signer) => `${signature_prefix}${signer.name} ${toBase64(signer.sign(text))}\n`,
  )
  return new TextEncoder().encode(`${text}\n${lines.join('')}`)
}

/** Takes a note apart without believing it. */
export function parseNote(bytes: Uint8Array): Note | undefined {
  if (bytes.length > note_bytes_max) return undefined
  const note = toText(bytes)
  if (note === undefined || !hasOnlyNewlines(note)) return undefined
  // The text may have empty lines of its own: the last one ends it.
  const end = note.lastIndexOf('\n\n')
  if (end < 0 || !note.endsWith('\n')) return undefined
  const lines = note.slice(end + 2, -1).split('\n')
  if (lines.length > note_signatures_max) return undefined
  const signatures: NoteSignature[] = []
  for (const line of lines) {
    const signature = parseSignature(line)
    if (signature === undefined) return undefined
    signatures.push(signature)
  }
  return { text: note.slice(0, end + 1), signatures }
}

/**
 * Signatures of unknown keys are ignored; one wrong signature of a known key spoils the note, as C2SP
 * signed-note recommends.
 */
export function openNote(bytes: Uint8Array, known: readonly NoteVerifier[]): OpenedNote {
  const note = parseNote(bytes)
  if (note === undefined) return { ok: false, reason: 'malformed' }
  const signed_by: NoteVerifier[] = []
  for (const { name, key_id, signature } of note.signatures) {
    const verifier = known.find((key) => key.name === name && equalBytes(key.key_id, key_id))
    if (verifier === undefined) continue
    if (!verifier.verify(note.text, signature)) return { ok: false, reason: 'wrong_signature' }
    if (!signed_by.includes(verifier)) signed_by.push(verifier)
  }
  if (signed_by.length === 0) return { ok: false, reason: 'unknown_key' }
  return { ok: true, text: note.text, signed_by }
}

function parseSignature(line: string): NoteSignature | undefined {
  if (!line.startsWith(signature_prefix)) return undefined
  const [name = '', base64 = '', ...rest] = line.slice(signature_prefix.length).split(' ')
  const bytes = fromBase64(base64)
  if (rest.length > 0 || !isKeyName(name)) return undefined
  if (bytes === undefined || bytes.length <= key_id_bytes) return undefined
  return {
    name,
    key_id: bytes.subarray(0, key_id_bytes),
    signature: bytes.subarray(key_id_bytes),
  }
}

/** `SHA-256(name || 0x0A || type || public key)[:4]`. */
function keyId(name: string, encoded: Uint8Array): Uint8Array {
  return sha256(Buffer.from(`${name}\n`), encoded).subarray(0, key_id_bytes)
}

function verifierKey(name: string, key_id: Uint8Array, encoded: Uint8Array): string {
  return `${name}+${Buffer.from(key_id).toString('hex')}+${toBase64(encoded)}`
}

/** Neither white space nor a plus. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && !/[\p{White_Space}+]/u.test(name) && hasOnlyNewlines(name)
}

function isNoteText(text: string): boolean {
  return text.endsWith('\n') && hasOnlyNewlines(text)
}

/** No control character below U+0020 but a newline. */
function hasOnlyNewlines(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x20 && unit !== 0x0a) return false
  }
  return true
}
