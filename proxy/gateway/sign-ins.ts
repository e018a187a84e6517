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
import { sign_ins_look_ms } from './limits.ts'

export interface SignInsOptions {
  readonly providers: readonly Provider[]
  readonly office: Pick<Office, 'revoke'>
  readonly now_us: () => number
  /** Those that sessions rest on, in any process; undefined where that is not known now. */
  inUse(): Promise<readonly Login[] | undefined>
  readonly log: Log
}

export interface SignIns extends Pick<SignInWatch, 'watch' | 'keep'> {
  stop(): void
}

export function startSignIns({ office, log, ...options }: SignInsOptions): SignIns {
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
  const timer = setInterval(() => {
    watch.tick().catch(() => log('error', 'sign_ins_not_asked', {}))
  }, sign_ins_look_ms)
  return { watch: watch.watch, keep: watch.keep, stop: () => clearInterval(timer) }
}

/** Undefined for somebody whose provider has no name for a sign-in. */
export function watchedOf(
  { issuer, subject, groups, login }: Identity,
  tokens: ProviderTokens,
  until_us: number,
): WatchedSignIn | undefined {
  return login === undefined ? undefined : { issuer, subject, groups, login, tokens, until_us }
}
