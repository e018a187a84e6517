/**
 * `bun run proxy`: the composition root. `gateway/` holds the parts that it puts together.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Hold } from '../storage/evidence/hold.ts'
import { noteSigner } from '../storage/evidence/note.ts'
import { StoreError } from '../storage/store/errors.ts'
import { workerData } from '../storage/store/gathered.ts'
import { type Address, formatAddress } from './config/address.ts'
import { generateSshKey } from './config/ssh-keygen.ts'
import type { ApprovalRequest, Vote, VoteResult } from './core/approval.ts'
import { createClock } from './core/clock.ts'
import { RecorderError } from './core/errors.ts'
import { type AccessState, createAccess, logBreakGlass, whyEnded } from './gateway/access.ts'
import { openApi } from './gateway/api.ts'
import { bind } from './gateway/bind.ts'
import type { Terminals } from './gateway/console.ts'
import { openDesk } from './gateway/desk.ts'
import { type Evidence, lockData, openEvidence } from './gateway/evidence.ts'
import { createFeed } from './gateway/feed.ts'
import { reloadOnHangup } from './gateway/hangup.ts'
import { openHolds } from './gateway/holds.ts'
import { openKeeping } from './gateway/keeping.ts'
import { openKeptSignIns } from './gateway/kept-sign-ins.ts'
import { openLogins } from './gateway/logins.ts'
import type { Addresses } from './gateway/messages.ts'
import { startNotifying } from './gateway/notifying.ts'
import { authoritiesOf, openOffice, signOut } from './gateway/office.ts'
import { type Options, readOptions } from './gateway/options.ts'
import { readAll, readArchive } from './gateway/reading.ts'
import { Refusal } from './gateway/refusal.ts'
import { createSamlInUse } from './gateway/saml.ts'
import { createSessions } from './gateway/sessions.ts'
import { readSetup } from './gateway/setup.ts'
import { startSignIns, watchedOf } from './gateway/sign-ins.ts'
import { fingerprints, hostKeys, openSsh, publicLine } from './gateway/ssh.ts'
import { runWorker } from './gateway/worker.ts'
import { startWorkers } from './gateway/workers.ts'
import { loadGatewayKeys, loadLogKeys } from './identity/gateway-keys.ts'
import { createIssuers } from './identity/issuers.ts'
import { createKeyRing } from './identity/keys.ts'
import { createProvider } from './identity/provider.ts'
import type { Login } from './identity/sign-in-watch.ts'
import type { SignedIn } from './identity/signed-in.ts'
import { createLog, heardBy } from './log.ts'
import type { Family } from './metrics/family.ts'
import { createMeter } from './metrics/meter.ts'
import { createLivePolicy } from './policy/live.ts'
import { createPolicy } from './policy/policy.ts'
import { startTrial, trial_targets, whyMisplaced } from './trial/trial.ts'

/** Where connections come in: this process, or its workers. */
interface Door {
  readonly addresses: Addresses
  /** Why it cannot do its work, one line each. */
  failing(): readonly string[]
  readonly logins: Terminals
  /** ... of other processes: knows what is given and taken away. */
  access(state: AccessState): void
  /** ... of other processes: knows what must be kept, and lets go what need not be. */
  holds(holds: readonly Hold[]): void
  retain(): void
  /** ... has the session, and erases it before its time. */
  readonly shred: Evidence['shred']
  /** Reads the configuration again, where that is not this process's own. */
  reload(): void
  requests(): Promise<readonly ApprovalRequest[]>
  vote(id: string, vote: Vote): Promise<VoteResult>
  /** On which sessions rest; undefined when that is not known now. */
  signIns(): Promise<readonly Login[] | undefined>
  /** What other processes count. */
  families(): Promise<readonly (readonly Family[])[]>
  stop(): Promise<void>
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options.worker === undefined) await runGateway(options)
  else await runWorker(options, options.worker)
}

