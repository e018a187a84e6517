/**
 * Sign-ins of people at OpenID providers, for as long as anything rests on them: each provider is asked every few minutes whether
 * the person still may. A definite no ends the sign-in, and so does silence, after a grace.
 *
 * @module
 */
import type { ProviderLogin } from '../core/identity.ts'
import { recheck_again_ms, rechecks_at_once_max, watched_sign_ins_max } from './limits.ts'
import type { Provider } from './provider.ts'
import type { ProviderTokens } from './recheck.ts'

/** Somebody whom a provider has just signed in. */
export interface WatchedSignIn {
  readonly issuer: string
  readonly subject: string
  readonly groups: readonly string[]
  readonly login: ProviderLogin
  readonly tokens: ProviderTokens
  /** UTC in microseconds: until then something may rest on it that no session shows. */
  readonly until_us: number
}

export type Login = Pick<WatchedSignIn, 'issuer' | 'login'>

/** Where those are that outlast a restart, each under a name. */
export interface KeptSignIns {
  /** Durable when it resolves; rejects when it is not. */
  save(id: string, signed_in: WatchedSignIn): Promise<void>
  forget(id: string): Promise<void>
}

export interface SignInWatch {
  watch(signed_in: WatchedSignIn): void
  /** One that was kept before a restart: asked about at once. */
  resume(signed_in: WatchedSignIn): void
  /**
   * A certificate or a token is made out of it, good until then. False when it cannot be kept so that it is asked about after a
   * restart: then nothing may be handed over.
   */
  keep(login: Login, until_us: number): Promise<boolean>
  /** Asks about those whose time has come. Called again and again; resolves when all have an answer. */
  tick(): Promise<void>
}

export interface WatchPorts {
  readonly providers: readonly Provider[]
  readonly kept: KeptSignIns
  /** UTC. */
  now_us(): number
  /** Those that sessions rest on; undefined where that is not known now. */
  inUse(): Promise<readonly Login[] | undefined>
  /** Ends all that rests on it; false when that cannot be recorded now. `message` is for the person, `reason` for the record. */
  end(login: Login, provider: string, message: string, reason: string): Promise<boolean>
  /** For the operator. Never carries payload. */
  log(
    level: 'info' | 'warn' | 'error',
    event: string,
    fields: Readonly<Record<string, string>>,
  ): void
}

interface Watched extends Omit<WatchedSignIn, 'tokens' | 'until_us'> {
  readonly provider: Provider
  tokens: ProviderTokens
  until_us: number
  /** Until when something rests on it that a restart does not end; 0 for nothing. */
  kept_until_us: number
  next_us: number
  /** Since when it has not been answered. */
  silent_us?: number | undefined
  /** Decided, and not on record yet. */
  ending?: { readonly message: string; readonly reason: string }
  is_asked: boolean
}

