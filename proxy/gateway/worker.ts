/**
 * A worker: a process that speaks to clients on the ports that it shares with others, and records into a data
 * directory of its own. It ends with the gateway that started it.
 *
 * @module
 */
import type { Hold } from '../../storage/evidence/hold.ts'
import { workerData } from '../../storage/store/gathered.ts'
import { lockDataDirectory } from '../../storage/store/lock.ts'
import type { ShredResult } from '../api/ports.ts'
import { generateSshKey } from '../config/ssh-keygen.ts'
import type { WaitingLogin } from '../console/ports.ts'
import { createClock } from '../core/clock.ts'
import { loadGatewayKeys, loadLogKeys } from '../identity/gateway-keys.ts'
import { createIssuers } from '../identity/issuers.ts'
import { createKeyRing } from '../identity/keys.ts'
import { createProvider } from '../identity/provider.ts'
import { createLog, heardBy } from '../log.ts'
import { createMeter } from '../metrics/meter.ts'
import { createLivePolicy } from '../policy/live.ts'
import { createPolicy } from '../policy/policy.ts'
import { createAccess, logBreakGlass, whyEnded } from './access.ts'
import { bind } from './bind.ts'
import { openDesk } from './desk.ts'
import { type Lock, openEvidence } from './evidence.ts'
import { reloadOnHangup } from './hangup.ts'
import { worker_lock_look_ms, worker_lock_ms } from './limits.ts'
import { openLogins, pagesOf } from './logins.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import type { Options } from './options.ts'
import { Refusal } from './refusal.ts'
import { createSamlInUse } from './saml.ts'
import { createSessions } from './sessions.ts'
import { readSetup } from './setup.ts'
import { watchedOf } from './sign-ins.ts'
import { fingerprints, hostKeys, openSsh } from './ssh.ts'

