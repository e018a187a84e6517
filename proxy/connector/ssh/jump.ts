/**
 * `ssh -J GATEWAY ACCOUNT@TARGET`: the connection to the target comes inside of another one, and is served like
 * any that comes by the port. It shows the gateway's host key, certified for the target's name.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { Connector } from '../../core/connector.ts'
import { hostCertificate } from './host-certificate.ts'
import { generateKey, type ParsedKey, parseKey } from './library.ts'

export interface Jump {
  /** Private Ed25519 key that signs for targets' names: clients have a `@cert-authority` line with its public half. */
  readonly authority: string
  readonly now_ms: () => number
  /** Takes a new connection; `connector` knows its target already. */
  open(connection: Duplex, source: string, connector: Connector): void
}

/** Where an inner connection goes, and who opened the outer one. */
export interface Preset {
  readonly target: string
  readonly subject: string
}

export interface HostKeys {
  readonly hostKeys: readonly string[]
  readonly hostCertificates: readonly Buffer[]
}

/** Host keys of a server that speaks for a target. */
export function hostKeysFor(target: string, host_keys: readonly string[], jump: Jump): HostKeys {
  // A gateway with keys of other types only makes one: its certificate says enough.
  const own = host_keys.find((text) => isEd25519(parseKey(text))) ?? generateKey('').private_key
  const key = parseKey(own)
  assert(!(key instanceof Error), 'it was read before')
  const { authority, now_ms } = jump
  return {
    hostKeys: [own, ...host_keys],
    hostCertificates: [hostCertificate({ key, principals: [target], authority, now_ms: now_ms() })],
  }
}

const isEd25519 = (key: ParsedKey | Error): boolean =>
  !(key instanceof Error) && key.type === 'ssh-ed25519'
