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
import type { Approvals } from '../core/approval.ts'
import { fingerprint } from '../core/fingerprint.ts'
import type { DeviceLogins } from '../identity/device-login.ts'
import type { GatewayKeys } from '../identity/gateway-keys.ts'
import type { KeyRing } from '../identity/keys.ts'
import { type Listener, listen } from '../listener/listener.ts'
import type { Log } from '../log.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { createFlight } from '../session/flight.ts'
import { describeFault } from './fault.ts'
import { Refusal } from './refusal.ts'
import type { Sessions } from './sessions.ts'

export interface SshOptions {
  readonly config: Config
  readonly address: Address
  /** Whether other processes may have the same port open: the system then spreads connections over all. */
  readonly is_shared: boolean
  readonly host_keys: readonly string[]
  readonly gateway_keys: GatewayKeys
  readonly keys: KeyRing
  readonly sessions: Sessions
  readonly extra_targets: readonly SshTarget[]
  readonly policy: StaticPolicy
  readonly recorder: RecorderClient
  /** Where commands wait for a person. */
  readonly approvals: Approvals | undefined
  /** Undefined where nobody signs in by a browser. */
  readonly logins: DeviceLogins | undefined
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
  const listener: Listener = await listen({
    ...options.address,
    is_shared: options.is_shared,
    connector: sshConnector({
      host_keys: options.host_keys,
      target: (name) => targets.get(name),
      env: config.ssh.env,
      ...(options.logins === undefined ? {} : { sign_in: options.logins }),
      jump: {
        authority: options.gateway_keys.ssh_host_ca,
        host_key: options.gateway_keys.ssh_host_key,
        now_ms: Date.now,
        open: (stream, source, connector) => listener.admit(stream, source, connector),
      },
    }),
    identify: options.keys.identify,
    serve: (greeting) =>
      sessions.run(greeting, {
        policy,
        recorder,
        approvals: options.approvals,
        flight,
        protocol: 'ssh',
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

/** The gateway's own host keys: those of the configuration, or the one that it made for itself. */
export function hostKeys(config: Config, gateway_keys: GatewayKeys): readonly string[] {
  const { ssh_host_keys } = config.gateway
  return ssh_host_keys.length > 0
    ? ssh_host_keys.map(({ pem }) => pem.reveal())
    : [gateway_keys.ssh_host_key]
}

/** What ssh shows of each of them to who connects for the first time. */
export const fingerprints = (host_keys: readonly string[]): string =>
  host_keys
    .map((key) => fingerprint(Buffer.from(publicLine(key).split(' ')[1] ?? '', 'base64')))
    .join(' ')

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
