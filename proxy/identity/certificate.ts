/**
 * Who an SSH certificate names (PROTOCOL.certkeys of OpenSSH): one that the gateway signed at `sluice login`, or one of
 * an authority of the configuration. Everything in it is enforced or refused; extensions give nothing but the groups.
 *
 * @module
 */
import { BlockList, isIP } from 'node:net'
import { fingerprint } from '../core/fingerprint.ts'
import type { Claim, Identity } from '../core/identity.ts'
import { optionText, type SshCertificate } from '../core/ssh-certificate.ts'
import { SshReader } from '../core/ssh-wire.ts'
import type { Denial } from '../core/verdict.ts'
import { group_characters_max, groups_max, subject_characters_max } from './limits.ts'
import { isAcceptedKey, judgeSignature } from './ssh-signature.ts'
import { loginIn } from './token.ts'

/** An authority of somebody else, as a configuration has it. */
export interface CertificateAuthority {
  readonly name: string
  readonly key: { readonly blob: Uint8Array }
  /**
   * What names the person. `key_id`: the principals are accounts then, as at an sshd, and the one of the login must be
   * among them. `principal`: the only one that there is.
   */
  readonly subject: 'key_id' | 'principal'
  /** Of everybody who has such a certificate. */
  readonly groups: readonly string[]
  /** An extension whose text is a JSON list of further groups. */
  readonly groups_extension?: string
}

export interface CertificateRules {
  /** The blob of the gateway's own authority. */
  readonly own: Uint8Array
  readonly authorities: readonly CertificateAuthority[]
  /** Of whom the gateway makes certificates out of: undefined for one that is not configured any more. */
  readonly vouches: (issuer: string) => { readonly bind_session_to_token: boolean } | undefined
  /** One line for who shows one that was taken back. */
  readonly revoked: (identity: Identity) => string | undefined
  /** UTC in microseconds, asked for each certificate. */
  readonly now_us: () => number
}

/** Why a certificate is refused; part of the rule that a denial names. */
export type CertificateRefusal =
  | 'authority'
  | 'authority_is_certificate'
  | 'critical_option'
  | 'expired'
  | 'groups'
  | 'issuer'
  | 'key'
  | 'not_yet_valid'
  | 'principal'
  | 'revoked'
  | 'sha1'
  | 'signature'
  | 'source_address'
  | 'subject'
  | 'type'

export const groups_extension = 'groups@sluice'
/** Who vouched for the person when the gateway signed. */
export const issuer_extension = 'issuer@sluice'
/** ... and the sign-in, as that one names it when it ends it. */
export const login_extension = 'login@sluice'

type CertificateClaim = Extract<Claim, { kind: 'certificate' }>
type Authority = CertificateAuthority | 'own'

/** The order is that of belief: nothing of a certificate is looked at before its signature but who signed it. */
export function createCertificateIdentify(
  rules: CertificateRules,
): (claim: CertificateClaim) => Identity | Denial {
  const name = (blob: Uint8Array): string => Buffer.from(blob).toString('base64')
  const authorities = new Map<string, Authority>([
    ...rules.authorities.map((each): [string, Authority] => [name(each.key.blob), each]),
    [name(rules.own), 'own'],
  ])
  return (claim) => {
    const { certificate, algorithm } = claim
    if (new SshReader(certificate.authority).text().includes('-cert-'))
      return denied('authority_is_certificate', 'the certificate is signed by another certificate')
    const authority = authorities.get(name(certificate.authority))
    if (authority === undefined)
      return denied('authority', 'the certificate is signed by nobody who is trusted here')
    // RFC 8332, section 3: collisions of SHA-1 are affordable.
    if (algorithm === 'ssh-rsa-cert-v01@openssh.com')
      return denied('sha1', 'a signature with SHA-1 was offered: a newer SSH client is needed')
    switch (judgeSignature(certificate.authority, certificate.signature, certificate.signed)) {
      case 'invalid':
        return denied('signature', 'the certificate was changed after it was signed')
      case 'not_accepted':
        return denied(
          'sha1',
          'the certificate is signed in a way that is not accepted: ssh-keygen -t rsa-sha2-512 -s',
        )
      case 'valid':
        return ofSigned(claim, authority, rules)
    }
  }
}

function ofSigned(
  { certificate, source, account }: CertificateClaim,
  authority: Authority,
  { vouches, revoked, now_us }: CertificateRules,
): Identity | Denial {
  const { type, critical_options, valid_after_s, valid_before_s, key_id } = certificate
  if (type !== 'user') return denied('type', 'this is the certificate of a host, not of a person')
  // Before what its owner is told: a proof by it has to be worth something.
  if (!isAcceptedKey(certificate.key))
    return denied('key', 'the certificate is for a key that is too weak, or of an unknown type')
  const now_s = BigInt(Math.floor(now_us() / 1_000_000))
  if (now_s < valid_after_s) return denied('not_yet_valid', 'the certificate is not valid yet')
  if (now_s >= valid_before_s)
    return denied('expired', 'the certificate has expired: `sluice login` gets a new one')
  for (const option of critical_options) {
    // Whoever does not know one must refuse (PROTOCOL.certkeys), and nothing else is known here.
    if (option.name !== 'source-address')
      return denied(
        'critical_option',
        'the certificate has a restriction that is not known here (a critical option)',
      )
    if (!isFrom(source, optionText(option)))
      return denied('source_address', 'the certificate is not for the address that you come from')
  }
  const named =
    authority === 'own'
      ? ofGateway(certificate, vouches)
      : ofAuthority(certificate, authority, account)
  if ('allowed' in named) return named
  const identity: Identity = {
    ...named,
    method: 'certificate',
    credential: fingerprint(certificate.key),
    certificate: {
      serial: certificate.serial.toString(),
      key_id,
      authority: fingerprint(certificate.authority),
      valid_before_us: microseconds(valid_before_s),
    },
  }
  const why = revoked(identity)
  return why === undefined ? identity : denied('revoked', why)
}

