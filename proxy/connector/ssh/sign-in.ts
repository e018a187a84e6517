/**
 * Signing in by keyboard-interactive (RFC 4256): the prompt says where to go and with which code, and the answer is
 * the person's word that they have been there. Everything is in the prompt, as OpenSSH does not show the
 * instructions at `LogLevel=ERROR`.
 *
 * @module
 */
import type { Proven, SignIn, SignInRequest } from '../../core/sign-in.ts'
import type { Denial } from '../../core/verdict.ts'
import type { AuthContext } from './library.ts'
import { provider_choices_max } from './limits.ts'
import { clean } from './line.ts'

/** `patience` is called once a person has something to do in a browser. Rejects when the client asks for another method. */
export async function signInByKeyboard(
  request: AuthContext,
  sign_in: SignIn,
  asked: SignInRequest,
  signal: AbortSignal,
  patience: () => void,
): Promise<Proven | Denial> {
  const provider = await chooseProvider(request, sign_in.providers)
  if (provider === undefined)
    return {
      allowed: false,
      rule: 'identity.oidc.provider',
      message: 'there is no such provider',
    }
  const begun = await sign_in.begin(provider, asked, signal)
  if ('allowed' in begun) return begun
  patience()
  // A terminal that waits for a key does not read the network, so OpenSSH sees a success after Enter and not before.
  const answered = ask(
    request,
    `To sign in, open\n\n    ${clean(begun.url)}\n\n` +
      `and check that it shows the code ${clean(begun.code)}. Then press Enter here: `,
  )
  // A refusal need not wait for it.
  const refused = begun.ended.then(async (result) => {
    if (!('allowed' in result)) await answered
  })
  await Promise.race([answered, refused])
  return begun.ended
}

async function chooseProvider(
  request: AuthContext,
  providers: readonly string[],
): Promise<string | undefined> {
  const [only] = providers
  if (providers.length === 1) return only
  const list = providers.map((name, index) => `  ${index + 1}  ${name}`).join('\n')
  for (let tries = 0; tries < provider_choices_max; tries++) {
    const answer = await ask(request, `Sign in with\n${list}\nNumber or name: `)
    const named = providers[Number(answer) - 1] ?? providers.find((name) => name === answer)
    if (named !== undefined) return named
  }
  return undefined
}

/** The first answer; empty when there is none. */
export function ask(request: AuthContext, prompt: string, echo = true): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  promise.catch(() => {})
  request.prompt([{ prompt, echo }], '', '', (answers) => {
    if (answers instanceof Error) reject(answers)
    else resolve((answers[0] ?? '').trim())
  })
  return promise
}
