/**
 * The PostgreSQL side put together: who may come in, where to, and the session that each becomes.
 *
 * @module
 */
import type { Address } from '../config/address.ts'
import type { Config } from '../config.ts'
import type { CancelKey } from '../connector/postgres/cancel.ts'
import { postgresConnector } from '../connector/postgres/connector.ts'
import type { PostgresTarget } from '../connector/postgres/dial.ts'
import type { Approvals } from '../core/approval.ts'
import { createClock } from '../core/clock.ts'
import { createTokenIdentify } from '../identity/database-token.ts'
import type { DeviceLogins } from '../identity/device-login.ts'
import type { GatewayKeys } from '../identity/gateway-keys.ts'
import type { Issuers } from '../identity/issuers.ts'
import { parseTokenKey } from '../identity/token.ts'
import { listen } from '../listener/listener.ts'
import type { Log } from '../log.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { createFlight } from '../session/flight.ts'
import { describeFault } from './fault.ts'
import { Refusal } from './refusal.ts'
import { createRefused } from './refused.ts'
import type { Sessions } from './sessions.ts'

export interface PostgresOptions {
  readonly config: Config
  readonly address: Address
  /** Other processes of this gateway have the same port. */
  readonly is_shared: boolean
  readonly gateway_keys: GatewayKeys
  readonly issuers: Issuers
  readonly policy: StaticPolicy
  readonly sessions: Sessions
  readonly recorder: RecorderClient
  /** Where statements wait for a person. */
  readonly approvals: Approvals | undefined
  /** Undefined where nobody signs in by a browser. */
  readonly logins: DeviceLogins | undefined
  readonly log: Log
  /** Asked to cancel by a key that this process has not given out. */
  readonly elsewhere?: (key: CancelKey) => void
}

export interface PostgresSide {
  readonly address: Address
  /** Cancels what runs under this key; nothing when it is none of here. */
  cancel(key: CancelKey): void
  /** Accepts no one any more; ends what still runs after `drain_ms`. Resolves when nothing runs. */
  stop(drain_ms: number): Promise<void>
}

/** Rejects with the error of the system when the port cannot be opened. */
export async function openPostgres(options: PostgresOptions): Promise<PostgresSide> {
  const { config, log, policy, recorder } = options
  const token_key = parseTokenKey(options.gateway_keys.api_key)
  if (token_key === undefined) throw new Refusal(1, 'keys/api.pem is not an Ed25519 key')
  const configured = config.targets.filter((target) => target.protocol === 'postgres')
  const targets = new Map(configured.map((target) => [target.name, postgresTarget(target)]))
  const labels = new Map(config.targets.map((target) => [target.name, target.labels]))
  const clock = createClock(Date.now, () => performance.now())
  const identify = createTokenIdentify(token_key, options.issuers, clock.now_us)
  const refused = createRefused({ recorder, log, monotonic_ms: () => performance.now() })
  const flight = createFlight(() => performance.now())
  const { sessions } = options
  const { tls } = config.gateway
  const connector = await postgresConnector({
    target: (name) => targets.get(name),
    speaksOfObjects: () => policy.readsObjects,
    now_ms: () => performance.now(),
    ...(options.logins === undefined ? {} : { sign_in: options.logins }),
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key.reveal() } }),
    ...(options.elsewhere === undefined ? {} : { elsewhere: options.elsewhere }),
  })
  const listener = await listen({
    ...options.address,
    is_shared: options.is_shared,
    connector,
    identify: async (claim) => {
      const identity = await identify(claim)
      if ('allowed' in identity) refused({ rule: identity.rule, protocol: 'postgres' })
      return identity
    },
    serve: (greeting) =>
      sessions.run(greeting, {
        policy,
        recorder,
        approvals: options.approvals,
        flight,
        now_ms: () => performance.now(),
        protocol: 'postgres',
        labels: (target) => labels.get(target) ?? {},
        fault: (error) => log('error', 'fault', describeFault(error)),
      }),
    log: (event, fields) => log('info', event, fields),
  })
  return {
    address: listener.address,
    cancel: connector.cancel,
    async stop(drain_ms) {
      listener.stop()
      await sessions.stop(drain_ms)
    },
  }
}

function postgresTarget({
  name,
  address,
  tls,
  accounts,
  columns,
  recorded_rows_max,
}: Extract<Config['targets'][number], { protocol: 'postgres' }>): PostgresTarget {
  return {
    name,
    ...address,
    tls,
    columns: new Map(Object.entries(columns)),
    recorded_rows_max,
    password(account) {
      const credential = Object.hasOwn(accounts, account) ? accounts[account] : undefined
      return credential?.kind === 'password' ? credential.password.reveal() : undefined
    },
  }
}
