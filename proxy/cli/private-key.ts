/**
 * An auditor's private key from a file, and what it opens. Nothing of the key is ever printed.
 *
 * @module
 */
import type { JsonWebKey } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { parseObject } from '../../storage/evidence/bytes.ts'
import { type EnvelopeContent, openEnvelope, thumbprint } from '../../storage/evidence/envelope.ts'
import { envelopeRecipients } from '../../storage/evidence/recipients.ts'
import { type Call, type Option, UsageError, VerbError } from './verb.ts'

/** A JWK is a few hundred bytes. */
const key_bytes_max = 64 * 1024

export const key_option: Option = {
  value: 'JWK',
  help: "an auditor's private key, as sluice keygen auditor makes it",
}

export interface PrivateKey {
  readonly jwk: JsonWebKey
  readonly thumbprint: string
}

/** The key that `--key` names. Throws a {@link UsageError} or a {@link VerbError}. */
export async function readPrivateKey(call: Call): Promise<PrivateKey> {
  const file = call.text('key')
  if (file === undefined) throw new UsageError('--key JWK is missing')
  if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
  if (statSync(file).size > key_bytes_max) throw new VerbError(`${file}: too large for a key`)
  const jwk = parseObject(readFileSync(file))
  if (jwk === undefined) throw new VerbError(`${file}: this is not a JWK`)
  if (typeof jwk['d'] !== 'string')
    throw new VerbError(`${file}: this is a public key; the private one opens the envelope`)
  try {
    return { jwk, thumbprint: await thumbprint(jwk) }
  } catch (cause) {
    throw new VerbError(`${file}: expected a key on P-256 or X25519`, { cause })
  }
}

/** Throws a {@link VerbError} that says why the key does not open it. */
export async function openWith(
  sealed: Uint8Array,
  { jwk, thumbprint: name }: PrivateKey,
): Promise<EnvelopeContent> {
  const recipients = envelopeRecipients(sealed)
  if (recipients === undefined) throw new VerbError('this is no sealed envelope')
  if (!recipients.includes(name))
    throw new VerbError(
      `the envelope is sealed to ${recipients.join(', ')}, and this key is ${name}`,
    )
  const opened = await openEnvelope(sealed, jwk)
  if (opened.ok) return opened.content
  throw new VerbError(
    opened.reason === 'malformed'
      ? 'the envelope opens, and what is in it is not what an envelope has'
      : 'the envelope names this key, and does not open with it: it was changed',
  )
}
