/**
 * Signing in with a browser while a client connects: the address and the code come as a NOTICE, which psql shows at
 * once, and the rest of the login waits. Asked for by the setting `sluice.login`, as libpq sends settings:
 * `psql "... options=-csluice.login=corp"`.
 *
 * @module
 */
import type { Proven, SignIn, SignInRequest } from '../../core/sign-in.ts'
import type { Denial } from '../../core/verdict.ts'
import { report } from './message.ts'

const setting = /(?:^|\s)(?:-c\s*|--)sluice\.login=(\S*)/

/** The provider that is asked for, and the options without it; undefined when none is. */
export function wantedSignIn(
  options: string | undefined,
): { readonly provider: string; readonly rest: string } | undefined {
  const found = setting.exec(options ?? '')
  if (found === null) return undefined
  return { provider: found[1] ?? '', rest: (options ?? '').replace(setting, '').trim() }
}

/** `say` writes to the client; `patience` is called once a person has something to do in a browser. */
export async function signInByNotice(
  provider: string,
  sign_in: SignIn | undefined,
  asked: SignInRequest,
  signal: AbortSignal,
  say: (message: Uint8Array) => void,
  patience: () => void,
): Promise<Proven | Denial> {
  const providers = sign_in?.providers ?? []
  if (sign_in === undefined || !providers.includes(provider)) {
    const known = providers.length === 0 ? 'there is none' : `there is ${providers.join(', ')}`
    return {
      allowed: false,
      rule: 'identity.oidc.provider',
      message: `no such provider: ${known}`,
    }
  }
  const begun = await sign_in.begin(provider, asked, signal)
  if ('allowed' in begun) return begun
  patience()
  say(
    report(
      'NOTICE',
      '00000',
      `to sign in, open ${begun.url} and check that it shows the code ${begun.code}`,
    ),
  )
  return begun.ended
}
