/**
 * What the pages need of the rest of the gateway; `main.ts` wires it.
 *
 * @module
 */

export interface ConsolePorts {
  /** Where browsers find the gateway: `https://HOST`, or `http://` on loopback. Nothing after the port. */
  origin(): string
  readonly logins: {
    /** Names, in the order of the configuration. */
    readonly providers: readonly string[]
    /** Where to send the browser, and what it has to keep meanwhile. Never rejects. */
    begin(
      provider: string,
      to: string,
    ): Promise<{ readonly url: string; readonly ticket: string } | NotSignedIn>
    /** `query`: what the browser brought back, with its `?`. `to` is a path of the gateway's. Never rejects. */
    finish(
      ticket: string,
      query: string,
    ): Promise<(SignedIn & { readonly to: string }) | NotSignedIn>
  }
  readonly sessions: {
    /** Gives what the browser keeps; nothing when too many people are signed in. */
    open(who: SignedIn): string | undefined
    find(cookie: string): ConsoleSession | undefined
    /** Idempotent. */
    close(cookie: string): void
  }
}

export interface NotSignedIn {
  readonly allowed: false
  /** Its last part says why: `unavailable` may be over soon. */
  readonly rule: string
  /** One line for the person. */
  readonly message: string
}

export interface SignedIn {
  readonly identity: {
    readonly issuer: string
    readonly subject: string
    readonly groups: readonly string[]
    readonly method: 'public_key' | 'certificate' | 'token'
    readonly credential: string
    readonly ends_us?: number
  }
  readonly roles: readonly ConsoleRole[]
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
