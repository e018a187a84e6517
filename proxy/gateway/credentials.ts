/**
 * What the gateway makes out of a sign-in or a job's token: certificates for SSH, tokens for databases and the API.
 * Each is on record before it is handed over.
 *
 * @module
 */
import type { ApiCaller, CredentialPorts, IssuedToken, Made, SshPlaces } from '../api/ports.ts'
import { parsePublicKey } from '../config/public-key.ts'
import type { Config } from '../config.ts'
import { signCertificate } from '../connector/ssh/certificate.ts'
import { fingerprint } from '../core/fingerprint.ts'
import type { Identity } from '../core/identity.ts'
import { parseCertificate } from '../core/ssh-certificate.ts'
import type { Denial } from '../core/verdict.ts'
import { mintDatabaseToken } from '../identity/database-token.ts'
import { createDeviceGrants } from '../identity/device-grant.ts'
import type { DeviceLogins } from '../identity/device-login.ts'
import type { GatewayKeys } from '../identity/gateway-keys.ts'
import type { Issuers } from '../identity/issuers.ts'
import type { KeyRing } from '../identity/keys.ts'
import {
  certificate_s_default,
  certificate_s_max,
  exchanged_database_token_s,
  exchanged_token_s,
} from '../identity/limits.ts'
import {
  mintToken,
  type TokenKey,
  token_characters_max,
  type VerifiedToken,
} from '../identity/token.ts'
import { gateway_issuer, userCertificate } from '../identity/user-certificate.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { RecorderClient } from '../recorder/client.ts'
import type { NoteType } from '../recorder/messages.ts'
import { certificate_bytes_max, places_max } from './limits.ts'
import type { Refused } from './refused.ts'
import type { SignIns } from './sign-ins.ts'
import { publicLine } from './ssh.ts'

export interface CredentialOptions {
  readonly config: Config
  readonly gateway_keys: GatewayKeys
  readonly token_key: TokenKey
  readonly host_keys: readonly string[]
  /** Where SSH listens; undefined where it is off. */
  readonly ssh_port: number | undefined
  /** What it leads to. */
  readonly ssh_targets: readonly SshPlace[]
  readonly logins: DeviceLogins | undefined
  readonly issuers: Issuers
  readonly keys: Pick<KeyRing, 'identify'>
  readonly policy: StaticPolicy
  readonly recorder: Pick<RecorderClient, 'note'>
  readonly refused: (refused: Refused) => void
  /** Whose a bearer token is. */
  readonly verify: (jwt: string) => Promise<VerifiedToken>
  readonly signIns: Pick<SignIns, 'keep'>
  readonly now_us: () => number
}

/** A target that speaks SSH, and its accounts by name. */
export interface SshPlace {
  readonly name: string
  readonly accounts: Readonly<Record<string, unknown>>
}

type Voucher = Pick<
  ApiCaller,
  'subject' | 'issuer' | 'groups' | 'roles' | 'ends_us' | 'login' | 'token'
>

