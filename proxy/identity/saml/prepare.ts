/**
 * From a configuration to SAML providers whose metadata was read, before anybody signs in.
 *
 * @module
 */
import { checkIdp, type IdentityProvider, readIdpMetadata } from './metadata.ts'
import type { SamlSettings } from './provider.ts'

/** As a configuration has it. */
export interface SamlFiles
  extends Pick<SamlSettings, 'name' | 'groups_attribute' | 'page_session_s' | 'roles'> {
  readonly subject_attribute?: string
  readonly idp:
    | { readonly kind: 'metadata'; readonly xml: string }
    | (Omit<IdentityProvider, 'certificates'> & {
        readonly kind: 'named'
        /** PEM: one certificate, or several below each other. */
        readonly certificates: string
      })
}

export type Prepared =
  | { readonly ok: true; readonly settings: readonly SamlSettings[] }
  /** `index` of the provider. One line. */
  | { readonly ok: false; readonly index: number; readonly problem: string }

export async function prepareSaml(given: readonly SamlFiles[]): Promise<Prepared> {
  const settings: SamlSettings[] = []
  const entities = new Set<string>()
  for (const [index, each] of given.entries()) {
    const { idp, ...rest } = each
    const { subject_attribute } = rest
    // oxlint-disable-next-line no-await-in-loop -- the first that is wrong is told
    const read = await (idp.kind === 'metadata'
      ? readIdpMetadata(idp.xml)
      : checkIdp({ ...idp, certificates: pemsIn(idp.certificates) }))
    if (!read.ok) return { ok: false, index, problem: read.reason }
    const { entity_id, entry_point, certificates } = read.provider
    // People are known by it: with two entries nobody could tell which roles they have.
    if (entities.has(entity_id))
      return { ok: false, index, problem: 'another provider has this entity ID' }
    entities.add(entity_id)
    const provider = { entity_id, entry_point, certificates }
    settings.push({ ...rest, idp: provider, subject_attribute })
  }
  return { ok: true, settings }
}

const pemsIn = (text: string): readonly string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
