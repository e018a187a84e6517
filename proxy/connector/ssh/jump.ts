/**
 * `ssh -J GATEWAY ACCOUNT@TARGET`: the connection to the target comes inside of another one, and is served like
 * any that comes by the port. It shows the gateway's host key, certified for the target's name.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { Connector } from '../../core/connector.ts'
import { hostCertificate } from './certificate.ts'
import { parseKey } from './library.ts'

export interface Jump {
  /** Private Ed25519 key that signs for targets' names: clients have a `@cert-authority` line with its public half. */
  readonly authority: string
  /** Private Ed25519 key that it signs for. */
  readonly host_key: string
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
export function hostKeysFor(target: string, { authority, host_key, now_ms }: Jump): HostKeys {
  const key = parseKey(host_key)
  assert(!(key instanceof Error), 'the gateway made it')
  const certificate = hostCertificate({ key, principals: [target], authority, now_ms: now_ms() })
  return { hostKeys: [host_key], hostCertificates: [certificate] }
}