export function createSignInWatch(ports: WatchPorts): SignInWatch {
  const watched = new Map<string, Watched>()
  const impossible = new Set<string>()

  const forget = (each: Watched): void => {
    watched.delete(keyOf(each))
    if (each.kept_until_us === 0) return
    // It stays until it is old then, and is asked about once more after a restart.
    ports.kept.forget(keyOf(each)).catch(() => ports.log('warn', 'sign_in_not_forgotten', {}))
  }
  const save = async (each: Watched): Promise<boolean> => {
    if (each.kept_until_us === 0) return true
    const { issuer, subject, groups, login, tokens, kept_until_us: until_us } = each
    try {
      await ports.kept.save(keyOf(each), { issuer, subject, groups, login, tokens, until_us })
      return true
    } catch {
      ports.log('error', 'sign_in_not_kept', { provider: each.provider.settings.name })
      return false
    }
  }

  const end = async (each: Watched): Promise<void> => {
    const { ending, provider } = each
    if (ending === undefined) return
    const { name } = provider.settings
    const is_done = await ports.end(each, name, ending.message, ending.reason)
    if (is_done) forget(each)
    else each.next_us = ports.now_us() + recheck_again_ms * 1_000
    ports.log(is_done ? 'info' : 'error', is_done ? 'sign_in_ended' : 'sign_in_not_ended', {
      ...{ provider: name, subject: each.subject, reason: ending.reason },
    })
  }

  const ask = async (each: Watched): Promise<void> => {
    const { settings } = each.provider
    const { name, recheck_s, recheck_grace_s } = settings
    const asked_us = ports.now_us()
    const answer = await each.provider.recheck(each.tokens, each.login.sub)
    switch (answer.kind) {
      case 'yes': {
        const is_new = answer.tokens.refresh_token !== each.tokens.refresh_token
        each.tokens = answer.tokens
        each.silent_us = undefined
        each.next_us = ports.now_us() + recheck_s * 1_000_000
        const { groups } = answer
        // What roles and policy gave by them counts no more; who has more groups now has them after a new sign-in.
        if (groups === undefined || each.groups.every((group) => groups.includes(group))) {
          // A provider that takes each refresh token once would take the one before for a stolen one.
          if (is_new) await save(each)
          return undefined
        }
        each.ending = {
          message: `your groups at ${name} are not what they were: connect again`,
          reason: 'groups',
        }
        return end(each)
      }
      case 'no':
        each.ending = {
          message: `${name} says that your sign-in is over: connect again`,
          reason: 'refused',
        }
        return end(each)
      case 'unanswered': {
        if (each.silent_us === undefined)
          ports.log('warn', 'recheck_unanswered', { provider: name, subject: each.subject })
        each.silent_us ??= asked_us
        const left_us = each.silent_us + recheck_grace_s * 1_000_000 - ports.now_us()
        if (left_us > 0) {
          const again_us = Math.min(recheck_s * 1_000_000, recheck_again_ms * 1_000, left_us)
          each.next_us = ports.now_us() + again_us
          return undefined
        }
        each.ending = {
          message: `${name} has not said for too long that you still may: connect again`,
          reason: 'unanswered',
        }
        return end(each)
      }
      case 'impossible':
        forget(each)
        if (!impossible.has(name)) ports.log('warn', 'recheck_impossible', { provider: name })
        impossible.add(name)
    }
    return undefined
  }

  const add = ({ until_us, ...signed_in }: WatchedSignIn, is_kept: boolean): void => {
    const provider = ports.providers.find(({ settings }) => settings.issuer === signed_in.issuer)
    if (provider === undefined || provider.settings.recheck_s === 0) return
    const before = watched.get(keyOf(signed_in))
    const after_us = is_kept ? 0 : provider.settings.recheck_s * 1_000_000
    const each: Watched = {
      ...signed_in,
      ...{ provider, is_asked: false },
      until_us: Math.max(until_us, before?.until_us ?? 0),
      kept_until_us: is_kept ? until_us : (before?.kept_until_us ?? 0),
      next_us: ports.now_us() + after_us,
    }
    if (watched.size >= watched_sign_ins_max) {
      // Nobody is let in whom nobody would look after.
      each.ending = { message: 'too many people are signed in: try again later', reason: 'full' }
      each.next_us = ports.now_us()
    }
    watched.set(keyOf(each), each)
  }

  return {
    watch: (signed_in) => add(signed_in, false),
    resume: (signed_in) => add(signed_in, true),
    async keep(login, until_us) {
      const each = watched.get(keyOf(login))
      if (each === undefined) return true
      each.until_us = Math.max(each.until_us, until_us)
      each.kept_until_us = Math.max(each.kept_until_us, until_us)
      return save(each)
    },
    async tick() {
      const now_us = ports.now_us()
      const due = [...watched.values()].filter((each) => each.next_us <= now_us && !each.is_asked)
      if (due.length === 0) return
      const used = (await ports.inUse())?.map(keyOf)
      const is_used = used === undefined ? undefined : new Set(used)
      const isNeeded = (each: Watched): boolean =>
        each.until_us > now_us || is_used === undefined || is_used.has(keyOf(each))
      for (const each of due) if (!isNeeded(each)) forget(each)
      const busy = [...watched.values()].filter((each) => each.is_asked).length
      const asked = due
        .filter((each) => isNeeded(each) && !each.is_asked)
        .slice(0, Math.max(0, rechecks_at_once_max - busy))
      for (const each of asked) each.is_asked = true
      await Promise.all(
        asked.map((each) =>
          (each.ending === undefined ? ask(each) : end(each)).finally(() => {
            each.is_asked = false
          }),
        ),
      )
    },
  }
}

const keyOf = ({ issuer, login: { sub, sid, issued_us } }: Login): string =>
  JSON.stringify([issuer, sub, sid, issued_us])
