/**
 * The limits of a listener, each with its reason.
 *
 * @module
 */

export interface ListenerLimits {
  /**
   * Connections that have not authenticated. One costs a socket and, once it speaks, the state of a handshake.
   * More than the system accepts in one go (its backlog, 511): a client must have the time to say its first
   * words before so many others have come that it is the oldest silent one.
   */
  readonly unauthenticated_max: number
  /** How long one may take to authenticate: a person types a passphrase or touches a key. */
  readonly login_ms: number
  /** ... and how long when they were asked to sign in with a browser, from then on: a little more than the login has. */
  readonly sign_in_ms: number
  /** Sessions of this listener: memory is planned for 200 KB each, 800 MB in all. */
  readonly sessions_max: number
  /** Connections that were dropped for want of room are logged in sums, this often. */
  readonly drop_log_ms: number
}

export const listener_limits: ListenerLimits = {
  unauthenticated_max: 1_024,
  login_ms: 60_000,
  sign_in_ms: 5 * 60_000 + 10_000,
  sessions_max: 4_000,
  drop_log_ms: 1_000,
}
