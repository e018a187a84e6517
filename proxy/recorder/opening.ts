/**
 * What a session begins with: its secrets, the envelope that seals them to the auditors, and the facts
 * that its start document and its manifest share.
 *
 * @module
 */
import { type JsonWebKey, randomBytes } from 'node:crypto'
import { sha256, toBase64, toHex } from '../../storage/evidence/bytes.ts'
import { digestOf } from '../../storage/evidence/document.ts'
import { sealEnvelope } from '../../storage/evidence/envelope.ts'
import type { SessionFacts } from '../../storage/evidence/manifest.ts'
import type { SessionStart } from '../core/ports.ts'
import { type MaskerSource, maskPlain } from '../tap/sink.ts'
import type { SessionSecrets } from './trail-state.ts'

export interface OpeningParts {
  readonly gateway: string
  /** Public JWKs, and their RFC 7638 thumbprints in the same order. */
  readonly auditors: readonly JsonWebKey[]
  readonly recipients: readonly string[]
  readonly hashes: Readonly<Record<'policy_hash' | 'rules_hash' | 'module_hash', string>>
}

export interface Opening {
  readonly id: string
  readonly facts: SessionFacts
  readonly secrets: SessionSecrets
  /** A JWE; its digest is `facts.envelope`. */
  readonly envelope: Uint8Array
}

export async function openSession(
  start: SessionStart,
  parts: OpeningParts,
  now_us: number,
): Promise<Opening> {
  const id = Bun.randomUUIDv7('hex', Math.floor(now_us / 1000))
  const secrets = {
    salt: randomBytes(32),
    sealing_key: randomBytes(32),
    hmac_key: randomBytes(32),
  }
  const fields = Object.entries(start.proof.fields).map(([name, bytes]) => [name, toBase64(bytes)])
  const proof = new TextEncoder().encode(
    JSON.stringify({ kind: start.proof.kind, fields: Object.fromEntries(fields) }),
  )
  const envelope = await sealEnvelope(parts.auditors, { session: id, ...secrets, proof })
  const { identity, protocol, account, target, labels, source, context } = start
  const { policy_hash, rules_hash, module_hash } = parts.hashes
  return {
    id,
    secrets,
    envelope,
    facts: {
      session: id,
      gateway: parts.gateway,
      time: new Date(Math.floor(now_us / 1000)).toISOString(),
      protocol,
      account,
      target,
      labels,
      source,
      context,
      identity,
      proof_hash: toHex(sha256(secrets.salt, proof)),
      envelope: digestOf(envelope),
      recipients: parts.recipients,
      policy_hash,
      rules_hash,
      module_hash,
    },
  }
}

/** A login name is what somebody typed, and a client's version what it says: either may be a password. */
export function maskedStart(start: SessionStart, maskers: MaskerSource): SessionStart {
  const plain = (text: string): string => maskPlain(maskers, text)
  const context = Object.entries(start.context).map(([name, value]) => [name, plain(value)])
  return {
    ...start,
    account: plain(start.account),
    target: plain(start.target),
    context: Object.fromEntries(context),
  }
}
