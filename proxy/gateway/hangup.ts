/**
 * SIGHUP: masking rules, policy, registered keys, revoked certificates, roles and SAML providers of the configuration are read
 * again, and put in use at one moment. Nothing else of the file is taken.
 *
 * @module
 */
import { ownSecrets } from '../config/known-secrets.ts'
import { type Config, loadConfig } from '../config.ts'
import { createClock } from '../core/clock.ts'
import { prepareSaml } from '../identity/saml/prepare.ts'
import type { Log } from '../log.ts'
import type { LivePolicy } from '../policy/live.ts'
import { createPolicy } from '../policy/policy.ts'
import { preparePolicy } from '../policy/prepare.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { createReload, type Reloaded, type ReloadPorts } from '../reload/reload.ts'
import { type Standing, whyEnded } from './access.ts'
import { policy_engines } from './limits.ts'
import type { SamlInUse } from './saml.ts'
import type { Ending, Running, Sessions } from './sessions.ts'

export interface HangupOptions extends Standing {
  /** Path of the configuration. Without one there is nothing to read again, and a terminal that is closed ends the trial. */
  readonly path: string | undefined
  /** What this process runs with. */
  readonly config: Config
  /** What its masking rules were made of. */
  readonly rules_source: string
  readonly policy: LivePolicy
  readonly saml: SamlInUse
  /** A worker has their names alone. */
  readonly is_worker: boolean
  readonly sessions: Sessions
  readonly recorder: RecorderClient
  readonly log: Log
  /** Who else is to read it. */
  readonly others?: () => void
}

/** Returns what does the same without a signal; undefined where there is nothing to read. */
export function reloadOnHangup(options: HangupOptions): (() => Promise<Reloaded>) | undefined {
  const { path, config, recorder, log, others } = options
  if (path === undefined) return undefined
  const reload = createReload({
    load: () => loadConfig(path, process.env),
    own: ownSecrets(config.identity.oidc, config.targets, config.evidence.remote),
    source: options.rules_source,
    prepare: prepareWith(options),
    use: recorder.configure,
    log,
  })
  const again = (): Promise<Reloaded> => {
    others?.()
    return reload()
  }
  process.on('SIGHUP', () => void again())
  return again
}

function prepareWith(options: HangupOptions): ReloadPorts['prepare'] {
  const { config, policy, keys, providers, access, sessions, saml } = options
  const { now_us } = createClock(Date.now, () => performance.now())
  let reloads = 0
  const in_use = {
    keys: config.identity.keys,
    revoked: config.identity.revoked_certificates,
    roles: new Map(providers.map(({ settings }) => [settings.issuer, settings.roles])),
  }
  return async ({ config: next, locate }) => {
    const read = await preparePolicy(next.policy.files)
    if (!read.ok) return { ok: false, problem: locate(['policy', 'files'], read.problem) }
    const read_saml = await prepareSaml(options.is_worker ? [] : next.identity.saml)
    if (!read_saml.ok)
      return {
        ok: false,
        problem: locate(['identity', 'saml', read_saml.index], read_saml.problem),
      }
    const saml_names = next.identity.saml.map(({ name }) => name)
    const engine = policy_engines[reloads % 2]
    // Targets and their accounts stay: their credentials are those of the start.
    const source = { policy: next.policy, targets: config.targets }
    const made = createPolicy(source, read.parts, {
      access,
      ...(engine === undefined ? {} : { engine }),
    })
    const { names, settings } = saml
    const before = { policy: policy.current, hash: policy.hash, names, settings, ...in_use }
    const roles = new Map(next.identity.oidc.map((each) => [each.issuer, each.roles]))
    const put = (
      to: typeof policy.current,
      owners: typeof in_use.keys,
      of_issuer: typeof in_use.roles,
      revoked: typeof in_use.revoked,
    ): void => {
      policy.use(to)
      keys.use(owners)
      access.useList(revoked)
      in_use.revoked = revoked
      in_use.keys = owners
      in_use.roles = of_issuer
      // Whose provider is not in the file any more has no role.
      for (const provider of providers)
        provider.useRoles(of_issuer.get(provider.settings.issuer) ?? no_roles)
    }
    return {
      ok: true,
      policy_hash: made.hash,
      take() {
        put(made, next.identity.keys, roles, next.identity.revoked_certificates)
        saml.use(saml_names, read_saml.settings)
        reloads += 1
        return () => {
          put(before.policy, before.keys, before.roles, before.revoked)
          saml.use(before.names, before.settings)
          reloads -= 1
        }
      },
      enforce: () => {
        const rest = whyEnded(options, now_us)
        const is_other_policy = made.hash !== before.hash
        return sessions.end(
          (running) => rest(running) ?? (is_other_policy ? forbidden(policy, running) : undefined),
        )
      },
    }
  }
}

/** No group has any. */
const no_roles = { user: [], approver: [], auditor: [], admin: [] } as const

function forbidden(policy: LivePolicy, { greeting }: Running): Ending | undefined {
  const { identity, account, target, source } = greeting
  const verdict = policy.connect(identity, account, target, source)
  return verdict.allowed
    ? undefined
    : { reason: 'revoked', message: `policy was changed: ${verdict.message}` }
}
