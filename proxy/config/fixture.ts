/**
 * For tests: files that a configuration may name, keys of every kind that is accepted or refused,
 * made by `ssh-keygen`.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LoadedConfig, parseConfig } from '../config.ts'

export interface ConfigFixture {
  readonly folder: string
  /** `HOST` in the text becomes an Ed25519 public key, `RSA` one that is too weak. */
  readonly parse: (text: string) => LoadedConfig
  /** The line that such a text is refused with, or `accepted`. */
  readonly problemOf: (text: string) => string
  readonly remove: () => void
}

export const auditors = 'evidence: { auditors: [auditor.jwk] }'

export const target = (rest: string): string => `${auditors}
targets:
  - name: web-1
    protocol: ssh
    address: 10.0.0.5:22
${rest}`

/** The account's mapping begins at line 8, column 15. */
export const account = (mapping: string): string =>
  target(`    host_key: HOST
    accounts:
      deploy: ${mapping}
`)

const env = { DEPLOY_PASSWORD: 'from the environment', KEYS: '.' }
const open = ['-N', '']
const locked = ['-N', 'swordfish']

export function createConfigFixture(): ConfigFixture {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'))
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim()
  const write = (name: string, text: string, mode = 0o600): void => {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), mode)
  }
  const keygen = (name: string, ...options: string[]): void => {
    const path = join(folder, name)
    const made = Bun.spawnSync(['ssh-keygen', '-q', '-f', path, '-C', name, ...options])
    if (made.exitCode !== 0) throw new Error(made.stderr.toString())
  }
  keygen('deploy', '-t', 'ed25519', ...open)
  keygen('weak', '-t', 'rsa', '-b', '1024', '-m', 'PEM', ...open)
  keygen('locked', '-t', 'ed25519', ...locked)
  keygen('locked-pem', '-t', 'rsa', '-b', '2048', '-m', 'PEM', ...locked)
  keygen('ec-pem', '-t', 'ecdsa', '-b', '256', '-m', 'PEM', ...open)
  keygen('pkcs8', '-t', 'rsa', '-b', '2048', '-m', 'PKCS8', ...open)
  const jwk = (curve: string, half: 'publicKey' | 'privateKey'): string =>
    JSON.stringify(generateKeyPairSync('ec', { namedCurve: curve })[half].export({ format: 'jwk' }))
  write('auditor.jwk', jwk('P-256', 'publicKey'), 0o644)
  write('auditor-private.jwk', jwk('P-256', 'privateKey'))
  write('p384.jwk', jwk('P-384', 'publicKey'))
  write('password', 'tr0ub4dor\n')
  write('password-open', 'tr0ub4dor\n', 0o644)
  write('empty', '\n')
  write('garbage', 'hello\n')
  write('cut', read('deploy').slice(0, 200))
  const host = read('deploy.pub')
  const rsa = read('weak.pub')
  const parse = (text: string): LoadedConfig =>
    parseConfig(text.replaceAll('HOST', host).replaceAll('RSA', rsa), 's.yaml', folder, env)
  return {
    folder,
    parse,
    problemOf(text) {
      const parsed = parse(text)
      // The width of a generated key is not known here.
      return parsed.ok
        ? 'accepted'
        : parsed.problem.replace(/:6:\d+ (targets\[0\]\.host_key\[1\])/, ':6:X $1')
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}
