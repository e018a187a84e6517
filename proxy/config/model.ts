/**
 * The validated configuration, as the rest of the gateway sees it.
 *
 * @module
 */
import type { Address } from './address.ts'
import type { AuditorJwk } from './auditor-key.ts'
import type { SshPublicKey } from './public-key.ts'
import type { Choice, PackName } from './schema.ts'
import type { Secret } from './secret.ts'

/** Deeply frozen. Paths are absolute; a path in the file is relative to the file. */
export interface Config {
  readonly gateway: {
    /** Becomes part of the log's origin. Default `sluice`. */
    readonly name: string
    /** The data directory. Default `./data`. */
    readonly data: string
    /** Empty: the gateway makes its own in the data directory. */
    readonly ssh_host_keys: readonly PrivateKey[]
  }
  /** A listener that is absent is off. */
  readonly listen: { readonly ssh?: Address; readonly api?: Address }
  readonly identity: { readonly keys: readonly RegisteredKey[] }
  readonly targets: readonly Target[]
  readonly policy: PolicyConfig
  readonly masking: {
    readonly packs: readonly PackName[]
    readonly custom: readonly { readonly name: string; readonly pattern: string }[]
    /** How long a would-be secret may be held back on an idle terminal. */
    readonly idle_ms_max: number
  }
  readonly evidence: { readonly raw: 'commit'; readonly auditors: readonly AuditorKey[] }
  /** Environment variables that a client may set: names, or a prefix and `*`. */
  readonly ssh: { readonly env: readonly string[] }
  readonly journal: { readonly segment_bytes: number }
}

export interface PrivateKey {
  /** Absolute, or `${ENV:NAME}`. */
  readonly from: string
  /** The whole file: OpenSSH's format or PEM. Unencrypted. */
  readonly pem: Secret
  readonly public_key: SshPublicKey
}

export interface RegisteredKey {
  readonly subject: string
  readonly groups: readonly string[]
  readonly key: SshPublicKey
}

export interface Target {
  readonly name: string
  readonly protocol: 'ssh'
  readonly address: Address
  /** Pinned: one of these, and no other. */
  readonly host_keys: readonly SshPublicKey[]
  readonly accounts: Readonly<Record<string, Credential>>
  /** Another target, with its account, from which this one is reached. */
  readonly via?: { readonly account: string; readonly target: string }
  readonly labels: Readonly<Record<string, string>>
}

export type Credential =
  | { readonly kind: 'private_key'; readonly key: PrivateKey }
  | { readonly kind: 'password'; readonly from: string; readonly password: Secret }

export interface PolicyConfig {
  readonly forwarding: Choice
  readonly agent_forwarding: Choice
  readonly transfers: { readonly upload: Choice; readonly download: Choice }
}

export interface AuditorKey {
  readonly file: string
  readonly jwk: AuditorJwk
  /** RFC 7638, base64url. */
  readonly thumbprint: string
}