export function createCredentials(options: CredentialOptions): CredentialPorts {
  const { recorder, refused, now_us } = options
  const grants =
    options.logins === undefined
      ? undefined
      : createDeviceGrants(options.logins, () => performance.now())

  /** Nothing is handed over that is not on record. */
  const onRecord = async <T>(
    type: NoteType,
    facts: Readonly<Record<string, unknown>>,
    value: T,
  ): Promise<Made<T>> => {
    try {
      await recorder.note(type, facts)
      return { ok: true, value }
    } catch {
      return no('temporarily_unavailable', 'it cannot be recorded now, so it is not given')
    }
  }

  /** What is made out of a sign-in rests on it. */
  const keep = async (
    issuer: string | undefined,
    login: Voucher['login'],
    until_us: number,
  ): Promise<boolean> =>
    issuer === undefined || login === undefined || options.signIns.keep({ issuer, login }, until_us)

  const token = async (
    { subject, issuer, groups = [], ends_us, login, token: by = '' }: Voucher,
    audience: 'sluice-api' | 'sluice-database',
    certificate?: string,
  ): Promise<Made<IssuedToken>> => {
    const wanted_s = audience === 'sluice-api' ? exchanged_token_s : exchanged_database_token_s
    const left_s = Math.floor(((ends_us ?? Number.POSITIVE_INFINITY) - now_us()) / 1_000_000)
    const lifetime_s = Math.min(wanted_s, left_s)
    if (lifetime_s < 1) return no('invalid_grant', 'your sign-in has ended: sign in again')
    const whose = {
      ...{ subject, groups, lifetime_s },
      ...(issuer === undefined ? {} : { issuer }),
      ...(ends_us === undefined ? {} : { ends_us }),
      ...(login === undefined ? {} : { login }),
    }
    const minted =
      audience === 'sluice-api'
        ? await mintToken(options.token_key, { ...whose, roles: ['user'] }, now_us())
        : await mintDatabaseToken(
            options.token_key,
            certificate === undefined ? whose : { ...whose, certificate },
            now_us(),
          )
    const { jwt, token: name, expires_s } = minted
    if (jwt.length > token_characters_max)
      return no('access_denied', 'you are in more groups than a token can carry')
    const bound = certificate === undefined ? {} : { certificate }
    const from = { issuer: issuer ?? gateway_issuer, by }
    const facts = { subject, ...from, groups, token: name, audience, ...bound }
    if (!(await keep(issuer, login, expires_s * 1_000_000))) return not_kept
    return onRecord('token.issued', { ...facts, expires_s }, { jwt, expires_s })
  }

  const deny = (rule: string, source: string, code: string, reason: string): Made<never> => {
    refused({ rule, protocol: 'api', source })
    return no(code, reason)
  }

  return {
    providers: grants?.providers ?? [],
    async beginLogin(provider, source) {
      const begun = await grants?.begin(provider, source)
      if (begun === undefined) return no('unauthorized_client', 'there is no provider')
      return 'allowed' in begun ? no(codeOf(begun), begun.message) : { ok: true, value: begun }
    },
    async pollLogin(device_code, source) {
      const polled = grants?.poll(device_code) ?? ({ kind: 'expired_token' } as const)
      switch (polled.kind) {
        case 'access_denied':
          return deny(polled.denial.rule, source, 'access_denied', polled.denial.message)
        case 'proven':
          return token(ofIdentity(polled.proven.identity), 'sluice-api')
        case 'authorization_pending':
        case 'slow_down':
          return no(polled.kind, 'nobody has signed in yet')
        case 'expired_token':
          return no(polled.kind, 'this sign-in is over: begin again')
      }
    },
    async exchange(jwt, audience, source, certificate) {
      // Out of a token of the gateway's own another one for the API would be made without end.
      const voucher =
        audience === 'sluice-api' ? await options.issuers.prove(jwt) : await options.verify(jwt)
      if (voucher === undefined)
        return deny(
          ...(['identity.token.issuer', source, 'invalid_request'] as const),
          'the token is of no issuer that is configured here',
        )
      if ('allowed' in voucher)
        return deny(voucher.rule, source, 'invalid_request', voucher.message)
      if ('ok' in voucher && !voucher.ok)
        return deny(voucher.rule, source, 'invalid_request', voucher.reason)
      const whose =
        'ok' in voucher ? voucher.caller : { ...ofIdentity(voucher.identity), roles: voucher.roles }
      if (!whose.roles.includes('user'))
        return deny('identity.role', source, 'invalid_request', no_role)
      return token(whose, audience, certificate)
    },
    async certify(caller, line, wanted_s) {
      if (!caller.roles.includes('user')) return no('access_denied', no_role)
      const parsed = parsePublicKey(line)
      if (!parsed.ok) return no('invalid_request', `public_key: ${parsed.reason}`)
      const { key } = parsed
      // A private key that two people have names neither, whatever is certified of it.
      const owner = await options.keys.identify({
        ...{ kind: 'public_key', algorithm: key.algorithm, blob: key.blob },
      })
      const is_shared =
        'allowed' in owner ? owner.rule === 'identity.shared_key' : owner.subject !== caller.subject
      if (is_shared) return no('invalid_request', "public_key: this is somebody else's key")
      const lifetime_s = Math.min(wanted_s ?? certificate_s_default, certificate_s_max)
      const content = userCertificate({ caller, key: key.blob, lifetime_s }, now_us())
      if (content === undefined) return no('access_denied', 'your sign-in has ended: sign in again')
      const blob = signCertificate(options.gateway_keys.ssh_user_ca, content)
      const made = blob.length > certificate_bytes_max ? undefined : parseCertificate(blob)
      if (made === undefined)
        return no('access_denied', 'you are in more groups than a certificate can carry')
      const { algorithm, authority } = made
      const serial = content.serial.toString()
      const valid_before_us = Number(content.valid_before_s) * 1_000_000
      const { subject, issuer, groups = [], token: by = '' } = caller
      const facts = {
        ...{ subject, issuer: issuer ?? gateway_issuer, groups, serial, by, valid_before_us },
        ...{ key: fingerprint(key.blob), authority: fingerprint(authority) },
      }
      if (!(await keep(issuer, caller.login, valid_before_us))) return not_kept
      return onRecord('certificate.issued', facts, {
        ...{ line: `${algorithm} ${Buffer.from(blob).toString('base64')}`, serial },
        ...{ key_id: content.key_id, principals: content.principals, valid_before_us },
      })
    },
    sshPlaces: (caller) => placesOf(caller, options),
  }
}

