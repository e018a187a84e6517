/**
 * Why the gateway does not start, as the person at the terminal reads it.
 *
 * @module
 */

/** Exit codes as of the CLI: 1 it cannot run now, 2 it was told something wrong. */
export class Refusal extends Error {
  readonly exit_code: 1 | 2
  constructor(exit_code: 1 | 2, message: string) {
    super(message)
    this.exit_code = exit_code
  }
}
