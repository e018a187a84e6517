/**
 * Signing in as a person, at a provider that vouches for them: the protocol shows where and with which code, the
 * person goes there with a browser. The consumers are the connectors; `proxy/identity` provides.
 *
 * @module
 */
import type { Identity, IdentityProof } from './identity.ts'
import type { Denial } from './verdict.ts'

export interface SignIn {
  /** Names of the providers, at least one, in the order of the configuration. */
  readonly providers: readonly string[]
  /**
   * Asks a provider for a code. Resolves with what to show, or with why not; never rejects. `signal` ends it: the
   * client is gone.
   */
  begin(provider: string, asked: SignInRequest, signal: AbortSignal): Promise<SigningIn | Denial>
}

/** What the person is shown of the connection that waits for them. */
export interface SignInRequest {
  /** `IP:PORT` of the client. */
  readonly source: string
  readonly account: string
  /** Empty for a client that goes on to targets from here. */
  readonly target: string
  /** Set where no connection waits but a command line, which gets a certificate and tokens in the person's name. */
  readonly purpose?: 'login'
}

export interface SigningIn {
  /** Where to go with a browser. */
  readonly url: string
  /** The code that is shown there too (RFC 8628, section 3.3.1). */
  readonly code: string
  /** Settles once, whoever waits for it; never rejects. */
  readonly ended: Promise<Proven | Denial>
}

export interface Proven {
  readonly identity: Identity
  readonly proof: IdentityProof
}
