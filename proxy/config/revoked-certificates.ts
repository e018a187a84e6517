/**
 * `identity.revoked_certificates`: certificates that count no more, as OpenSSH's KRL names them: by the key of their authority, and a
 * serial, a range of them, or a key id.
 *
 * @module
 */
import { fingerprint } from '../core/fingerprint.ts'
import { type RevokedCertificates, serial_max } from '../core/revoked-certificates.ts'
import type { Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { CertificateAuthority } from './model.ts'
import type { ConfigFile } from './schema.ts'

/** The gateway's own authority, whose key is in the data directory. */
export const gateway_authority = 'gateway'

export function revokedCertificates(
  file: ConfigFile,
  authorities: readonly CertificateAuthority[],
  { findings }: Surroundings,
): readonly RevokedCertificates[] {
  return (file.identity?.revoked_certificates ?? []).map((given, index) => {
    const at: Path = ['identity', 'revoked_certificates', index]
    const { authority = gateway_authority, serials = [], key_ids = [] } = given
    const named = authorities.find(({ name }) => name === authority)
    if (named === undefined && authority !== gateway_authority && !authority.startsWith('SHA256:'))
      findings.error(
        [...at, 'authority'],
        'expected a name of identity.ssh_ca, "gateway" for its own, or SHA256:...',
      )
    if (serials.length + key_ids.length === 0)
      findings.error(at, 'expected serials, key_ids, or both')
    return {
      authority: named === undefined ? authority : fingerprint(named.key.blob),
      serials: serials.flatMap((each, place) => {
        const range = rangeOf(each)
        if (range === undefined)
          findings.error(
            [...at, 'serials', place],
            'expected a serial from 1 to 18446744073709551615, or a range "FROM-TO"; one above 9007199254740991 in quotes',
          )
        return range ?? []
      }),
      key_ids,
    }
  })
}

/** 0 is what a certificate without a serial has: it names none, or all. */
function rangeOf(
  given: string | number,
): { readonly from: bigint; readonly to: bigint } | undefined {
  const text = typeof given === 'string' || Number.isSafeInteger(given) ? String(given) : ''
  const [, first = '', last = first] = /^(\d{1,20})(?:-(\d{1,20}))?$/.exec(text) ?? []
  if (first === '') return undefined
  const [from, to] = [BigInt(first), BigInt(last)]
  return from >= 1n && from <= to && to <= serial_max ? { from, to } : undefined
}
