/**
 * The SSH side put together: who may come in, where to, and the session that each becomes.
 *
 * @module
 */
import { type Address, formatAddress } from '../config/address.ts'
import type { Config } from '../config.ts'
import { sshConnector } from '../connector/ssh/connector.ts'
import type { SshTarget } from '../connector/ssh/dial.ts'
import { parseKey } from '../connector/ssh/library.ts'
import type { AccessGate } from '../core/access.ts'
import type { Approvals } from '../core/approval.ts'
import { createClock } from '../core/clock.ts'
import { fingerprint } from '../core/fingerprint.ts'
import type { Identity } from '../core/identity.ts'
import type { Denial } from '../core/verdict.ts'
import { createCertificateIdentify } from '../identity/certificate.ts'
import { userOf } from '../identity/database-token.ts'
import type { DeviceLogins } from '../identity/device-login.ts'
import type { GatewayKeys } from '../identity/gateway-keys.ts'
import type { Issuers } from '../identity/issuers.ts'
import { createIdentify, type KeyRing } from '../identity/keys.ts'
import { gateway_issuer } from '../identity/user-certificate.ts'
import { type Listener, listen } from '../listener/listener.ts'
import type { Log } from '../log.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { createFlight } from '../session/flight.ts'
import { describeFault } from './fault.ts'
import { Refusal } from './refusal.ts'
import { createRefused, refusedClaim } from './refused.ts'
import type { Sessions } from './sessions.ts'

export interface SshOptions {
  readonly config: Config
  readonly address: Address
  /** Whether other processes may have the same port open: the system then spreads connections over all. */
  readonly is_shared: boolean
  readonly host_keys: readonly string[]
  readonly gateway_keys: GatewayKeys
  readonly keys: KeyRing
  /** What was taken away. */
  readonly gate: AccessGate
  readonly sessions: Sessions
  readonly extra_targets: readonly SshTarget[]
  readonly policy: StaticPolicy
  readonly recorder: RecorderClient
  /** Where commands wait for a person. */
  readonly approvals: Approvals | undefined
  /** Undefined where nobody signs in by a browser. */
  readonly logins: DeviceLogins | undefined
  readonly issuers: Issuers
  readonly log: Log
}

export interface SshSide {
  readonly address: Address
  readonly sessions: number
  /** Accepts no one any more; ends what still runs after `drain_ms`. Resolves when nothing runs. */
  stop(drain_ms: number): Promise<void>
}