export async function runWorker(
  options: Options,
  { number, ...shared }: NonNullable<Options['worker']>,
): Promise<void> {
  let end: () => Promise<void> = async () => process.exit(0)
  // The gateway is gone: without it nobody watches over this process, and nobody reads what it records. One that is
  // still starting would wait for the gateway's word for ever, and keep the directory from every later worker.
  process.on('disconnect', () => void end())
  const {
    config,
    ruleset,
    rules_source,
    policy: policy_parts,
    data: root,
    key,
  } = await readSetup(options)
  const { listen } = config
  const data = workerData(root, number)
  const meter = createMeter(`worker-${number}`, () => performance.now(), Date.now)
  const log = heardBy(
    meter.heard,
    createLog((line) => process.stderr.write(line), Date.now, { worker: number }),
  )
  const lock = await waitForLock(data)
  const gateway_keys = loadGatewayKeys(root, () => generateSshKey(config.gateway.name).private_text)
  const clock = createClock(Date.now, () => performance.now())
  const access = createAccess(clock.now_us, fingerprints([gateway_keys.ssh_user_ca]))
  access.useList(config.identity.revoked_certificates)
  const policy = createLivePolicy(createPolicy(config, policy_parts, { access }))
  let held: readonly Hold[] | undefined
  const evidence = await openEvidence({
    data,
    key,
    lock,
    config,
    log_keys: loadLogKeys(data, config.gateway.name),
    auditors: config.evidence.auditors.map(({ jwk }) => ({ ...jwk })),
    ruleset,
    policy_hash: policy.hash,
    log,
    meter,
    changed: (reasons) => tell({ kind: 'health', reasons }),
    holds: () => held,
    now_us: clock.now_us,
  })
  const { public_url } = config.gateway
  const ports = { now_us: clock.now_us, monotonic_ms: () => performance.now() }
  const providers = config.identity.oidc.map((settings) => createProvider(settings, ports))
  const keys = createKeyRing(config.identity.keys)
  const standing = { access, keys, providers }
  const sessions = createSessions(
    clock.now_us,
    whyEnded(standing, clock.now_us),
    logBreakGlass(log),
  )
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'holds') held = message.holds
    if (message.kind === 'retain')
      evidence.retain().catch(() => log('error', 'retention_failed', { reason: 'not recorded' }))
  })
  await firstAccess(({ state }) => {
    access.use(state)
    sessions.end(whyEnded(standing, clock.now_us))
  })
  const saml = createSamlInUse(
    config.identity.saml.map(({ name }) => name),
    [],
  )
  const logins = openLogins({
    ...{ saml, providers, log },
    asked_at: () => config.gateway.public_url,
    pages_at: () => pagesOf(config),
    signedIn(identity, tokens, for_ms) {
      const signed_in = watchedOf(identity, tokens, clock.now_us() + for_ms * 1_000)
      if (signed_in !== undefined) tell({ kind: 'signed_in', signed_in })
    },
  })
  const desk = openDesk(
    policy,
    evidence.recorder,
    (change) => tell({ kind: 'desk', change }),
    () => public_url,
  )
  const issuers = createIssuers(providers, config.identity.ci, ports)
  const common = {
    ...{ config, gateway_keys, issuers, policy, sessions, logins, log, is_shared: true },
    // Nobody could decide without it.
    approvals: listen.api === undefined ? undefined : desk,
  }
  const { recorder } = evidence
  const ssh =
    listen.ssh === undefined
      ? undefined
      : await bind('listen.ssh', { ...listen.ssh, port: shared.ssh ?? 0 }, false, (address) =>
          openSsh({
            ...{ ...common, address, keys, recorder, gate: access, extra_targets: [] },
            host_keys: hostKeys(config, gateway_keys),
          }),
        )
  const at_postgres = listen.postgres && { ...listen.postgres, port: shared.postgres ?? 0 }
  const postgres =
    at_postgres === undefined
      ? undefined
      : await bind('listen.postgres', at_postgres, false, async (address) =>
          (await import('./postgres.ts')).openPostgres({
            ...{ ...common, address, recorder },
            elsewhere: ({ pid, secret }) =>
              tell({ kind: 'cancel', pid, secret: Buffer.from(secret).toString('hex') }),
          }),
        )

  const reload = reloadOnHangup({
    path: options.config,
    ...{ config, rules_source, policy, saml, is_worker: true, sessions, log, ...standing },
    recorder: evidence.recorder,
  })
  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    log('info', 'stopping', { sessions: sessions.size })
    desk.close()
    await Promise.all([ssh?.stop(options.drain_ms), postgres?.stop(options.drain_ms)])
    await evidence.stop()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
  end = stop
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'access' || message.kind === 'holds' || message.kind === 'retain') return
    if (message.kind === 'reload') {
      void reload?.()
      return
    }
    if (message.kind === 'cancel') {
      const { pid, secret } = message
      postgres?.cancel({ pid, secret: Uint8Array.from(Buffer.from(secret, 'hex')) })
      return
    }
    const { ask } = message
    switch (message.kind) {
      case 'waiting_login': {
        const login = logins?.waiting(message.id)
        tell({ kind: 'login', ask, login: login === undefined ? undefined : shown(login) })
        return
      }
      case 'settle_login':
        tell({
          kind: 'settled',
          ask,
          is_there: logins?.settle(message.id, message.result) ?? false,
        })
        return
      case 'metrics':
        tell({ kind: 'metrics', ask, families: evidence.families(desk.requests().length) })
        return
      case 'sign_ins':
        tell({ kind: 'sign_ins', ask, logins: sessions.logins() })
        return
      case 'requests':
        tell({ kind: 'requests', ask, requests: desk.requests() })
        return
      case 'shred':
        void evidence
          .shred(message.session, message.by, message.reason, message.release)
          .catch(() => not_known)
          .then((result) => tell({ kind: 'shredded', ask, result }))
        return
      case 'vote':
        void desk
          .vote(message.id, message.vote)
          .then((result) => tell({ kind: 'voted', ask, result }))
    }
  })
  tell({ kind: 'ready', addresses: { ssh: ssh?.address, postgres: postgres?.address } })
  if (!process.connected) await stop()
}

const not_known: ShredResult = {
  ...{ ok: false, code: 'recording', message: 'the store cannot be read now' },
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message)
}

/** Resolves with the first state: before it nobody may come in, as who may not is not known. Calls with each. */
function firstAccess(use: (message: Extract<ToWorker, { kind: 'access' }>) => void): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', (message: ToWorker) => {
      if (message.kind !== 'access') return
      use(message)
      resolve()
    })
    tell({ kind: 'hello' })
    // Gone before anything could listen for its end.
    if (!process.connected) process.exit(0)
  })
}

/** No more than the page shows. */
function shown({ provider, source, account, target, user_code, url }: WaitingLogin): WaitingLogin {
  return { provider, source, account, target, user_code, url }
}

async function waitForLock(data: string): Promise<Lock> {
  for (let waited_ms = 0; ; waited_ms += worker_lock_look_ms) {
    const lock = lockDataDirectory(data)
    if (lock.ok) return lock
    if (waited_ms >= worker_lock_ms) throw new Refusal(1, lock.reason)
    await Bun.sleep(worker_lock_look_ms)
  }
}
