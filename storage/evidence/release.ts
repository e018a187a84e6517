/**
 * Releases: what was kept is let go before its time, a legal hold lifted or a session shredded, by more than one person. What
 * was asked for is a text, so that whoever signed its digest signed for exactly that. Normative: FORMAT.md, section 3.8.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { isCount, isObject, parseObject } from './bytes.ts'
import { type HoldActor, readActor } from './hold.ts'
import { isPasskeySignature, type PasskeySignature, whyNotSigned } from './passkey.ts'
import { mayBeSame } from './person.ts'

export type ReleaseChange = 'lift_hold' | 'shred'

/** Who has to agree, besides who asks. */
export interface ReleaseTerms {
  /** So many other people; 0: nobody. */
  readonly quorum: number
  /** Of which group; empty for whoever may approve. */
  readonly group: string
  /** Each signs with a passkey. */
  readonly passkey: boolean
}

export interface AskedRelease {
  readonly id: string
  readonly gateway: string
  readonly change: ReleaseChange
  /** The name of the hold, or the id of the session. */
  readonly of: string
  readonly by: HoldActor
  /** Masked. */
  readonly reason: string
  readonly terms: ReleaseTerms
  readonly requested_us: number
  readonly expires_us: number
}

export interface ReleaseApproval extends HoldActor {
  /** Over the digest of what was asked for. */
  readonly passkey?: PasskeySignature
}

/** As it stands in the document of what was let go. */
export interface Release {
  /** {@link AskedRelease} as JSON: these bytes were hashed. */
  readonly asked: string
  readonly approvals: readonly ReleaseApproval[]
}

const approvals_max = 32
const asked_characters_max = 8_192

/** What an approver says yes to, hex. */
export const releaseDigest = (asked: string): string =>
  createHash('sha256').update('sluice-release-v1\n').update(asked).digest('hex')

export const writeAsked = (asked: AskedRelease): string => JSON.stringify(asked)

/** Undefined when it is not a whole request. */
export function readAsked(text: unknown): AskedRelease | undefined {
  if (typeof text !== 'string' || text.length > asked_characters_max) return undefined
  const facts = { ...parseObject(new TextEncoder().encode(text)) } as Record<string, unknown>
  const { id, gateway, change, of, reason, requested_us, expires_us } = facts
  const by = readActor(facts['by'])
  const terms = readReleaseTerms(facts['terms'])
  if (by === undefined || terms === undefined) return undefined
  if (typeof id !== 'string' || typeof gateway !== 'string' || typeof of !== 'string')
    return undefined
  if (typeof reason !== 'string' || !isCount(requested_us) || !isCount(expires_us)) return undefined
  if (change !== 'lift_hold' && change !== 'shred') return undefined
  return { id, gateway, change, of, by, reason, terms, requested_us, expires_us }
}

/** `release` of a `configuration.changed`. */
export function readReleaseTerms(value: unknown): ReleaseTerms | undefined {
  if (!isObject(value)) return undefined
  const { quorum, group, passkey } = value as Record<string, unknown>
  if (!isCount(quorum) || typeof group !== 'string' || typeof passkey !== 'boolean')
    return undefined
  return { quorum, group, passkey }
}

/** Whether less is wanted than before. */
export const isWeaker = (now: ReleaseTerms, before: ReleaseTerms): boolean =>
  now.quorum < before.quorum ||
  (before.group !== '' && now.group !== before.group) ||
  (before.passkey && !now.passkey)

/** `release` of a `hold.lifted` or a `session.shredded`. */
export function readRelease(value: unknown): Release | undefined {
  if (!isObject(value)) return undefined
  const { asked, approvals } = value as Record<string, unknown>
  if (typeof asked !== 'string' || !Array.isArray(approvals) || approvals.length > approvals_max)
    return undefined
  const read = approvals.map(readApproval)
  return read.every((each) => each !== undefined) ? { asked, approvals: read } : undefined
}

/** Of one who approved; undefined when it is nobody, or what they signed is no signature. */
export function readApproval(value: unknown): ReleaseApproval | undefined {
  const actor = readActor(value)
  if (actor === undefined || !isObject(value)) return undefined
  const { subject, issuer } = actor
  const passkey = value['passkey']
  if (passkey === undefined) return { subject, issuer }
  if (!isPasskeySignature(passkey)) return undefined
  return { subject, issuer, passkey: passkey as unknown as PasskeySignature } // It was checked.
}

/** What was let go, and by whom, as its own document says. */
export interface Released {
  readonly change: ReleaseChange
  readonly of: string
  readonly by: HoldActor
}

/** Why what the terms ask for is not there; undefined when it is. */
export function whyNotReleased(
  release: Release | undefined,
  { change, of, by }: Released,
  terms: ReleaseTerms,
): { readonly kind: 'missing' | 'not_signed'; readonly why: string } | undefined {
  if (terms.quorum === 0) return undefined
  const asked = readAsked(release?.asked)
  if (release === undefined || asked === undefined)
    return { kind: 'missing', why: 'nobody else has approved it' }
  if (asked.change !== change || asked.of !== of)
    return { kind: 'missing', why: 'what was approved is something else' }
  if (!mayBeSame(asked.by.subject, by.subject))
    return { kind: 'missing', why: 'somebody else had asked for it' }
  const others = release.approvals.filter(
    ({ subject }, at) =>
      !mayBeSame(subject, by.subject) &&
      release.approvals.findIndex((each) => mayBeSame(each.subject, subject)) === at,
  )
  if (others.length < terms.quorum)
    return {
      kind: 'missing',
      why: `${others.length} other ${others.length === 1 ? 'person has' : 'people have'} approved it, where ${terms.quorum} had to`,
    }
  if (terms.group !== '' && asked.terms.group !== terms.group)
    return { kind: 'missing', why: 'people of another group were asked' }
  const digest = releaseDigest(release.asked)
  for (const { subject, passkey } of release.approvals) {
    if (passkey === undefined && !terms.passkey) continue
    const why = passkey === undefined ? 'no passkey was used' : whyNotSigned(passkey, digest)
    if (why !== undefined)
      return { kind: 'not_signed', why: `the approval of ${JSON.stringify(subject)}: ${why}` }
  }
  return undefined
}
