/**
 * `bun run proxy`: the composition root. The only file of the live path that may import everything.
 *
 * @module
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { backlog_segments_default } from '../storage/journal/limits.ts'
import { startStore } from '../storage/store/client.ts'
import { StoreError } from '../storage/store/errors.ts'
import { lockDataDirectory } from '../storage/store/lock.ts'
import { createApi } from './api/app.ts'
import { type Address, formatAddress } from './config/address.ts'
import { generateSshKey } from './config/ssh-keygen.ts'
import { type Config, loadConfig } from './config.ts'
import { sshConnector } from './connector/ssh/connector.ts'
import type { SshTarget } from './connector/ssh/dial.ts'
import { parseKey } from './connector/ssh/library.ts'
import { createClock } from './core/clock.ts'
import { RecorderError } from './core/errors.ts'
import { createBearerVerifier } from './identity/bearer.ts'
import { createDeviceLogins } from './identity/device-login.ts'
import { loadGatewayKeys } from './identity/gateway-keys.ts'
import { createIdentify } from './identity/keys.ts'
import { createProvider } from './identity/provider.ts'
import { createTokenVerifier, parseTokenKey } from './identity/token.ts'
import { listen } from './listener/listener.ts'
import { createLog } from './log.ts'
import { createPolicy } from './policy/policy.ts'
import { type RecorderClient, startRecorder } from './recorder/client.ts'
import { endWhenExpired } from './session/expiry.ts'
import { createFlight } from './session/flight.ts'
import { type Session, startSession } from './session/session.ts'
import { compileRules } from './tap/ruleset.ts'
import { startTrial, trial_targets, whyMisplaced } from './trial/trial.ts'

const usage = 'usage: bun run proxy [--config sluice.yaml] [--data DIR] [--drain SECONDS]'

/** Exit codes as of the CLI: 1 it cannot run now, 2 it was told something wrong. */
class Refusal extends Error {
  readonly exit_code: 1 | 2
  constructor(exit_code: 1 | 2, message: string) {
    super(message)
    this.exit_code = exit_code
  }
}

interface Options {
  readonly config: string | undefined
  readonly data: string | undefined
  readonly drain_ms: number
}

function readOptions(words: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        config: { type: 'string' },
        data: { type: 'string' },
        drain: { type: 'string', default: '5' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(`${usage}\n`)
      process.exit(0)
    }
    const drain_s = Number(values.drain)
    if (!Number.isFinite(drain_s) || drain_s < 0 || drain_s > 3600)
      throw new Refusal(2, `--drain is 0 to 3600 seconds\n${usage}`)
    return { config: values.config, data: values.data, drain_ms: drain_s * 1000 }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(2, `${error instanceof Error ? error.message : 'wrong usage'}\n${usage}`)
  }
}

