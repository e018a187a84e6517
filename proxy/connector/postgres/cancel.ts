/**
 * The keys by which clients cancel what they run: the gateway's own, as the target's are nobody else's business.
 *
 * @module
 */
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

export interface CancelKey {
  readonly pid: number
  /** 4 bytes, as in protocol 3.0. */
  readonly secret: Uint8Array
}

export class CancelKeys {
  readonly #sessions = new Map<
    number,
    { readonly secret: Uint8Array; readonly cancel: () => void }
  >()

  /** `cancel` is called for each request with this key. */
  add(cancel: () => void): CancelKey {
    let pid = randomInt(1, 0x7fffffff)
    while (this.#sessions.has(pid)) pid = randomInt(1, 0x7fffffff)
    const secret = new Uint8Array(randomBytes(4))
    this.#sessions.set(pid, { secret, cancel })
    return { pid, secret }
  }

  remove({ pid }: CancelKey): void {
    this.#sessions.delete(pid)
  }

  /**
   * Returns whether it is a key of here. The client is not told (PostgreSQL documentation, "Canceling Requests in
   * Progress").
   */
  cancel({ pid, secret }: CancelKey): boolean {
    const session = this.#sessions.get(pid)
    if (session === undefined || session.secret.length !== secret.length) return false
    if (!timingSafeEqual(session.secret, secret)) return false
    session.cancel()
    return true
  }
}