type Named = Pick<Identity, 'issuer' | 'subject' | 'groups' | 'ends_us' | 'login'>

function ofGateway(
  certificate: SshCertificate,
  vouches: CertificateRules['vouches'],
): Named | Denial {
  const { key_id, principals, valid_before_s } = certificate
  if (!principals.includes(key_id))
    return denied('principal', 'the certificate is not for the person that it names')
  const issuer = extensionText(certificate, issuer_extension) ?? ''
  const voucher = vouches(issuer)
  if (voucher === undefined)
    return denied('issuer', 'who vouched for you is not configured any more: sign in again')
  const groups = groupsIn(certificate, groups_extension)
  if (groups === undefined || !isName(key_id)) return denied('groups', unreadable)
  const ends_us = voucher.bind_session_to_token ? microseconds(valid_before_s) : undefined
  const login = extensionText(certificate, login_extension)
  return {
    ...{ issuer, subject: key_id, groups },
    ...(ends_us === undefined ? {} : { ends_us }),
    ...(login === undefined ? {} : { login: loginIn(JSON.parse(login)) }),
  }
}

function ofAuthority(
  certificate: SshCertificate,
  { name, subject: by, groups, groups_extension: extension }: CertificateAuthority,
  account: string | undefined,
): Named | Denial {
  const { principals, key_id } = certificate
  const [only] = principals
  // As sshd does: without a list it would be good for every account.
  if (only === undefined) return denied('principal', 'the certificate names no principal')
  if (by === 'principal' && principals.length > 1)
    return denied('principal', 'the certificate has more than one principal, so it names nobody')
  if (by === 'key_id' && account !== undefined && !principals.includes(account))
    return denied('principal', 'the certificate is not for this account: it is no principal of it')
  const subject = by === 'principal' ? only : key_id
  if (!isName(subject))
    return denied('subject', 'the certificate names nobody in a form that is recorded here')
  const own = extension === undefined ? [] : groupsIn(certificate, extension)
  if (own === undefined) return denied('groups', unreadable)
  return { issuer: `ssh_ca:${name}`, subject, groups: [...new Set([...groups, ...own])] }
}

const unreadable = 'the certificate does not say your groups in a form that is read here'

function extensionText({ extensions }: SshCertificate, name: string): string | undefined {
  const extension = extensions.find((each) => each.name === name)
  return extension === undefined ? undefined : optionText(extension)
}

/** None where there is no such extension; undefined where it cannot be read, which must not look like "no groups". */
function groupsIn(certificate: SshCertificate, name: string): readonly string[] | undefined {
  if (!certificate.extensions.some((each) => each.name === name)) return []
  try {
    const listed: unknown = JSON.parse(extensionText(certificate, name) ?? '')
    if (!Array.isArray(listed) || listed.length > groups_max) return undefined
    const groups = listed.filter((each) => typeof each === 'string').filter(isGroup)
    return groups.length === listed.length ? groups : undefined
  } catch {
    return undefined
  }
}

const isGroup = (group: string): boolean =>
  group.length > 0 && group.length <= group_characters_max && !/\p{C}/u.test(group)

const isName = (name: string): boolean =>
  name.length > 0 && name.length <= subject_characters_max && !/[\s\p{C}]/u.test(name)

/** `list`: addresses and networks with commas between them, as `source-address` has it (ssh-keygen). */
function isFrom(source: string, list: string | undefined): boolean {
  const address = source.slice(0, source.lastIndexOf(':')).replace(/^\[|\]$/g, '')
  const family = isIP(address)
  if (list === undefined || family === 0) return false
  const networks = new BlockList()
  for (const each of list.split(',')) {
    const [network = '', width, ...more] = each.split('/')
    const of = isIP(network)
    const bits = width === undefined ? (of === 4 ? 32 : 128) : Number(width)
    const is_width = width === undefined || /^\d{1,3}$/.test(width)
    // What cannot be read restricts in a way that nobody knows.
    if (of === 0 || more.length > 0 || !is_width || bits > (of === 4 ? 32 : 128)) return false
    networks.addSubnet(network, bits, of === 4 ? 'ipv4' : 'ipv6')
  }
  return networks.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** Times "for ever" are larger than any number that is counted with here. */
function microseconds(seconds: bigint): number {
  const most = BigInt(Number.MAX_SAFE_INTEGER) / 1_000_000n
  return Number(seconds < most ? seconds : most) * 1_000_000
}

/**
 * What its owner may be told (RFC 4252, section 5.4): how to come by a better one, in a certificate that is signed by who is
 * trusted. That one is forged, or by somebody unknown, is for the operator alone.
 */
const told: ReadonlySet<CertificateRefusal> = new Set([
  'critical_option',
  'expired',
  'issuer',
  'not_yet_valid',
  'principal',
  'revoked',
  'source_address',
] as const)

function denied(refusal: CertificateRefusal, message: string): Denial {
  return {
    ...{ allowed: false, rule: `identity.certificate.${refusal}`, message },
    ...(told.has(refusal) ? { is_for_owner: true } : {}),
  }
}
