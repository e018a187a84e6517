/**
 * The validated configuration, as the rest of the gateway sees it.
 *
 * @module
 */
import type { ReleaseTerms } from '../../storage/evidence/release.ts'
import type { RetentionRule } from '../../storage/evidence/retention.ts'
import type { ColumnRule } from '../core/column.ts'
import type { RevokedCertificates } from '../core/revoked-certificates.ts'
import type { Address } from './address.ts'
import type { AuditorJwk } from './auditor-key.ts'
import type { CiFile } from './identity-schema.ts'
import type { KnownSecrets } from './known-secrets.ts'
import type { PolicyText } from './policy-files.ts'
import type { SshPublicKey } from './public-key.ts'
import type { Choice, PackName, TransferChoice } from './schema.ts'
import type { ReplicationChoice, ShredChoice } from './schema-evidence.ts'
import type { Secret } from './secret.ts'
import type { ShellChoice } from './shell-choice.ts'

/** Deeply frozen. Paths are absolute; a path in the file is relative to the file. */
export interface Config {
  readonly gateway: {
    /** Becomes part of the log's origin. Default `sluice`. */
    readonly name: string
    /** The data directory. Default `./data`. */
    readonly data: string
    /** Empty: the gateway makes its own in the data directory. */
    readonly ssh_host_keys: readonly PrivateKey[]
    /** Where people's browsers reach the API's listener: a TLS proxy in front of it. Without a slash at its end. */
    readonly public_url?: string
    /** What the gateway shows to clients of protocols that have TLS. */
    readonly tls?: ServerCertificate
  }
  /** A listener that is absent is off. */
  readonly listen: { readonly ssh?: Address; readonly postgres?: Address; readonly api?: Address }
  readonly identity: {
    readonly keys: readonly RegisteredKey[]
    readonly oidc: readonly OidcProvider[]
    readonly ssh_ca: readonly CertificateAuthority[]
    readonly ci: readonly CiJobs[]
    readonly saml: readonly SamlConfig[]
    readonly revoked_certificates: readonly RevokedCertificates[]
    /** Digests of records about access that count for nothing where they cannot be read. */
    readonly set_aside: readonly string[]
  }
  readonly targets: readonly Target[]
  readonly policy: PolicyConfig
  readonly masking: {
    readonly packs: readonly PackName[]
    readonly custom: readonly { readonly name: string; readonly pattern: string }[]
    /** Those of the file, and the passwords and client secrets of this configuration. */
    readonly known: KnownSecrets
    /** How long a would-be secret may be held back on an idle terminal. */
    readonly idle_ms_max: number
  }
  /** Absent: the store is not encrypted at rest. */
  readonly encryption?: KeySource
  readonly evidence: {
    /** Whether what records hide is kept, for auditors alone. */
    readonly raw: 'commit' | 'sealed'
    readonly auditors: readonly AuditorKey[]
    /** Absent: evidence is local. */
    readonly remote?: Remote
    /** How long sessions are kept, the last rule for every session; absent: for ever. */
    readonly retention?: readonly RetentionRule[]
    /** Who agrees before a legal hold is lifted, or a session shredded. */
    readonly release: ReleaseTerms
    readonly witnesses: readonly WitnessConfig[]
    /** Of an RFC 3161 authority; undefined where nobody is asked. */
    readonly timestamp_url: string | undefined
    /** Between two canaries, in seconds; 0 for none. */
    readonly canary_s: number
  }
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

/** A witness that is shown the log's checkpoints (C2SP tlog-witness). */
export interface WitnessConfig {
  /** Its methods are below. */
  readonly url: string
  /** Verifier key, with the type of cosignature/v1. */
  readonly key: string
}

export interface RegisteredKey {
  readonly subject: string
  readonly groups: readonly string[]
  readonly key: SshPublicKey
}

export interface OidcProvider {
  readonly name: string
  readonly issuer: string
  readonly client_id: string
  readonly client_secret?: Secret
  /** Default `groups`. */
  readonly groups_claim: string
  /** Default `sub`. */
  readonly subject_claim: string
  /** With `openid`. */
  readonly scopes: readonly string[]
  readonly roles: OidcRoles
  readonly bind_session_to_token: boolean
  /** Between two questions whether somebody still may. Default 300; 0 for none. */
  readonly recheck_s: number
  /** How long these may have no answer. Default 3600. */
  readonly recheck_grace_s: number
  /** How long a browser stays signed in to the pages. Default 28,800. */
  readonly page_session_s: number
}

/** Groups that have a role. Without `user`, everybody whom the provider signs in has that one. */
export type OidcRoles = Readonly<
  Partial<Record<'user' | 'approver' | 'auditor' | 'admin', readonly string[]>>
>

/** Signs people's certificates. */
export interface CertificateAuthority {
  /** Default: the fingerprint of its key. */
  readonly name: string
  readonly key: SshPublicKey
  /** Default `key_id`. */
  readonly subject: 'key_id' | 'principal'
  readonly groups: readonly string[]
  readonly groups_extension?: string
}

/** Jobs that a forge vouches for. */
export interface CiJobs {
  readonly name: string
  readonly issuer: string
  readonly audience: string
  /** At least one. */
  readonly claims: CiFile['claims']
  /** With claims in braces. */
  readonly subject: string
  readonly groups: readonly string[]
}

export interface SamlConfig {
  readonly name: string
  /** As it was read: whether it says what is needed is known once it is parsed. */
  readonly idp:
    | { readonly kind: 'metadata'; readonly xml: string }
    | {
        readonly kind: 'named'
        readonly entity_id: string
        readonly entry_point: string
        /** PEM: one certificate, or several below each other. */
        readonly certificates: string
      }
  /** How long a browser stays signed in to the pages. Default 3600. */
  readonly page_session_s: number
  /** Default `groups`. */
  readonly groups_attribute: string
  /** Absent: the NameID. */
  readonly subject_attribute?: string
  readonly roles: OidcRoles
}

export interface ServerCertificate {
  /** PEM, with the authorities below it. */
  readonly cert: string
  /** PEM. */
  readonly key: Secret
}

export type Target = SshTarget | PostgresTarget

interface AnyTarget {
  readonly name: string
  readonly address: Address
  readonly accounts: Readonly<Record<string, Credential>>
  readonly labels: Readonly<Record<string, string>>
}

export interface SshTarget extends AnyTarget {
  readonly protocol: 'ssh'
  /** Pinned: one of these, and no other. */
  readonly host_keys: readonly SshPublicKey[]
  /** Another target, with its account, from which this one is reached. */
  readonly via?: { readonly account: string; readonly target: string }
  /** Shells there are made to tell of each command. */
  readonly shell_integration: boolean
}

export interface PostgresTarget extends AnyTarget {
  readonly protocol: 'postgres'
  /** `verify-full`: by an authority of `ca` (PEM), or one that the system knows. */
  readonly tls: { readonly kind: 'verify-full'; readonly ca?: string } | { readonly kind: 'off' }
  /** Protected ones, by `SCHEMA.TABLE.COLUMN`. */
  readonly columns: Readonly<Record<string, ColumnRule>>
  /** How many rows of each result go on record, with a digest of those behind them; undefined for all. */
  readonly recorded_rows_max: number | undefined
}

export type Credential =
  | { readonly kind: 'private_key'; readonly key: PrivateKey }
  | { readonly kind: 'password'; readonly from: string; readonly password: Secret }

/** Somebody's chat, which is told of requests. */
export interface Webhook {
  readonly name: string
  /** HTTPS, or loopback. */
  readonly url: Secret
  /** Signs what is sent; none: it is not signed. */
  readonly secret: Secret | undefined
}

export interface PolicyConfig {
  /** Policies in Cedar, as text; none: the built-in policy holds. */
  readonly files: readonly PolicyText[]
  readonly approvals: { readonly webhooks: readonly Webhook[] }
  readonly forwarding: Choice
  readonly agent_forwarding: Choice
  readonly shell: ShellChoice
  readonly transfers: { readonly upload: TransferChoice; readonly download: TransferChoice }
}

/** Where the key is from that encrypts the store at rest. */
export type KeySource =
  | { readonly kind: 'file'; readonly key: Secret }
  | { readonly kind: 'command'; readonly command: readonly string[] }

/** The bucket that evidence is replicated to. */
export interface Remote {
  /** `required`: output waits when the bucket is too far behind. Default. */
  readonly replication: ReplicationChoice
  /** An origin, without a path. */
  readonly endpoint: string
  readonly bucket: string
  /** Default `us-east-1`. */
  readonly region: string
  /** Default true. */
  readonly path_style: boolean
  readonly access_key: Secret
  readonly secret_key: Secret
  /** Default 60. */
  readonly lag_max_s: number
  /** Records that may wait. Default 16 GiB. */
  readonly queue_bytes_max: number
  /** The last one is for every session. */
  readonly retention: readonly RetentionRule[]
  /** Absent: sessions have no keys of their own. */
  readonly shred?: ShredChoice
}

export interface AuditorKey {
  readonly file: string
  readonly jwk: AuditorJwk
  /** RFC 7638, base64url. */
  readonly thumbprint: string
}
