/**
 * Authorities whose user certificates are accepted.
 *
 * @module
 */
import { fingerprint } from '../core/fingerprint.ts'
import type { Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { CertificateAuthority } from './model.ts'
import { isOnDevice, parsePublicKey } from './public-key.ts'
import type { ConfigFile } from './schema.ts'

export function certificateAuthorities(
  file: ConfigFile,
  { findings }: Surroundings,
): readonly CertificateAuthority[] {
  const names = new Set<string>()
  const blobs = new Set<string>()
  const people = (file.identity?.keys ?? []).map(({ key }) => key.split(/[ \t]+/)[1])
  return (file.identity?.ssh_ca ?? []).flatMap((given, index) => {
    const at: Path = ['identity', 'ssh_ca', index]
    const key_at: Path = typeof given === 'string' ? at : [...at, 'key']
    const parsed = parsePublicKey(typeof given === 'string' ? given : given.key)
    if (!parsed.ok) {
      findings.error(key_at, parsed.reason)
      return []
    }
    const { key } = parsed
    const base64 = Buffer.from(key.blob).toString('base64')
    if (isOnDevice(key))
      findings.error(
        key_at,
        'an authority with its key on a security device (sk-...) is not accepted',
      )
    if (blobs.has(base64)) findings.error(key_at, 'this authority is given twice')
    blobs.add(base64)
    // Whoever has it may be anybody: nobody should also log in with it.
    if (people.includes(base64))
      findings.error(key_at, 'identity.keys has this key too: an authority is nobody to log in as')
    const {
      name,
      subject = 'key_id',
      groups = [],
      groups_extension,
    } = typeof given === 'string' ? { name: fingerprint(key.blob) } : given
    if (names.has(name)) findings.error([...at, 'name'], 'another authority has this name')
    names.add(name)
    return [
      {
        ...{ name, key, subject, groups },
        ...(groups_extension === undefined ? {} : { groups_extension }),
      },
    ]
  })
}