async function runGateway(options: Options): Promise<void> {
  const {
    config,
    warnings,
    ruleset,
    policy: policy_parts,
    saml: saml_settings,
    data,
    key,
    rules_source,
  } = await readSetup(options)
  const meter = createMeter('gateway', () => performance.now(), Date.now)
  const log = heardBy(
    meter.heard,
    createLog((line) => process.stderr.write(line), Date.now),
  )
  const misplaced = whyMisplaced(data, options.config === undefined)
  if (misplaced !== undefined) throw new Refusal(1, misplaced)
  for (const warning of warnings) log('warn', 'config', { warning })

  const lock = lockData(data)
  const { name } = config.gateway
  const gateway_keys = loadGatewayKeys(data, () => generateSshKey(name).private_text)
  const host_keys = hostKeys(config, gateway_keys)
  const trial =
    options.config === undefined
      ? await startTrial({ data, host_key_line: publicLine(host_keys[0]) })
      : undefined
  const targets = trial === undefined ? config.targets : trial_targets
  const clock = createClock(Date.now, () => performance.now())
  const own_authority = fingerprints([gateway_keys.ssh_user_ca])
  const access = createAccess(clock.now_us, own_authority)
  access.useList(config.identity.revoked_certificates)
  const policy = createLivePolicy(
    createPolicy({ policy: config.policy, targets }, policy_parts, { access }),
  )
  const worker_keys =
    options.workers === 1
      ? []
      : Array.from({ length: options.workers }, (_, at) => {
          const folder = workerData(data, at + 1)
          mkdirSync(folder, { recursive: true, mode: 0o700 })
          return loadLogKeys(folder, name)
        })
  let held: readonly Hold[] | undefined
  const evidence = await openEvidence({
    holds: () => held,
    now_us: clock.now_us,
    data,
    key,
    lock,
    config,
    log_keys: loadLogKeys(data, name),
    auditors: (trial?.auditors ?? config.evidence.auditors).map(({ jwk }) => ({ ...jwk })),
    ruleset,
    policy_hash: policy.hash,
    worker_logs: worker_keys.map(({ origin, log_key }) => noteSigner(origin, log_key).verifier_key),
    log,
    meter,
  })
  const ports = { now_us: clock.now_us, monotonic_ms: () => performance.now() }
  const providers = [...config.identity.oidc, ...(trial === undefined ? [] : [trial.provider])].map(
    (settings) => createProvider(settings, ports),
  )
  const keys = createKeyRing([...config.identity.keys, ...(trial?.keys ?? [])])
  const standing = { access, keys, providers }
  const why = whyEnded(standing, clock.now_us)
  const sessions = createSessions(clock.now_us, why, logBreakGlass(log))
  let tellOthers: (state: AccessState) => void = () => {}
  let tellHolds: (holds: readonly Hold[]) => void = () => {}
  const holds = await openHolds({
    ...{ store: evidence.store, recorder: evidence.recorder, now_us: clock.now_us, log },
    changed(next) {
      held = next
      tellHolds(next)
    },
  })
  const labels = new Map(targets.map((target) => [target.name, target.labels]))
  const feed = createFeed()
  const office = await openOffice({
    ...{ evidence, policy, now_us: clock.now_us, log },
    labels: (target) => labels.get(target) ?? {},
    groups: keys.groups,
    set_aside: config.identity.set_aside,
    told: feed.changed,
    authorities: authoritiesOf(config, own_authority),
    changed(state) {
      access.use(state)
      tellOthers(state)
      sessions.end(why)
    },
  })
  const sign_ins = await startSignIns({
    ...{ providers, office, now_us: clock.now_us, log },
    kept: openKeptSignIns(data, key),
    inUse: () => door.signIns(),
  })
  const signedIn: SignedIn = (identity, tokens, for_ms) => {
    const signed_in = watchedOf(identity, tokens, clock.now_us() + for_ms * 1_000)
    if (signed_in !== undefined) sign_ins.watch(signed_in)
  }
  const issuers = createIssuers(providers, config.identity.ci, ports)
  /** Where browsers find the pages: without a TLS proxy before it, where the API turns out to be. */
  let pages_at = config.gateway.public_url
  const saml = createSamlInUse(
    config.identity.saml.map(({ name: saml_name }) => saml_name),
    saml_settings,
  )
  const logins = openLogins({
    ...{ saml, providers, log, signedIn },
    asked_at: () => config.gateway.public_url ?? (trial === undefined ? undefined : pages_at),
    pages_at: () => pages_at,
  })
  const logins_here: Terminals = {
    waiting: async (id) => logins?.waiting(id),
    settle: async (id, result) => logins?.settle(id, result) ?? false,
  }
  const { listen } = config
  const openHere = async (): Promise<Door> => {
    const desk = openDesk(policy, evidence.recorder, feed.changed, () => pages_at)
    const common = {
      ...{ config, gateway_keys, issuers, policy, sessions, logins, log, is_shared: false },
      recorder: evidence.recorder,
      // Nobody could decide without it.
      approvals: listen.api === undefined ? undefined : desk,
    }
    const ssh =
      listen.ssh === undefined
        ? undefined
        : await bind('listen.ssh', listen.ssh, trial !== undefined, (address) =>
            openSsh({
              ...{ ...common, address, host_keys, keys, gate: access },
              extra_targets: trial?.targets ?? [],
            }),
          )
    // Loaded where it is needed alone: the parser of its statements has a memory of its own, and the collector counts it.
    const postgres =
      listen.postgres === undefined
        ? undefined
        : await bind('listen.postgres', listen.postgres, false, async (address) =>
            (await import('./gateway/postgres.ts')).openPostgres({ ...common, address }),
          )
    return {
      addresses: { ssh: ssh?.address, postgres: postgres?.address },
      failing: () => [],
      logins: logins_here,
      access: () => {},
      holds: () => {},
      retain: () => {},
      shred: async () => ({ ok: false, code: 'unknown', message: 'no such session' }),
      reload: () => {},
      requests: async () => desk.requests(),
      vote: desk.vote,
      families: async () => [],
      signIns: async () => sessions.logins(),
      stop: async () => {
        desk.close()
        await Promise.all([ssh?.stop(options.drain_ms), postgres?.stop(options.drain_ms)])
      },
    }
  }
  const openWorkers = async (): Promise<Door> => {
    const { ssh, postgres } = listen
    // Shared ports are opened beside each other by whoever asks, so somebody else's would go unseen.
    if (ssh !== undefined) await bind('listen.ssh', ssh, false, whetherFree)
    if (postgres !== undefined) await bind('listen.postgres', postgres, false, whetherFree)
    const workers = await startWorkers({
      count: options.workers,
      addresses: { ssh, postgres },
      command: [process.execPath, import.meta.path, ...process.argv.slice(2)],
      drain_ms: options.drain_ms,
      log,
      access: access.state,
      holds: holds.standing(),
      changed: feed.changed,
      signedIn: sign_ins.watch,
    })
    return { ...workers, logins: { waiting: workers.waitingLogin, settle: workers.settleLogin } }
  }
  const door = await (options.workers === 1 ? openHere() : openWorkers())
  tellOthers = door.access
  // What changed while they started.
  door.access(access.state)
  tellHolds = door.holds
  door.holds(holds.standing())

  const own = readAll(evidence, data, config, key)
  const keeping = await openKeeping({
    ...{ holds, config, policy, reader: own.reader, now_us: clock.now_us, told: feed.changed },
    ...{ store: evidence.store, recorder: evidence.recorder },
    apply() {
      door.retain()
      return evidence.retain()
    },
    async shred(...asked) {
      const done = await evidence.shred(...asked)
      return !done.ok && done.code === 'unknown' ? door.shred(...asked) : done
    },
  })
  const requests = async (): Promise<readonly ApprovalRequest[]> => [
    ...keeping.releases.requests(),
    ...office.requests(),
    ...(await door.requests()),
  ]
  const notifying = startNotifying({
    webhooks: config.policy.approvals.webhooks,
    public_url: pages_at,
    recorder: evidence.recorder,
    requests,
    log,
  })
  feed.watch(notifying.changed)
  office.remind()

  const { api: api_address } = config.listen
  const failing = (): readonly string[] => [...evidence.failing(), ...door.failing()]
  const api =
    api_address === undefined
      ? undefined
      : await openApi({
          address: api_address,
          is_any_port: trial !== undefined,
          ...{ config, gateway_keys, host_keys, keys, issuers, providers, policy },
          ssh_port: door.addresses.ssh?.port,
          ssh_targets:
            trial === undefined
              ? config.targets.filter(({ protocol }) => protocol === 'ssh')
              : trial_targets,
          logins: providers.length === 0 ? undefined : logins,
          ...(options.archive === undefined ? own : readArchive(options.archive)),
          recorder: evidence.recorder,
          saml,
          terminals: door.logins,
          requests,
          access: office.port,
          keeping,
          signedOut: signOut(office, providers),
          ...{ signedIn, signIns: sign_ins },
          ...(options.config === undefined
            ? {}
            : { reload: async () => (await reload?.()) ?? nothing_to_read }),
          gate: access,
          feed,
          openLink: notifying.open,
          vote: (id, vote) =>
            keeping.releases.vote(id, vote) ?? office.vote(id, vote) ?? door.vote(id, vote),
          failing,
          replica: evidence.replica,
          families: async () => [
            evidence.families(options.workers === 1 ? (await door.requests()).length : 0),
            ...(await door.families()),
          ],
          public_url: config.gateway.public_url,
          data,
          log,
        })
  pages_at ??= api?.url
  const reload = reloadOnHangup({
    path: options.config,
    ...{ config, rules_source, policy, saml, is_worker: false, sessions, log, ...standing },
    recorder: evidence.recorder,
    others: door.reload,
  })
  const { ssh, postgres } = door.addresses
  const ssh_at = ssh === undefined ? 'off' : formatAddress(ssh)
  const postgres_at = postgres === undefined ? '' : ` postgres=${formatAddress(postgres)}`
  process.stdout.write(`sluice ready ssh=${ssh_at} api=${api?.url ?? 'off'}${postgres_at}\n`)
  // The trial says all of it in its own words.
  if (trial === undefined)
    log('info', 'ready', {
      ssh: ssh_at,
      api: api?.url ?? 'off',
      host_keys: fingerprints(host_keys),
    })
  if (trial !== undefined && ssh !== undefined)
    process.stdout.write(trial.text(ssh, api?.url ?? 'off'))

  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    log('info', 'stopping', {})
    await door.stop()
    api?.stop()
    notifying.stop()
    sign_ins.stop()
    trial?.stop()
    await evidence.stop()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
}

const nothing_to_read = { ok: false, reason: 'there is no file to read again' } as const

/** Opens the port for this process alone, and closes it again. */
function whetherFree({ host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()))
  })
}

main().catch((error: unknown) => {
  const is_known = error instanceof StoreError || error instanceof RecorderError
  if (!(error instanceof Refusal) && !is_known) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(error instanceof Refusal ? error.exit_code : 1)
})
