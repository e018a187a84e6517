/**
 * The HTTP side put together.
 *
 * @module
 */
import { createApi } from '../api/app.ts'
import type { ApiCaller, ApiPorts, Reloaded } from '../api/ports.ts'
import { formatAddress } from '../config/address.ts'
import type { Config } from '../config.ts'
import type { AccessGate } from '../core/access.ts'
import { createClock } from '../core/clock.ts'
import { createBearerVerifier } from '../identity/bearer.ts'
import { type BrowserSessions, createBrowserSessions } from '../identity/browser-session.ts'
import type { DeviceLogins } from '../identity/device-login.ts'
import type { GatewayKeys } from '../identity/gateway-keys.ts'
import type { Issuers } from '../identity/issuers.ts'
import type { KeyRing } from '../identity/keys.ts'
import type { Provider } from '../identity/provider.ts'
import type { SignedIn } from '../identity/signed-in.ts'
import { type Caller, createTokenVerifier, parseTokenKey } from '../identity/token.ts'
import type { Log } from '../log.ts'
import {
  combineFamilies,
  type Family,
  metrics_content_type,
  metricsText,
} from '../metrics/family.ts'
import type { DutyHolder } from '../policy/cedar/duties.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { bind } from './bind.ts'
import { createConsole, type Terminals } from './console.ts'
import { createCredentials, type SshPlace } from './credentials.ts'
import { describeFault } from './fault.ts'
import { openPasskeys } from './passkeys.ts'
import { Refusal } from './refusal.ts'
import { createRefused } from './refused.ts'
import type { ReplicaFacts } from './replication.ts'
import type { SamlInUse } from './saml.ts'
import type { SignIns } from './sign-ins.ts'

export interface ApiOptions extends Pick<ApiPorts, 'reader' | 'logs'> {
  readonly requests: NonNullable<ApiPorts['requests']>
  readonly feed: NonNullable<ApiPorts['feed']>
  readonly openLink: NonNullable<ApiPorts['openLink']>
  readonly vote: NonNullable<ApiPorts['vote']>
  readonly access: ApiPorts['access']
  readonly keeping: NonNullable<ApiPorts['keeping']>
  readonly signedOut: NonNullable<ApiPorts['signedOut']>
  readonly signedIn: SignedIn
  /** Absent where there is no file to read again. */
  readonly reload?: () => Promise<Reloaded>
  /** Sign-ins on which a credential rests. */
  readonly signIns: Pick<SignIns, 'keep'>
  /** Who has no access any more has none here either. */
  readonly gate: AccessGate
  readonly address: NonNullable<Config['listen']['api']>
  readonly is_any_port: boolean
  readonly config: Config
  readonly gateway_keys: GatewayKeys
  readonly host_keys: readonly string[]
  readonly ssh_port: number | undefined
  readonly ssh_targets: readonly SshPlace[]
  readonly issuers: Issuers
  readonly providers: readonly Provider[]
  readonly keys: KeyRing
  /** Undefined where nobody signs in by a browser. */
  readonly logins: DeviceLogins | undefined
  readonly policy: StaticPolicy
  readonly saml: SamlInUse
  readonly terminals: Terminals
  readonly recorder: RecorderClient
  /** Why the gateway cannot do its work, one line each. */
  readonly failing: () => readonly string[]
  readonly replica: () => ReplicaFacts | undefined
  /** Of each process. */
  readonly families: () => Promise<readonly (readonly Family[])[]>
  readonly public_url: string | undefined
  /** The data directory. */
  readonly data: string
  readonly log: Log
}

/** Seconds without a byte; those who wait for news of requests are answered before. */
const idle_s = 60

export interface ApiSide {
  readonly url: string
  stop(): void
}