/** Rejects with the error of the system when the port cannot be opened. */
export async function openSsh(options: SshOptions): Promise<SshSide> {
  const { config, log, policy, recorder } = options
  const targets: ReadonlyMap<string, SshTarget> = new Map(
    [
      ...config.targets
        .filter((target) => target.protocol === 'ssh')
        .map((target) => sshTarget(target, (name) => targets.get(name))),
      ...options.extra_targets,
    ].map((target) => [target.name, target]),
  )
  const labels = new Map(config.targets.map((target) => [target.name, target.labels]))
  const flight = createFlight(() => performance.now())
  const { sessions } = options
  const refused = createRefused({ recorder, log, monotonic_ms: () => performance.now() })
  const identify = createIdentify(options.keys, {
    token: async ({ jwt }) => {
      const proven = await options.issuers.prove(jwt)
      return proven === undefined ? undefined : userOf(proven)
    },
    certificate: createCertificateIdentify({
      own: publicBlob(options.gateway_keys.ssh_user_ca),
      authorities: config.identity.ssh_ca,
      vouches: (issuer) =>
        issuer === gateway_issuer
          ? { bind_session_to_token: false }
          : options.issuers.rules(issuer),
      revoked: (identity) => {
        const revocation = options.gate.revoked(identity)
        // Who is kept out by name is somebody, and told so where they wanted to go.
        return revocation?.certificate === undefined ? undefined : revocation.message
      },
      now_us: createClock(Date.now, () => performance.now()).now_us,
    }),
  })
  const listener: Listener = await listen({
    ...options.address,
    is_shared: options.is_shared,
    connector: sshConnector({
      host_keys: options.host_keys,
      target: (name) => targets.get(name),
      env: config.ssh.env,
      ...(options.logins === undefined ? {} : { sign_in: options.logins }),
      // Who has no such jobs is not asked for a password.
      tokens: config.identity.ci.length > 0,
      refused: (rule, source) => refused({ rule, source, protocol: 'ssh' }),
      jump: {
        authority: options.gateway_keys.ssh_host_ca,
        host_key: options.gateway_keys.ssh_host_key,
        now_ms: Date.now,
        open: (stream, source, connector) => listener.admit(stream, source, connector),
      },
    }),
    identify: async (claim) => {
      const identity = await identify(claim)
      // A key that nobody has registered is a question, not a credential; so is what its owner will sign with.
      const is_question =
        claim.kind === 'public_key' ||
        (claim.kind === 'certificate' && !claim.is_signed && isForOwner(identity))
      if ('allowed' in identity && !is_question)
        refused({ rule: identity.rule, protocol: 'ssh', ...refusedClaim(claim) })
      return identity
    },
    serve: (greeting) =>
      sessions.run(greeting, {
        policy,
        recorder,
        approvals: options.approvals,
        flight,
        now_ms: () => performance.now(),
        protocol: 'ssh',
        // Loaded for the first terminal: many gateways never have one.
        openScreen: async (size) => (await import('../screen/screen.ts')).openScreen(size),
        labels: (target) => labels.get(target) ?? {},
        fault: (error) => log('error', 'fault', describeFault(error)),
      }),
    log: (event, fields) => log('info', event, fields),
  })
  return {
    address: listener.address,
    get sessions() {
      return sessions.size
    },
    async stop(drain_ms) {
      listener.stop()
      await sessions.stop(drain_ms)
    },
  }
}

const isForOwner = (answer: Identity | Denial): boolean =>
  'allowed' in answer && answer.is_for_owner === true

/** The gateway's own host keys: those of the configuration, or the one that it made for itself. */
export function hostKeys(config: Config, gateway_keys: GatewayKeys): readonly string[] {
  const { ssh_host_keys } = config.gateway
  return ssh_host_keys.length > 0
    ? ssh_host_keys.map(({ pem }) => pem.reveal())
    : [gateway_keys.ssh_host_key]
}

/** What ssh shows of each of them to who connects for the first time. */
export const fingerprints = (host_keys: readonly string[]): string =>
  host_keys.map((key) => fingerprint(publicBlob(key))).join(' ')

const publicBlob = (private_key: string): Uint8Array =>
  Buffer.from(publicLine(private_key).split(' ')[1] ?? '', 'base64')

/** The public half of a private key, as `known_hosts` has it. */
export function publicLine(private_key: string | undefined): string {
  const key = parseKey(private_key ?? '')
  if (key instanceof Error) throw new Refusal(1, 'the host key cannot be read')
  return `${key.type} ${key.getPublicSSH().toString('base64')}`
}

function sshTarget(
  target: Extract<Config['targets'][number], { protocol: 'ssh' }>,
  find: (name: string) => SshTarget | undefined,
): SshTarget {
  const { name, address, host_keys, accounts, via } = target
  return {
    ...(via === undefined ? {} : { via: { account: via.account, target: () => find(via.target) } }),
    name,
    shell_integration: target.shell_integration,
    address: formatAddress(address),
    host_keys: host_keys.map(({ blob }) => blob),
    credential(account) {
      const credential = Object.hasOwn(accounts, account) ? accounts[account] : undefined
      if (credential === undefined) return undefined
      return credential.kind === 'private_key'
        ? { kind: 'private_key', private_key: credential.key.pem.reveal() }
        : { kind: 'password', password: credential.password.reveal() }
    },
  }
}
