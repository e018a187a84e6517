/**
 * The shape of `sluice.yaml`, before any file that it names was read. Strict: an unknown key is an error.
 * Messages never repeat a value, which may be a secret in the wrong place.
 *
 * @module
 */
import { z } from 'zod'
import {
  page_session_s,
  type RolesFile,
  roles,
  type VouchersFile,
  vouchers,
} from './identity-schema.ts'
import {
  type EncryptionFile,
  type EvidenceFile,
  encryption,
  evidence,
  label,
  path,
} from './schema-evidence.ts'
import { type ShellFile, shell } from './shell-choice.ts'

export interface ConfigFile {
  readonly gateway?: GatewayFile | undefined
  readonly listen?:
    | {
        readonly ssh?: string | undefined
        readonly postgres?: string | undefined
        readonly api?: string | undefined
      }
    | undefined
  readonly identity?:
    | (VouchersFile & {
        readonly keys?: readonly KeyFile[] | undefined
        readonly oidc?: readonly OidcFile[] | undefined
        readonly set_aside?: readonly string[] | undefined
      })
    | undefined
  readonly targets?: readonly TargetFile[] | undefined
  readonly policy?: PolicyFile | undefined
  readonly masking?: MaskingFile | undefined
  readonly evidence?: EvidenceFile | undefined
  readonly ssh?: { readonly env?: readonly string[] | undefined } | undefined
  readonly encryption?: EncryptionFile | undefined
  readonly journal?: { readonly segment_bytes?: number | undefined } | undefined
}

export interface GatewayFile {
  readonly name?: string | undefined
  readonly data?: string | undefined
  readonly ssh_host_keys?: readonly string[] | undefined
  readonly public_url?: string | undefined
  readonly tls?: { readonly cert_file: string; readonly key_file: string } | undefined
}

export interface KeyFile {
  readonly subject: string
  readonly groups?: readonly string[] | undefined
  readonly key: string
}

export interface OidcFile {
  readonly name: string
  readonly issuer: string
  readonly client_id: string
  readonly client_secret_file?: string | undefined
  /** `${ENV:NAME}` only. */
  readonly client_secret?: string | undefined
  readonly groups_claim?: string | undefined
  readonly subject_claim?: string | undefined
  readonly scopes?: readonly string[] | undefined
  readonly roles?: RolesFile | undefined
  readonly bind_session_to_token?: boolean | undefined
  readonly recheck_s?: number | undefined
  readonly recheck_grace_s?: number | undefined
  readonly page_session_s?: number | undefined
}

