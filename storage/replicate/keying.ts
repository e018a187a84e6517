/**
 * What is sent of a session: as it is, or encrypted under the session's own key, which is made for its first object and planned
 * before or with it.
 *
 * @module
 */
import { sessionKey } from './keys.ts'
import type { Plan, Receipts } from './receipts.ts'
import { encodeSessionKey, encryptObject, newNonce, newSessionKey } from './session-key.ts'
import { type Body, bodyOf, joinedBody } from './uploads.ts'

export class Keying {
  readonly #receipts: Receipts
  /** Made, and not planned yet: what is sent beside each other takes the same. */
  readonly #made = new Map<string, Uint8Array>()

  constructor(receipts: Receipts) {
    this.#receipts = receipts
  }

  /** One object of the session `plan.subject`, of these parts, which are given up; none of it where its key was erased. */
  bodies(
    plan: Omit<Plan, 'sha256' | 'bytes'>,
    parts: readonly Uint8Array[],
    is_keyed: boolean,
  ): readonly Body[] {
    if (!is_keyed) return [joinedBody(plan, parts)]
    const { subject: session, key: name } = plan
    const { keys } = this.#receipts
    if (keys.isShredded(session)) return []
    const planned = keys.key(session)
    const key = planned ?? this.#made.get(session) ?? newSessionKey()
    const nonce = newNonce()
    const body = bodyOf(
      { ...plan, secret: nonce },
      encryptObject(parts, { key, session, name, nonce }),
    )
    if (planned !== undefined) {
      this.#made.delete(session)
      return [body]
    }
    this.#made.set(session, key)
    const place = { kind: 'key', subject: session, first: 0, next: 0 } as const
    return [
      bodyOf({ ...place, key: sessionKey(session, 'key'), secret: key }, encodeSessionKey(key)),
      body,
    ]
  }
}
