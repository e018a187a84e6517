/**
 * The shape of `evidence` and `encryption`: where what was recorded is kept, for how long, and under which key.
 *
 * @module
 */
import { z } from 'zod'
import { retention_rules_max } from '../../storage/evidence/limits.ts'

export type ReplicationChoice = 'required' | 'queued'

/** Who erases the key of a session that was erased, where sessions have keys of their own. */
export type ShredChoice = 'gateway' | 'owner'

export interface EvidenceFile {
  readonly raw?: 'commit' | 'sealed' | undefined
  readonly auditors?: readonly string[] | undefined
  readonly replication?: ReplicationChoice | undefined
  readonly s3?: BucketFile | undefined
  readonly retention?: readonly RetentionFile[] | undefined
  readonly shred?: ShredChoice | undefined
  readonly timestamp_url?: string | undefined
  /** 0: none. */
  readonly canary_s?: number | undefined
  readonly release?: ReleaseFile | undefined
  readonly witnesses?: readonly { readonly url: string; readonly key: string }[] | undefined
}

export interface EncryptionFile {
  readonly key_file?: string | undefined
  /** A program and its words; no shell. */
  readonly key_command?: readonly string[] | undefined
}

export interface BucketFile {
  readonly endpoint: string
  readonly bucket: string
  readonly region?: string | undefined
  readonly path_style?: boolean | undefined
  readonly access_key_file?: string | undefined
  readonly secret_key_file?: string | undefined
  /** `${ENV:NAME}` only. */
  readonly access_key?: string | undefined
  readonly secret_key?: string | undefined
  readonly lag_max_s?: number | undefined
  readonly queue_bytes_max?: number | undefined
}

/** Who agrees before a legal hold is lifted, or a session shredded. */
export interface ReleaseFile {
  /** So many people besides who asks; 0: nobody. */
  readonly quorum?: number | undefined
  readonly group?: string | undefined
  readonly passkey?: boolean | undefined
}

export interface RetentionFile {
  readonly labels: Readonly<Record<string, string>>
  readonly days: number
}

export const path: z.ZodString = z.string().min(1).max(4096)

export const label: z.ZodString = z
  .string()
  .regex(/^[^\p{C}]{0,128}$/u, 'expected one line of at most 128 characters')

// S3's rules for the names of buckets.
const bucket_name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected a-z, 0-9, "." and "-", 3 to 63 characters')

const s3: z.ZodType<BucketFile> = z.strictObject({
  endpoint: z.string().max(256),
  bucket: bucket_name,
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'expected the name of a region')
    .optional(),
  path_style: z.boolean().optional(),
  access_key_file: path.optional(),
  secret_key_file: path.optional(),
  access_key: z.string().optional(),
  secret_key: z.string().optional(),
  lag_max_s: z.int().min(5).max(86_400).optional(),
  queue_bytes_max: z
    .int()
    .min(64 * 1024 * 1024)
    .optional(),
})

/** A century: what is locked for longer was a slip of the pen, and cannot be taken back. */
const retention_days_max = 36_525

const retention: z.ZodType<RetentionFile> = z.strictObject({
  labels: z.record(label, label),
  days: z.int().min(1).max(retention_days_max),
})

/** More than these never meet. */
const release_quorum_max = 8

const release: z.ZodType<ReleaseFile> = z.strictObject({
  quorum: z.int().min(0).max(release_quorum_max).optional(),
  group: label.min(1).optional(),
  passkey: z.boolean().optional(),
})

export const evidence: z.ZodType<EvidenceFile> = z.strictObject({
  raw: z.enum(['commit', 'sealed']).optional(),
  auditors: z.array(path).min(1).max(16).optional(),
  replication: z.enum(['required', 'queued']).optional(),
  s3: s3.optional(),
  retention: z.array(retention).min(1).max(retention_rules_max).optional(),
  shred: z.enum(['gateway', 'owner']).optional(),
  release: release.optional(),
  timestamp_url: z.string().max(1024).optional(),
  canary_s: z
    .int()
    .max(86_400)
    .refine(
      (seconds) => seconds === 0 || seconds >= 10,
      'expected 10 to 86400 seconds, or 0 for none',
    )
    .optional(),
  witnesses: z
    .array(z.strictObject({ url: z.string().max(1024), key: z.string().max(512) }))
    .max(16)
    .optional(),
})

export const encryption: z.ZodType<EncryptionFile> = z.strictObject({
  key_file: path.optional(),
  key_command: z.array(z.string().min(1).max(4096)).min(1).max(64).optional(),
})
