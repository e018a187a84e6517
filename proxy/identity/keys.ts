/**
 * Who a public key belongs to. A key that is registered for two people proves neither.
 *
 * @module
 */
import type { Identify } from '../core/connector.ts'
import { fingerprint } from '../core/fingerprint.ts'
import type { Claim, Identity } from '../core/identity.ts'
import type { Denial } from '../core/verdict.ts'

/** A person or a service account, and one key of theirs. */
export interface KeyOwner {
  readonly subject: string
  readonly groups: readonly string[]
  /** `blob` as it goes over the wire (RFC 4253, section 6.6). */
  readonly key: { readonly blob: Uint8Array }
}

/** The registered keys, which may change while sessions run. */
export interface KeyRing {
  /** Asked for every key that a client probes; an answer is not yet a proof, which the signature is. */
  readonly identify: Identify
  /** Whether somebody whom a key of here let in would be let in by it now, as no less than they were. */
  holds(identity: Identity): boolean
  /** Of everybody who has a key under this name. */
  groups(subject: string): readonly string[]
  use(owners: readonly KeyOwner[]): void
}

export const keys_issuer = 'keys'

type Owners = ReadonlyMap<string, Identity | 'ambiguous'>

export function createKeyRing(first: readonly KeyOwner[]): KeyRing {
  let owners = ownersOf(first)
  return {
    identify: (claim) => Promise.resolve(identify(claim, owners)),
    holds(identity) {
      if (identity.issuer !== keys_issuer) return true
      return [...owners.values()].some(
        (owner) =>
          owner !== 'ambiguous' &&
          owner.credential === identity.credential &&
          owner.subject === identity.subject &&
          identity.groups.every((group) => owner.groups.includes(group)),
      )
    },
    groups: (subject) => [
      ...new Set(
        [...owners.values()].flatMap((owner) =>
          owner !== 'ambiguous' && owner.subject === subject ? owner.groups : [],
        ),
      ),
    ],
    use(next) {
      owners = ownersOf(next)
    },
  }
}

function ownersOf(keys: readonly KeyOwner[]): Owners {
  const owners = new Map<string, Identity | 'ambiguous'>()
  for (const { subject, groups, key } of keys) {
    const blob = nameOf(key.blob)
    const known = owners.get(blob)
    // Fail closed: whoever signed, the record would name one of them for the other.
    if (known !== undefined && (known === 'ambiguous' || known.subject !== subject)) {
      owners.set(blob, 'ambiguous')
      continue
    }
    const credential = fingerprint(key.blob)
    owners.set(blob, { issuer: keys_issuer, subject, groups, method: 'public_key', credential })
  }
  return owners
}

/** Who has something else than a key. */
export interface Others {
  readonly certificate: (claim: Extract<Claim, { kind: 'certificate' }>) => Identity | Denial
  /** Undefined where the token is of nobody who is known. */
  readonly token: (
    claim: Extract<Claim, { kind: 'token' }>,
  ) => Promise<Identity | Denial | undefined>
}

/** For a protocol in which somebody may show any of them. */
export function createIdentify(keys: Pick<KeyRing, 'identify'>, others: Others): Identify {
  return async (claim) => {
    switch (claim.kind) {
      case 'public_key':
        return keys.identify(claim)
      case 'certificate':
        return others.certificate(claim)
      case 'token':
        return (await others.token(claim)) ?? notAccepted
    }
  }
}

const notAccepted = denied('identity.token', 'this token is of nobody who is known here')

function identify(claim: Claim, owners: Owners): Identity | Denial {
  if (claim.kind !== 'public_key')
    return denied('identity.unknown_key', 'only keys are registered here')
  const owner = owners.get(nameOf(claim.blob))
  if (owner === undefined)
    return denied('identity.unknown_key', 'this key is not registered; ask for it to be added')
  if (owner === 'ambiguous')
    return denied(
      'identity.shared_key',
      'this key is registered for more than one person, so it identifies nobody',
    )
  return owner
}

function nameOf(blob: Uint8Array): string {
  return Buffer.from(blob).toString('base64')
}

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule, message }
}