const no = (code: string, reason: string): Made<never> => ({ ok: false, code, reason })

/** Short enough for any policy that has grants at all. */
const grant_ms = 60_000

const not_kept = no(
  'temporarily_unavailable',
  'your sign-in cannot be kept now so that it is looked after, so nothing is given',
)

const no_role = 'you are known, but none of your groups may connect here'

/** A sign-in that is taken is somebody's who may connect. */
const ofIdentity = ({
  subject,
  issuer,
  groups,
  credential,
  ends_us,
  login,
}: Identity): Voucher => ({
  ...{ subject, issuer, groups, roles: ['user'], token: credential },
  ...(ends_us === undefined ? {} : { ends_us }),
  ...(login === undefined ? {} : { login }),
})

/** RFC 6749, section 5.2, and 4.1.2.1 for what passes. */
const codeOf = ({ rule }: Denial): string =>
  /\.(busy|unavailable)$/.test(rule) ? 'temporarily_unavailable' : 'access_denied'

/** Where policy lets the caller connect to, or would with a grant; the rest has no name for them. */
function placesOf(
  { subject, issuer = gateway_issuer, groups = [] }: ApiCaller,
  { config, policy, host_keys, gateway_keys, ssh_port, ssh_targets }: CredentialOptions,
): SshPlaces {
  const identity = { subject, issuer, groups, method: 'certificate', credential: '' } as const
  const targets = ssh_targets.slice(0, places_max).flatMap(({ name, accounts }) => {
    const open = Object.keys(accounts).filter((account) => {
      const verdict = policy.connect(identity, account, name)
      // What depends on where ssh will come from is not known here.
      if (verdict.allowed || verdict.rule === 'policy.error') return true
      return [false, true].some(
        (break_glass) =>
          policy.grantTerms(identity, name, account, { break_glass, duration_ms: grant_ms }).ok,
      )
    })
    return open.length === 0 ? [] : [{ name, accounts: open }]
  })
  return {
    ...{ gateway: config.gateway.name, port: ssh_port, targets },
    host_keys: host_keys.map(publicLine),
    host_authority: publicLine(gateway_keys.ssh_host_ca),
  }
}
