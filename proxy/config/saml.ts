/**
 * The SAML providers of a config, with the files that describe them.
 *
 * @module
 */
import { resolve } from 'node:path'
import { expand, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { SamlFile } from './identity-schema.ts'
import type { SamlConfig } from './model.ts'
import { readNamedFile } from './named-file.ts'
import { givenRoles } from './oidc.ts'
import type { ConfigFile } from './schema.ts'

/** One provider's metadata has some KiB; what has more describes many, and is refused later by name. */
const metadata_bytes_max = 1024 * 1024

const named_keys = ['idp_entity_id', 'entry_point', 'idp_cert_file'] as const

/** Nobody can be asked about it meanwhile; who is still signed in at the provider is back by one redirection. */
const page_session_s_default: number = 60 * 60

export function samlProviders(file: ConfigFile, around: Surroundings): readonly SamlConfig[] {
  const { findings } = around
  const given = file.identity?.saml ?? []
  if (given.length > 0 && file.listen?.api === undefined)
    findings.error(['identity', 'saml'], 'needs listen.api: people sign in on its pages')
  const names = new Set((file.identity?.oidc ?? []).map(({ name }) => name))
  return given.flatMap((each, index) => {
    const at: Path = ['identity', 'saml', index]
    const { name, groups_attribute, subject_attribute, roles } = each
    if (names.has(name)) findings.error([...at, 'name'], 'another provider has this name')
    names.add(name)
    const idp = describedIn(each, at, around)
    if (idp === undefined) return []
    return {
      name,
      idp,
      groups_attribute: groups_attribute ?? 'groups',
      page_session_s: each.page_session_s ?? page_session_s_default,
      ...(subject_attribute === undefined ? {} : { subject_attribute }),
      roles: givenRoles(roles),
    }
  })
}

function describedIn(
  given: SamlFile,
  at: Path,
  around: Surroundings,
): SamlConfig['idp'] | undefined {
  const { idp_metadata_file, idp_entity_id, entry_point, idp_cert_file } = given
  const named = named_keys.filter((key) => given[key] !== undefined)
  if ((idp_metadata_file === undefined) === (named.length === 0)) {
    around.findings.error(at, `expected either idp_metadata_file, or ${named_keys.join(', ')}`)
    return undefined
  }
  if (idp_metadata_file !== undefined) {
    const xml = read(idp_metadata_file, [...at, 'idp_metadata_file'], around)
    return xml === undefined ? undefined : { kind: 'metadata', xml }
  }
  if (idp_entity_id === undefined || entry_point === undefined || idp_cert_file === undefined) {
    const missing = named_keys.filter((key) => given[key] === undefined)
    around.findings.error(at, `${missing.join(', ')} is missing`)
    return undefined
  }
  const certificates = read(idp_cert_file, [...at, 'idp_cert_file'], around)
  if (certificates === undefined) return undefined
  return { kind: 'named', entity_id: idp_entity_id, entry_point, certificates }
}

function read(shown: string, at: Path, around: Surroundings): string | undefined {
  const path = resolve(around.folder, expand(shown, at, around))
  const found = readNamedFile(path, shown, false, metadata_bytes_max)
  if (found.ok) return found.text
  around.findings.error(at, found.reason)
  return undefined
}
