/**
 * The certificate that the gateway shows to its clients, and the key that belongs to it.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { expand, namedSecret, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { ServerCertificate } from './model.ts'
import { readNamedFile } from './named-file.ts'
import type { ConfigFile } from './schema.ts'
import { Secret } from './secret.ts'

export function serverCertificate(
  file: ConfigFile,
  around: Surroundings,
): ServerCertificate | undefined {
  const given = file.gateway?.tls
  if (given === undefined) return undefined
  const at: Path = ['gateway', 'tls']
  const cert = certificates(given.cert_file, [...at, 'cert_file'], around)
  const key = namedSecret(given.key_file, [...at, 'key_file'], around)
  if (cert === undefined || key === undefined) return undefined
  const refuse = (reason: string): undefined => {
    around.findings.error([...at, 'key_file'], `${key.shown}: ${reason}`)
  }
  try {
    const private_key = createPrivateKey(key.text)
    if (!new X509Certificate(cert).checkPrivateKey(private_key))
      return refuse('this is not the key of the certificate')
  } catch {
    return refuse('expected a private key in PEM, without a passphrase')
  }
  return { cert, key: new Secret(key.text) }
}

/** A file of certificates in PEM; undefined, and a finding, when it is none. */
export function certificates(shown: string, at: Path, around: Surroundings): string | undefined {
  const path = resolve(around.folder, expand(shown, at, around))
  const read = readNamedFile(path, shown, false)
  if (!read.ok) {
    around.findings.error(at, read.reason)
    return undefined
  }
  try {
    void new X509Certificate(read.text)
    return read.text
  } catch {
    around.findings.error(at, `${shown}: expected a certificate in PEM`)
    return undefined
  }
}
