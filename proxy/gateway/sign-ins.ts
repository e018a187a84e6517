/**
 * Sign-ins at OpenID providers while something rests on them, for the whole gateway: those of workers are told to the process that
 * started them, which asks the providers again.
 *
 * @module
 */
import type { Identity } from '../core/identity.ts'
import { id_token_age_s_max } from '../identity/limits.ts'
import type { Provider } from '../identity/provider.ts'
import type { ProviderTokens } from '../identity/recheck.ts'
import {
  createSignInWatch,
  type Login,
  type SignInWatch,
  type WatchedSignIn,
} from '../identity/sign-in-watch.ts'
import type { Log } from '../log.ts'
import type { Office } from '../policy/access/office.ts'
import type { KeptFiles } from './kept-sign-ins.ts'
import { sign_ins_look_ms } from './limits.ts'
import { Refusal } from './refusal.ts'

/** Who was signed in is not known any more. */
const lost = 'who was signed in is not known here any more: sign in again'

export interface SignInsOptions {
  readonly providers: readonly Provider[]
  readonly office: Pick<Office, 'revoke'>
  readonly kept: KeptFiles
  readonly now_us: () => number
  /** Those that sessions rest on, in any process; undefined where that is not known now. */
  inUse(): Promise<readonly Login[] | undefined>
  readonly log: Log
}

export interface SignIns extends Pick<SignInWatch, 'watch' | 'keep'> {
  stop(): void
}

/** Rejects with a {@link Refusal} where sign-ins that nobody can be asked about cannot be ended. */
export async function startSignIns({ office, log, ...options }: SignInsOptions): Promise<SignIns> {
  const watch = createSignInWatch({
    ...options,
    log,
    async end({ issuer, login: { sub, sid, issued_us } }, provider, message, reason) {
      const revoked = await office.revoke(
        {
          issuer,
          login: {
            ...{ sub, issued_us_min: issued_us, issued_us_max: issued_us },
            ...(sid === undefined ? {} : { sid }),
          },
          // No token of that sign-in is accepted so long after.
          ends_us: issued_us + 2 * id_token_age_s_max * 1_000_000,
          message,
        },
        { subject: provider, issuer, credential: '' },
        `asked again: ${reason}`,
      )
      return revoked.ok
    },
  })
  const kept = options.kept.load()
  const unread = [...kept].filter(([, signed_in]) => signed_in === undefined)
  if (unread.length > 0) {
    log('error', 'sign_ins_lost', { files: String(unread.length) })
    await endAll(options, office)
  }
  const now_us = options.now_us()
  const over = [...kept].filter(([, { until_us = 0 } = {}]) => until_us <= now_us)
  options.kept.remove(over.map(([file]) => file))
  for (const signed_in of kept.values())
    if (signed_in !== undefined && signed_in.until_us > now_us) watch.resume(signed_in)
  const timer = setInterval(() => {
    watch.tick().catch(() => log('error', 'sign_ins_not_asked', {}))
  }, sign_ins_look_ms)
  return { watch: watch.watch, keep: watch.keep, stop: () => clearInterval(timer) }
}

/** Nobody can tell whose those were that cannot be read, so all are: whoever is asked about signs in anew. */
async function endAll(
  { providers, now_us }: Pick<SignInsOptions, 'providers' | 'now_us'>,
  office: SignInsOptions['office'],
): Promise<void> {
  const issued_us_max = now_us()
  const ends_us = issued_us_max + 2 * id_token_age_s_max * 1_000_000
  const asked = providers.filter(({ settings }) => settings.recheck_s !== 0)
  const ended = await Promise.all(
    asked.map(({ settings: { name, issuer } }) =>
      office.revoke(
        { issuer, login: { issued_us_max }, ends_us, message: lost },
        { subject: name, issuer, credential: '' },
        'kept sign-ins cannot be read',
      ),
    ),
  )
  if (!ended.every(({ ok }) => ok))
    throw new Refusal(
      1,
      'sign-ins that cannot be read have to be ended, and that cannot be recorded',
    )
}

/** Undefined for somebody whose provider has no name for a sign-in. */
export function watchedOf(
  { issuer, subject, groups, login }: Identity,
  tokens: ProviderTokens,
  until_us: number,
): WatchedSignIn | undefined {
  return login === undefined ? undefined : { issuer, subject, groups, login, tokens, until_us }
}