/** The config, and the rules that it compiles to; nothing is open yet. */
function readConfig(options: Options): {
  config: Config
  warnings: readonly string[]
  ruleset: Extract<ReturnType<typeof compileRules>, { ok: true }>['ruleset']
} {
  const loaded = loadConfig(options.config, process.env)
  if (!loaded.ok) throw new Refusal(2, loaded.problem)
  const { config, locate } = loaded
  const { packs, custom, known } = config.masking
  const rules = compileRules(packs, custom, known.take())
  if (!rules.ok) {
    const path = rules.index === undefined ? ['masking'] : ['masking', 'custom', rules.index]
    throw new Refusal(2, locate(path, `rule ${rules.rule}: ${rules.reason}`))
  }
  return { config, warnings: loaded.warnings, ruleset: rules.ruleset }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  const { config, warnings, ruleset } = readConfig(options)
  const data = options.data === undefined ? config.gateway.data : resolve(options.data)
  const log = createLog((line) => process.stderr.write(line), Date.now)
  const misplaced = whyMisplaced(data, options.config === undefined)
  if (misplaced !== undefined) throw new Refusal(1, misplaced)
  for (const warning of warnings) log('warn', 'config', { warning })

  const lock = lockDataDirectory(data)
  if (!lock.ok) throw new Refusal(1, lock.reason)
  const gateway_keys = loadGatewayKeys(
    data,
    config.gateway.name,
    () => generateSshKey(config.gateway.name).private_text,
  )
  const host_keys =
    config.gateway.ssh_host_keys.length > 0
      ? config.gateway.ssh_host_keys.map(({ pem }) => pem.reveal())
      : [gateway_keys.ssh_host_key]
  const trial =
    options.config === undefined
      ? await startTrial({ data, host_key_line: publicLine(host_keys[0]) })
      : undefined
  const targets: ReadonlyMap<string, SshTarget> = new Map(
    [
      ...config.targets.map((target) => sshTarget(target, (name) => targets.get(name))),
      ...(trial === undefined ? [] : [trial.target]),
    ].map((target) => [target.name, target]),
  )
  const policy = createPolicy({
    policy: config.policy,
    targets: trial === undefined ? config.targets : trial_targets,
  })

  let lagging: string | undefined
  let recorder: RecorderClient | undefined
  const store = await startStore(data, {
    projected: (lsn) => recorder?.projected(lsn),
    lagging: (reason) => {
      lagging = reason
      log(reason === undefined ? 'info' : 'error', 'store_lagging', { reason: reason ?? 'over' })
    },
    gone: (error) => {
      lagging = error.message
      log('error', 'store_gone', { reason: error.message })
    },
  })
  const running = await startRecorder(
    {
      data,
      segment_bytes: config.journal.segment_bytes,
      backlog_segments_max: backlog_segments_default,
      gateway: config.gateway.name,
      origin: gateway_keys.origin,
      log_key: gateway_keys.log_key,
      auditors: (trial?.auditors ?? config.evidence.auditors).map(({ jwk }) => ({ ...jwk })),
      ruleset,
      idle_ms: config.masking.idle_ms_max,
      policy_hash: policy.hash,
      recovered: store.recovered,
    },
    {
      durable: (lsn) => store.durable(lsn),
      health: (failing) =>
        failing === undefined
          ? log('info', 'recording_resumed', {})
          : log('error', 'recording_failed', { reason: failing }),
    },
  )
  recorder = running

  const sessions = new Set<Session>()
  const flight = createFlight(() => performance.now())
  const clock = createClock(Date.now, () => performance.now())
  const labels = new Map(config.targets.map((target) => [target.name, target.labels]))
  const identify = createIdentify({
    identity: { keys: [...config.identity.keys, ...(trial?.keys ?? [])] },
  })
  const providers = [...config.identity.oidc, ...(trial === undefined ? [] : [trial.provider])].map(
    (settings) =>
      createProvider(settings, { now_us: clock.now_us, monotonic_ms: () => performance.now() }),
  )
  /** Where browsers find the pages; in the trial, where the API turns out to be. */
  let pages_at = config.gateway.public_url
  const logins = createDeviceLogins(providers, {
    page: (id) => (pages_at === undefined ? undefined : `${pages_at}/login/device?login=${id}`),
    log: (event, fields) => log('info', event, fields),
  })
  const listener =
    config.listen.ssh === undefined
      ? undefined
      : await bind('listen.ssh', config.listen.ssh, trial !== undefined, (address) =>
          listen({
            ...address,
            connector: sshConnector({
              host_keys,
              target: (name) => targets.get(name),
              env: config.ssh.env,
              ...(providers.length === 0 ? {} : { sign_in: logins }),
              jump: {
                authority: gateway_keys.ssh_host_ca,
                host_key: gateway_keys.ssh_host_key,
                now_ms: Date.now,
                open: (stream, source, connector) => listener?.admit(stream, source, connector),
              },
            }),
            identify,
            serve: async (greeting) => {
              const session = startSession(greeting, {
                policy,
                recorder: running,
                flight,
                protocol: 'ssh',
                labels: (target) => labels.get(target) ?? {},
                fault: (error) => log('error', 'fault', describeFault(error)),
              })
              sessions.add(session)
              const { ends_us } = greeting.identity
              if (ends_us !== undefined) endWhenExpired(session, ends_us, clock.now_us)
              await session.ended.finally(() => sessions.delete(session))
            },
            log: (event, fields) => log('info', event, fields),
          }),
        )

  const token_key = parseTokenKey(gateway_keys.api_key)
  if (token_key === undefined) throw new Refusal(1, `${data}/keys/api.pem is not an Ed25519 key`)
  const api = createApi({
    reader: store,
    authenticate: createBearerVerifier(createTokenVerifier(token_key, clock.now_us), providers),
    evidenceRead: ({ issuer, subject }, what) =>
      running.note('evidence.read', { subject, what, ...(issuer === undefined ? {} : { issuer }) }),
    waitingLogin: logins.waiting,
    health: () => {
      const reasons = [running.failing, lagging].filter((reason) => reason !== undefined)
      return { status: reasons.length === 0 ? 'ok' : 'failing', reasons }
    },
    hosts: pages_at === undefined ? [] : [new URL(pages_at).hostname],
    failed: (error) => log('error', 'api_fault', describeFault(error)),
  })
  const http =
    config.listen.api === undefined
      ? undefined
      : await bind('listen.api', config.listen.api, trial !== undefined, ({ host, port }) =>
          Bun.serve({ hostname: host, port, fetch: api.fetch }),
        )

  const ssh_at = listener === undefined ? 'off' : formatAddress(listener.address)
  const api_at =
    http === undefined
      ? 'off'
      : `http://${formatAddress({ host: http.hostname ?? '127.0.0.1', port: http.port ?? 0 })}`
  if (trial !== undefined && http !== undefined) pages_at = api_at
  process.stdout.write(`sluice ready ssh=${ssh_at} api=${api_at}\n`)
  if (trial !== undefined && listener !== undefined)
    process.stdout.write(trial.text(listener.address, api_at))

  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    log('info', 'stopping', { sessions: sessions.size })
    listener?.stop()
    const ended = Promise.all([...sessions].map((session) => session.ended.catch(() => {})))
    await Promise.race([ended, Bun.sleep(options.drain_ms)])
    for (const session of sessions) session.end('drained', 'the gateway is being stopped')
    await Promise.race([ended, Bun.sleep(end_ms)])
    void http?.stop(true)
    trial?.stop()
    await running.stop()
    await store.stop()
    lock.release()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
}

