/**
 * Who agrees before a legal hold is lifted, or a session shredded.
 *
 * @module
 */
import type { ReleaseTerms } from '../../storage/evidence/release.ts'
import type { Surroundings } from './credential.ts'
import type { ConfigFile } from './schema.ts'

/** Where people sign in as approvers there is a second one to ask, unless told otherwise. */
export function release(file: ConfigFile, { findings }: Surroundings): ReleaseTerms {
  const { quorum, group = '', passkey = false } = file.evidence?.release ?? {}
  const { oidc = [], saml = [] } = file.identity ?? {}
  const has_approvers = [...oidc, ...saml].some(({ roles }) => (roles?.approver ?? []).length > 0)
  const wanted = quorum ?? (has_approvers || group !== '' || passkey ? 1 : 0)
  if ((quorum ?? 0) > 0 && file.listen?.api === undefined)
    findings.error(['evidence', 'release'], 'listen.api is missing: nobody could approve')
  if (wanted === 0 && (group !== '' || passkey))
    findings.error(['evidence', 'release', 'quorum'], 'is 0: nobody would be asked')
  return { quorum: wanted, group, passkey }
}
