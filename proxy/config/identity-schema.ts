/**
 * The shape of `identity.saml`, `identity.ssh_ca` and `identity.ci`: who vouches for people by assertions and
 * certificates, and for jobs by ID tokens.
 *
 * @module
 */
import { z } from 'zod'

export interface VouchersFile {
  readonly saml?: readonly SamlFile[] | undefined
  /** A public key, or one with more about it. */
  readonly ssh_ca?: readonly (string | CertificateAuthorityFile)[] | undefined
  readonly ci?: readonly CiFile[] | undefined
  readonly revoked_certificates?: readonly RevokedCertificatesFile[] | undefined
}

export interface SamlFile {
  readonly name: string
  readonly idp_metadata_file?: string | undefined
  /** The three that stand for metadata, all of them or none. */
  readonly idp_entity_id?: string | undefined
  readonly entry_point?: string | undefined
  readonly idp_cert_file?: string | undefined
  readonly groups_attribute?: string | undefined
  readonly subject_attribute?: string | undefined
  readonly page_session_s?: number | undefined
  readonly roles?: RolesFile | undefined
}

/** Groups that have a role. */
export type RolesFile = Readonly<
  Partial<Record<'user' | 'approver' | 'auditor' | 'admin', readonly string[] | undefined>>
>

export interface RevokedCertificatesFile {
  /** A name of `ssh_ca`, `gateway`, or the fingerprint of the authority's key. */
  readonly authority?: string | undefined
  /** Numbers as such up to 2^53, above it in quotes; or `FROM-TO`. */
  readonly serials?: readonly (string | number)[] | undefined
  readonly key_ids?: readonly string[] | undefined
}

interface CertificateAuthorityFile {
  /** Part of the issuer that records name: `ssh_ca:NAME`. */
  readonly name: string
  readonly key: string
  readonly subject?: 'key_id' | 'principal' | undefined
  readonly groups?: readonly string[] | undefined
  readonly groups_extension?: string | undefined
}

export interface CiFile {
  readonly name: string
  readonly issuer: string
  readonly audience: string
  /** Each must be there with this value, or with one of these. */
  readonly claims: Readonly<Record<string, ClaimValue | readonly string[]>>
  /** A name, or a template with claims in braces: `ci:{repository}`. */
  readonly subject: string
  readonly groups?: readonly string[] | undefined
}

type ClaimValue = string | boolean | number

const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'expected letters, digits, ".", "_" and "-", at most 64',
  )

const group = z.string().regex(/^[^\s\p{C}]{1,128}$/u, 'expected a name without spaces')
const groups = z.array(group).max(100)

/** Names of a directory: spaces are usual. */
const group_names = z
  .array(z.string().regex(/^[^\p{C}]{1,256}$/u, 'expected one line of at most 256 characters'))
  .max(1_000)

export const roles: z.ZodType<RolesFile> = z.strictObject({
  user: group_names.optional(),
  approver: group_names.optional(),
  auditor: group_names.optional(),
  admin: group_names.optional(),
})

/** At most a working day: then it is asked again who this is. */
export const page_session_s: z.ZodType<number> = z
  .int()
  .min(1)
  .max(8 * 3600)

const path = z.string().min(1).max(4096)
const attribute = z.string().regex(/^[^\p{C}]{1,128}$/u, 'expected the name of an attribute')

const saml: z.ZodType<readonly SamlFile[]> = z
  .array(
    z.strictObject({
      name,
      idp_metadata_file: path.optional(),
      idp_entity_id: z.string().max(1024).optional(),
      entry_point: z.string().max(1024).optional(),
      idp_cert_file: path.optional(),
      groups_attribute: attribute.optional(),
      subject_attribute: attribute.optional(),
      page_session_s: page_session_s.optional(),
      roles: roles.optional(),
    }),
  )
  .max(20)

const authority: z.ZodType<CertificateAuthorityFile> = z.strictObject({
  name,
  key: z.string(),
  subject: z.enum(['key_id', 'principal']).optional(),
  groups: groups.optional(),
  groups_extension: z
    .string()
    .regex(/^[!-~]{1,128}@[!-~]{1,128}$/, 'expected an extension of somebody: NAME@DOMAIN')
    .optional(),
})

const ssh_ca: z.ZodType<readonly (string | CertificateAuthorityFile)[]> = z
  .array(z.union([z.string(), authority]))
  .max(100)

const claim_name = z.string().regex(/^[^\p{C}{}]{1,128}$/u, 'expected the name of a claim')
const claim_text = z.string().regex(/^[^\p{C}]{1,1024}$/u, 'expected one line')

const ci: z.ZodType<readonly CiFile[]> = z
  .array(
    z.strictObject({
      name,
      issuer: z.string().max(1024),
      audience: z.string().regex(/^[!-~]{1,256}$/, 'expected an audience, without spaces'),
      claims: z.record(
        claim_name,
        z.union([claim_text, z.boolean(), z.number(), z.array(claim_text).min(1).max(1_000)]),
      ),
      subject: z
        .string()
        .regex(/^[^\s\p{C}]{1,128}$/u, 'expected a name without spaces, at most 128 characters'),
      groups: groups.optional(),
    }),
  )
  .max(1_000)

const one_line = z.string().regex(/^[^\p{C}]{1,1024}$/u, 'expected one line')

const revoked_certificates: z.ZodType<readonly RevokedCertificatesFile[]> = z
  .array(
    z.strictObject({
      authority: one_line.optional(),
      serials: z
        .array(z.union([z.string(), z.number()]))
        .max(10_000)
        .optional(),
      key_ids: z.array(one_line).max(10_000).optional(),
    }),
  )
  .max(100)

export const vouchers: {
  readonly saml: z.ZodType<VouchersFile['saml']>
  readonly ssh_ca: z.ZodType<VouchersFile['ssh_ca']>
  readonly ci: z.ZodType<VouchersFile['ci']>
  readonly revoked_certificates: z.ZodType<VouchersFile['revoked_certificates']>
} = {
  ...{ saml: saml.optional(), ssh_ca: ssh_ca.optional(), ci: ci.optional() },
  revoked_certificates: revoked_certificates.optional(),
}