/** Throws {@link Refusal} when the port cannot be opened. */
export async function openApi(options: ApiOptions): Promise<ApiSide> {
  const { recorder, failing, log, public_url } = options
  const token_key = parseTokenKey(options.gateway_keys.api_key)
  if (token_key === undefined) throw new Refusal(1, 'keys/api.pem is not an Ed25519 key')
  const { now_us } = createClock(Date.now, () => performance.now())
  /** Where browsers find it; without a TLS proxy in front, where the port turns out to be. */
  let origin = public_url ?? ''
  const { issuers } = options
  const verify = unlessRevoked(
    createBearerVerifier(createTokenVerifier(token_key, now_us, issuers), issuers),
    options.gate,
  )
  const refused = createRefused({ recorder, log, monotonic_ms: () => performance.now() })
  const api = createApi({
    reader: options.reader,
    logs: options.logs,
    credentials: createCredentials({ ...options, token_key, refused, verify, now_us }),
    authenticate: async (jwt, source) => {
      const verified = await verify(jwt)
      if (!verified.ok) refused({ rule: verified.rule, protocol: 'api', source })
      return verified
    },
    ...(options.access === undefined ? {} : { access: options.access }),
    evidenceRead: ({ issuer, subject }, what) =>
      recorder.note('evidence.read', {
        subject,
        what,
        ...(issuer === undefined ? {} : { issuer }),
      }),
    keeping: options.keeping,
    mayRead: (caller, session, part) =>
      options.policy.reading(holderOf(caller), session, part).allowed,
    mayConfigure: (caller, change) =>
      options.policy.configuring(holderOf(caller), options.config.gateway.name, change).allowed,
    ...(options.reload === undefined ? {} : { reload: askedBy(options.reload, log) }),
    signedOut: options.signedOut,
    requests: options.requests,
    feed: options.feed,
    openLink: options.openLink,
    vote: options.vote,
    passkeys: openPasskeys(options.data, recorder, () => origin),
    console: createConsole({
      ...{ providers: options.providers, saml: options.saml, terminals: options.terminals },
      ...{ origin: () => origin, now_us, log, signedIn: options.signedIn },
      sessions: unlessRevokedSince(createBrowserSessions(now_us), options.gate),
    }),
    health: () => {
      const reasons = failing()
      const status = reasons.length === 0 ? 'ok' : 'failing'
      return { status, reasons, replication: options.replica() }
    },
    metrics: async () => ({
      text: metricsText(combineFamilies(await options.families())),
      content_type: metrics_content_type,
    }),
    hosts: public_url === undefined ? [] : [new URL(public_url).hostname],
    failed: (error) => log('error', 'api_fault', describeFault(error)),
  })
  const http = await bind('listen.api', options.address, options.is_any_port, ({ host, port }) =>
    Bun.serve({
      ...{ hostname: host, port, idleTimeout: idle_s },
      fetch: (request, server) => api.fetch(request, sourceOf(server.requestIP(request))),
    }),
  )
  const at = { host: http.hostname ?? '127.0.0.1', port: http.port ?? 0 }
  const url = `http://${formatAddress(at)}`
  if (origin === '') origin = url
  return { url, stop: () => void http.stop(true) }
}

/** Without an issuer: a token of the gateway's own. */
const holderOf = ({ issuer = '', subject, groups = [], roles }: ApiCaller): DutyHolder => ({
  ...{ issuer, subject, groups, roles },
})

const askedBy =
  (reload: () => Promise<Reloaded>, log: Log): NonNullable<ApiPorts['reload']> =>
  ({ subject, issuer = '', token = '' }) => {
    log('info', 'reload_asked', { subject, issuer, token })
    return reload()
  }

const sourceOf = (client: { readonly address: string; readonly port: number } | null): string => {
  if (client === null) return 'unknown:0'
  const { address, port } = client
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

type Authenticate = ReturnType<typeof createBearerVerifier>

function unlessRevoked(authenticate: Authenticate, gate: AccessGate): Authenticate {
  return async (bearer) => {
    const verified = await authenticate(bearer)
    const why = verified.ok ? whyRevoked(verified.caller, gate) : undefined
    return why === undefined ? verified : { ok: false, rule: 'access.revoked', reason: why }
  }
}

function whyRevoked(caller: Caller, gate: AccessGate): string | undefined {
  const { issuer = 'sluice', subject, groups = [], token: credential, login } = caller
  const who = { issuer, subject, groups, method: 'token' as const, credential }
  return gate.revoked({ ...who, ...(login === undefined ? {} : { login }) })?.message
}

/** A browser that was signed in before is signed in no more. */
function unlessRevokedSince(sessions: BrowserSessions, gate: AccessGate): BrowserSessions {
  return {
    ...sessions,
    find(cookie) {
      const found = sessions.find(cookie)
      if (found === undefined || whyRevoked(found.caller, gate) === undefined) return found
      sessions.close(cookie)
      return undefined
    },
  }
}