export interface TargetFile {
  readonly name: string
  readonly protocol: 'ssh' | 'postgres'
  readonly address: string
  /** Of `ssh` alone, where it must be. */
  readonly host_key?: string | readonly string[] | undefined
  readonly accounts: Readonly<Record<string, AccountFile>>
  /** `ACCOUNT@TARGET`, another target from which this one is reached. */
  readonly via?: string | undefined
  /** Of `postgres` alone, with the two below. */
  readonly tls?: 'verify-full' | 'off' | undefined
  readonly ca_file?: string | undefined
  /** By `SCHEMA.TABLE.COLUMN`. */
  readonly columns?: Readonly<Record<string, string | ColumnFile>> | undefined
  /** Of each result, from the first. */
  readonly recorded_rows_max?: number | undefined
  /** Of `ssh` alone: shells there are made to tell of each command. */
  readonly shell_integration?: boolean | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** `strategy`: `mask`, `partial(FIRST,LAST)`, `hash` or `null`. */
export interface ColumnFile {
  readonly rule: string
  readonly strategy?: string | undefined
}

export interface AccountFile {
  readonly private_key_file?: string | undefined
  readonly password_file?: string | undefined
  /** `${ENV:NAME}` only. */
  readonly private_key?: string | undefined
  readonly password?: string | undefined
}

export type Choice = 'allow' | 'deny'
export type TransferChoice = Choice | 'scan'

export interface WebhookFile {
  readonly name: string
  readonly url?: string | undefined
  /** Where the address itself is a secret, as Slack's are. */
  readonly url_file?: string | undefined
  readonly secret_file?: string | undefined
  /** `${ENV:NAME}` only. */
  readonly secret?: string | undefined
}

export interface PolicyFile {
  readonly files?: readonly string[] | undefined
  readonly approvals?: { readonly webhooks?: readonly WebhookFile[] | undefined } | undefined
  readonly forwarding?: Choice | undefined
  readonly agent_forwarding?: Choice | undefined
  readonly shell?: ShellFile | undefined
  readonly transfers?:
    | {
        readonly upload?: TransferChoice | undefined
        readonly download?: TransferChoice | undefined
      }
    | undefined
}

export type PackName = 'secrets' | 'pci' | 'pii' | 'hipaa' | 'network'

export interface MaskingFile {
  readonly packs?: readonly PackName[] | undefined
  readonly custom?: readonly { readonly name: string; readonly pattern: string }[] | undefined
  readonly known_secrets_file?: string | undefined
  readonly idle_ms_max?: number | undefined
}

/** Everything is held in memory and asked for each key that a client probes. */
const entries_max = 10_000
/** A person chooses one from a list. */
const providers_max = 20
/** Each is told of each request. */
const webhooks_max = 16
/** A rule is compiled into one automaton with all others. */
const custom_rules_max = 200

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected a digest: 64 hexadecimal digits')
const choice = z.enum(['allow', 'deny'])
const transfer_choice = z.enum(['allow', 'deny', 'scan'])

/** No `+` and no space: it becomes the key name of a C2SP signed note. */
const gateway_name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/, 'expected letters, digits, "." and "-", at most 63')

// What a person types before the gateway's name, so without a second "@", and no path.
const target_name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'expected letters, digits, ".", "_" and "-", at most 64',
  )

// The target's name follows the last "@", so a directory account such as "ann@corp" is possible.
const account_name = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._@+$-]{0,63}$/, 'expected an account name, at most 64 characters')

// Printed in tables and JSON lines: no spaces and nothing invisible.
const subject = z
  .string()
  .regex(/^[^\s\p{C}]{1,128}$/u, 'expected a name without spaces, at most 128 characters')

const claim = z.string().regex(/^[^\p{C}]{1,128}$/u, 'expected the name of a claim')

// RFC 6749, section 3.3.
const scope = z.string().regex(/^[!#-[\]-~]{1,128}$/, 'expected a scope, without spaces')

const rule_name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,47}$/, 'expected a-z, 0-9 and "-", at most 48 characters')

/** Each part as PostgreSQL folds it: in quotes it could hold anything, also a dot. */
const column_name = z
  .string()
  .regex(
    /^[^."\s\p{C}]{1,63}(?:\.[^."\s\p{C}]{1,63}){2}$/u,
    'expected SCHEMA.TABLE.COLUMN, as the catalogue has them, without quotes',
  )

const column: z.ZodType<ColumnFile> = z.strictObject({
  rule: rule_name,
  strategy: z
    .string()
    .regex(
      /^(?:mask|hash|null|partial\(\d{1,2}, ?\d{1,2}\))$/,
      'expected mask, partial(FIRST,LAST), hash or null',
    )
    .optional(),
})

const account: z.ZodType<AccountFile> = z.strictObject({
  private_key_file: path.optional(),
  password_file: path.optional(),
  private_key: z.string().optional(),
  password: z.string().optional(),
})

const oidc: z.ZodType<OidcFile> = z.strictObject({
  name: target_name,
  issuer: z.string().max(1024),
  client_id: z.string().regex(/^[ -~]{1,256}$/, 'expected the id that the provider gave'),
  client_secret_file: path.optional(),
  client_secret: z.string().optional(),
  groups_claim: claim.optional(),
  subject_claim: claim.optional(),
  scopes: z.array(scope).max(50).optional(),
  roles: roles.optional(),
  bind_session_to_token: z.boolean().optional(),
  // A day without an answer is no question any more.
  recheck_s: z.int().min(0).max(86_400).optional(),
  recheck_grace_s: z.int().min(1).max(86_400).optional(),
  page_session_s: page_session_s.optional(),
})

