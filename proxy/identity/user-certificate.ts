/**
 * What the gateway certifies of somebody who has signed in: their subject, their groups, who vouched for them, and
 * nothing that they could choose but the key.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { CertificateContent } from '../core/ssh-certificate.ts'
import { sshString } from '../core/ssh-wire.ts'
import { groups_extension, issuer_extension, login_extension } from './certificate.ts'
import { certificate_early_s } from './limits.ts'
import type { Caller } from './token.ts'

export interface UserCertificateRequest {
  readonly caller: Pick<Caller, 'subject' | 'groups' | 'issuer' | 'ends_us' | 'login'>
  /** The blob of a plain key. */
  readonly key: Uint8Array
  readonly lifetime_s: number
}

/** Undefined when what they signed in by has ended, where that ends this too. `now_us`: UTC in microseconds. */
export function userCertificate(
  { caller, key, lifetime_s }: UserCertificateRequest,
  now_us: number,
): Omit<CertificateContent, 'authority'> | undefined {
  const now_s = Math.floor(now_us / 1_000_000)
  const ends_s = Math.floor((caller.ends_us ?? Number.POSITIVE_INFINITY) / 1_000_000)
  const valid_before_s = Math.min(now_s + lifetime_s, ends_s)
  if (valid_before_s <= now_s) return undefined
  const { subject, groups = [], issuer = gateway_issuer, login } = caller
  const option = (name: string, text: string) => ({ name, data: sshString(text) })
  return {
    key,
    serial: randomBytes(8).readBigUInt64BE(),
    type: 'user',
    key_id: subject,
    // The person, at every target: which accounts they may have there is policy's to say, each time.
    principals: [subject],
    valid_after_s: BigInt(now_s - certificate_early_s),
    valid_before_s: BigInt(valid_before_s),
    critical_options: [],
    extensions: [
      ...(groups.length === 0 ? [] : [option(groups_extension, JSON.stringify(groups))]),
      option(issuer_extension, issuer),
      ...(login === undefined ? [] : [option(login_extension, JSON.stringify(login))]),
    ],
  }
}

/** Who vouches for whoever has a token that `sluice token` made. */
export const gateway_issuer = 'sluice'
