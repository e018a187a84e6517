/**
 * Certificates that count no more, by the key of their authority and what that one has written into them.
 *
 * @module
 */
import type { CertificateFacts } from './identity.ts'

export interface RevokedCertificates {
  /** `SHA256:` fingerprint of the authority's key. */
  readonly authority: string
  /** Both ends are in it. */
  readonly serials: readonly { readonly from: bigint; readonly to: bigint }[]
  readonly key_ids: readonly string[]
}

/** For who has one. */
export const certificate_revoked = 'your certificate was revoked: get a new one, or ask for it'

/** Serials have 64 bits (PROTOCOL.certkeys of OpenSSH). */
export const serial_max: bigint = 2n ** 64n - 1n

/** Made once for a list; asked for every certificate. */
export function createRevokedList(
  list: readonly RevokedCertificates[],
): (certificate: CertificateFacts) => boolean {
  const by_authority = new Map(
    [...Map.groupBy(list, ({ authority }) => authority)].map(([authority, all]) => {
      const serials = all.flatMap((each) => each.serials)
      return [
        authority,
        {
          single: new Set(serials.filter(({ from, to }) => from === to).map(({ from }) => from)),
          ranges: serials.filter(({ from, to }) => from < to),
          key_ids: new Set(all.flatMap((each) => each.key_ids)),
        },
      ]
    }),
  )
  return ({ authority, serial, key_id }) => {
    const of = by_authority.get(authority)
    if (of === undefined) return false
    if (of.key_ids.has(key_id)) return true
    const number = BigInt(serial)
    return of.single.has(number) || of.ranges.some(({ from, to }) => from <= number && number <= to)
  }
}