const webhook: z.ZodType<WebhookFile> = z.strictObject({
  name: rule_name,
  url: z.string().max(1024).optional(),
  url_file: path.optional(),
  secret_file: path.optional(),
  secret: z.string().optional(),
})

const target: z.ZodType<TargetFile> = z.strictObject({
  name: target_name,
  protocol: z.enum(['ssh', 'postgres']),
  address: z.string(),
  host_key: z.union([z.string(), z.array(z.string()).min(1).max(16)]).optional(),
  accounts: z.record(account_name, account),
  via: z
    .string()
    .regex(/^.+@[^@]+$/, 'expected ACCOUNT@TARGET')
    .optional(),
  tls: z.enum(['verify-full', 'off']).optional(),
  ca_file: path.optional(),
  columns: z.record(column_name, z.union([rule_name, column])).optional(),
  recorded_rows_max: z.number().int().min(0).max(1_000_000_000).optional(),
  shell_integration: z.boolean().optional(),
  labels: z.record(label, label).optional(),
})

export const configSchema: z.ZodType<ConfigFile> = z.strictObject({
  gateway: z
    .strictObject({
      name: gateway_name.optional(),
      data: path.optional(),
      ssh_host_keys: z.array(path).min(1).max(8).optional(),
      public_url: z.string().max(256).optional(),
      tls: z.strictObject({ cert_file: path, key_file: path }).optional(),
    })
    .optional(),
  listen: z
    .strictObject({
      ssh: z.string().optional(),
      postgres: z.string().optional(),
      api: z.string().optional(),
    })
    .optional(),
  identity: z
    .strictObject({
      keys: z
        .array(
          z.strictObject({
            subject,
            groups: z.array(subject).max(100).optional(),
            key: z.string(),
          }),
        )
        .max(entries_max)
        .optional(),
      oidc: z.array(oidc).max(providers_max).optional(),
      set_aside: z.array(digest).max(100).optional(),
      ...vouchers,
    })
    .optional(),
  targets: z.array(target).max(entries_max).optional(),
  policy: z
    .strictObject({
      files: z.array(path).min(1).max(100).optional(),
      approvals: z
        .strictObject({ webhooks: z.array(webhook).max(webhooks_max).optional() })
        .optional(),
      forwarding: choice.optional(),
      agent_forwarding: choice.optional(),
      shell: shell.optional(),
      transfers: z
        .strictObject({ upload: transfer_choice.optional(), download: transfer_choice.optional() })
        .optional(),
    })
    .optional(),
  masking: z
    .strictObject({
      packs: z.array(z.enum(['secrets', 'pci', 'pii', 'hipaa', 'network'])).optional(),
      custom: z
        .array(z.strictObject({ name: rule_name, pattern: z.string().min(1).max(1024) }))
        .max(custom_rules_max)
        .optional(),
      known_secrets_file: path.optional(),
      idle_ms_max: z.int().min(10).max(5_000).optional(),
    })
    .optional(),
  evidence: evidence.optional(),
  ssh: z
    .strictObject({
      env: z
        .array(
          z
            .string()
            .regex(
              /^[A-Za-z_][A-Za-z0-9_]{0,63}\*?$/,
              'expected a variable name, or a prefix and "*"',
            ),
        )
        .max(100)
        .optional(),
    })
    .optional(),
  encryption: encryption.optional(),
  journal: z
    .strictObject({
      segment_bytes: z
        .int()
        // A group commit of 1 MiB and what joined it must fit; direct I/O writes whole blocks.
        .min(4 * 1024 * 1024)
        .max(1024 * 1024 * 1024)
        .multipleOf(4096)
        .optional(),
    })
    .optional(),
})
