/**
 * What the pages need of the rest of the gateway; `main.ts` wires it.
 *
 * @module
 */
import type { Identity, IdentityProof } from '../core/identity.ts'

export interface ConsolePorts {
  /** Where browsers find the gateway: `https://HOST`, or `http://` on loopback. Nothing after the port. */
  origin(): string
  readonly logins: {
    /** Names, in the order of the configuration. */
    readonly providers: readonly string[]
    /** Where to send the browser, and what it has to keep meanwhile. Never rejects. */
    begin(
      provider: string,
      aim: LoginAim,
    ): Promise<{ readonly url: string; readonly ticket: string } | NotSignedIn>
    /**
     * `query`: what the browser brought back, with its `?`. `at`: the provider whose callback it came to, where it has its own.
     * `to` is a path of the gateway's. Never rejects.
     */
    finish(
      ticket: string,
      query: string,
      at?: string,
    ): Promise<(SignedInBrowser & LoginAim) | NotSignedIn>
    readonly saml: {
      /** Nothing where there is no such provider. */
      metadata(provider: string): Promise<string | undefined>
      /**
       * `response`: undefined for one that is larger than any. `query`: what the browser has to bring to `finish`.
       * Never rejects.
       */
      accept(
        provider: string,
        response: string | undefined,
      ): Promise<{ readonly query: string } | NotSignedIn>
    }
  }
  /** Connections in terminals whose people sign in with a browser. */
  readonly terminals: {
    waiting(id: string): Promise<WaitingLogin | undefined>
    /** Gives what the browser keeps; nothing when too many wait. */
    hold(id: string, who: SignedIn): string | undefined
    held(cookie: string): HeldLogin | undefined
    /** Ends it. `yes`: the connection is theirs. Never rejects; `message` is one line for the person. */
    decide(
      cookie: string,
      yes: boolean,
    ): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>
  }
  readonly sessions: {
    /** Gives what the browser keeps; nothing when too many people are signed in. */
    open(who: SignedInBrowser): string | undefined
    find(cookie: string): ConsoleSession | undefined
    /** Idempotent. */
    close(cookie: string): void
  }
}

export interface LoginAim {
  readonly to: string
  /** The connection in a terminal that this is for. */
  readonly terminal?: string | undefined
}

export interface WaitingLogin {
  readonly provider: string
  /** `IP:PORT` of the client. */
  readonly source: string
  readonly account: string
  /** Empty when it says none. */
  readonly target: string
  /** `sluice login`: for what follows, and no connection of its own. */
  readonly purpose?: 'login'
  readonly user_code: string
  /** Where the provider signs people in: HTTPS, loopback, or a path of the gateway's that leads there. */
  readonly url: string
}

/** Somebody who has signed in for a connection, and not said yet that it is theirs. */
export interface HeldLogin {
  readonly terminal: string
  readonly subject: string
  readonly csrf_token: string
}

export interface NotSignedIn {
  readonly allowed: false
  /** Its last part says why: `unavailable` may be over soon. */
  readonly rule: string
  /** One line for the person. */
  readonly message: string
}

export interface SignedIn {
  readonly identity: Identity
  readonly roles: readonly ConsoleRole[]
  /** What an auditor can check it by. */
  readonly proof: IdentityProof
}

interface SignedInBrowser extends SignedIn {
  readonly page_session_s: number
}

export type ConsoleRole = 'user' | 'approver' | 'auditor' | 'admin'

export interface ConsoleSession {
  readonly caller: {
    readonly issuer?: string
    readonly subject: string
    readonly groups?: readonly string[]
    readonly roles: readonly ConsoleRole[]
  }
  /** Comes with whatever changes something: as the header `x-csrf-token`, or as a field of a form. */
  readonly csrf_token: string
  /** UTC in microseconds. */
  readonly ends_us: number
}
