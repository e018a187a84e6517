/**
 * The gateway's own keys, made at the first start and kept in `DATA/keys`, readable by its user only.
 *
 * @module
 */
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface GatewayKeys {
  /** PKCS#8 DER, Ed25519: signs the API's bearer tokens. */
  readonly api_key: Uint8Array
  /** OpenSSH private key, as text. */
  readonly ssh_host_key: string
  /** The same: signs what inner connections show as a target's host key. */
  readonly ssh_host_ca: string
  /** The same: signs people's certificates. */
  readonly ssh_user_ca: string
}

/** Of one log, and so of one data directory. */
export interface LogKeys {
  /** `NAME/LOGID`: origin of the log and name of its key (C2SP tlog-checkpoint). LOGID is random, for good. */
  readonly origin: string
  /** PKCS#8 DER, Ed25519. */
  readonly log_key: Uint8Array
}

/** `make_ssh_key` returns a new Ed25519 key in OpenSSH's own format, which node:crypto does not write. */
export function loadGatewayKeys(data: string, make_ssh_key: () => string): GatewayKeys {
  const folder = keysFolder(data)
  return {
    api_key: der(keep(join(folder, 'api.pem'), makeEd25519)),
    ssh_host_key: keep(join(folder, 'ssh_host_ed25519'), make_ssh_key),
    ssh_host_ca: keep(join(folder, 'ssh_host_ca_ed25519'), make_ssh_key),
    ssh_user_ca: keep(join(folder, 'ssh_user_ca_ed25519'), make_ssh_key),
  }
}

export function loadLogKeys(data: string, name: string): LogKeys {
  const folder = keysFolder(data)
  const origin = keep(
    join(folder, 'log.origin'),
    () => `${name}/${randomBytes(8).toString('hex')}\n`,
  )
  return { origin: origin.trim(), log_key: der(keep(join(folder, 'log.pem'), makeEd25519)) }
}

function keysFolder(data: string): string {
  const folder = join(data, 'keys')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** Reads a secret file, or makes it: complete under its name, or not there. */
export function keep(path: string, make: () => string): string {
  if (!existsSync(path)) {
    const next = `${path}.new`
    writeFileSync(next, make(), { mode: 0o600 })
    chmodSync(next, 0o600)
    renameSync(next, path)
  }
  return readFileSync(path, 'utf8')
}

const makeEd25519 = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

const der = (pem: string): Uint8Array =>
  createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