/** Opens a port. Where nobody chose it, as in the trial, any free one will do. */
async function bind<T>(
  key: string,
  address: Address,
  is_any_port: boolean,
  open: (address: Address) => T | Promise<T>,
): Promise<T> {
  try {
    return await open(address)
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) throw error
    const code = String(error.code)
    if (code === 'EADDRINUSE' && is_any_port && address.port !== 0)
      return bind(key, { ...address, port: 0 }, false, open)
    const why = code === 'EADDRINUSE' ? 'the port is in use' : `it cannot be opened (${code})`
    throw new Refusal(1, `${key}: ${formatAddress(address)}: ${why}`)
  }
}

/** Where it happened. Not its message, which may hold what a user or a target sent. */
function describeFault(error: unknown): { error: string; at: string } {
  if (!(error instanceof Error)) return { error: typeof error, at: '' }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s*at /.test(line))
  return { error: error.name, at: frames.slice(0, 5).join(' ').replaceAll(/\s+/g, ' ') }
}

/** How long sessions that were told to end may take to write their last record. */
const end_ms = 3_000

function sshTarget(
  target: Config['targets'][number],
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

/** The public half of a private key, as `known_hosts` has it. */
function publicLine(private_key: string | undefined): string {
  const key = parseKey(private_key ?? '')
  if (key instanceof Error) throw new Refusal(1, 'the host key cannot be read')
  return `${key.type} ${key.getPublicSSH().toString('base64')}`
}

main().catch((error: unknown) => {
  const is_known = error instanceof StoreError || error instanceof RecorderError
  if (!(error instanceof Refusal) && !is_known) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(error instanceof Refusal ? error.exit_code : 1)
})
