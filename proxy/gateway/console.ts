/**
 * The pages put together: who signs in, where, and what of it a terminal is told.
 *
 * @module
 */
import type { ConsolePorts } from '../console/ports.ts'
import type { Proven } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import { createBrowserLogins } from '../identity/browser-login.ts'
import type { BrowserSessions } from '../identity/browser-session.ts'
import type { Provider } from '../identity/provider.ts'
import { createSamlProvider } from '../identity/saml/provider.ts'
import { createRequestIds } from '../identity/saml/request-id.ts'
import type { SignedIn } from '../identity/signed-in.ts'
import { createTerminalLogins } from '../identity/terminal-login.ts'
import type { Log } from '../log.ts'
import { createSamlProviders, type SamlInUse } from './saml.ts'

export interface ConsoleOptions {
  readonly providers: readonly Provider[]
  readonly saml: Pick<SamlInUse, 'settings'>
  readonly terminals: Terminals
  readonly sessions: BrowserSessions
  readonly signedIn: SignedIn
  readonly origin: () => string
  readonly now_us: () => number
  readonly log: Log
}

/** Connections that wait for their people, in this process or its workers. */
export interface Terminals {
  waiting: ConsolePorts['terminals']['waiting']
  /** False when nothing waits there any more. */
  settle(id: string, result: Proven | Denial): Promise<boolean>
}

export function createConsole(options: ConsoleOptions): ConsolePorts {
  const { providers, terminals, origin, now_us, log } = options
  const request_ids = createRequestIds(now_us)
  const saml = createSamlProviders(options.saml, (settings) =>
    createSamlProvider(settings, { origin, now_us, request_ids }),
  )
  return {
    origin,
    logins: createBrowserLogins(providers, saml, {
      origin,
      now_us,
      signedIn: options.signedIn,
      log: (event, fields) => log('info', event, fields),
    }),
    terminals: {
      ...createTerminalLogins({ now_us, settle: terminals.settle }),
      waiting: terminals.waiting,
    },
    sessions: options.sessions,
  }
}
