/**
 * Opens what is encrypted under the keys of sessions, where a bucket has them. Which key is right is what the encrypted objects
 * say, which are under lock: another one in its place is found out.
 *
 * @module
 */
import { equalBytes } from '../evidence/bytes.ts'
import { session_keys_max } from './limits.ts'
import { commitmentOf, commitToKey, decodeSessionKey, decryptObject } from './session-key.ts'

/** The object that has a session's key: of several versions the right one, or another where none is. */
export type FetchKey = (
  session: string,
  isRight: (body: Uint8Array) => boolean,
) => Promise<Uint8Array | undefined>

/** `lost`: its key is not there, or is another. `changed`: a byte of the object is another. */
export type Opened = Uint8Array | 'lost' | 'changed'

export class SessionKeys {
  readonly #fetch: FetchKey
  readonly #known = new Map<string, Promise<Uint8Array | undefined>>()

  constructor(fetch: FetchKey) {
    this.#fetch = fetch
  }

  /** Undefined while the key is there. */
  async lost(session: string, commitment: Uint8Array): Promise<'missing' | 'wrong' | undefined> {
    const body = await this.#body(session, commitment)
    if (body === undefined) return 'missing'
    return isOf(body, session, commitment) ? undefined : 'wrong'
  }

  /** The object `name`; as it is when it is not encrypted. */
  async open(session: string, name: string, body: Uint8Array): Promise<Opened> {
    const commitment = commitmentOf(body)
    if (commitment === undefined) return body
    const stored = await this.#body(session, commitment)
    const key = stored && decodeSessionKey(stored)
    if (stored === undefined || key === undefined || !isOf(stored, session, commitment))
      return 'lost'
    return decryptObject(body, key, name) ?? 'changed'
  }

  #body(session: string, commitment: Uint8Array): Promise<Uint8Array | undefined> {
    const known = this.#known.get(session)
    if (known !== undefined) return known
    const [oldest] = this.#known.keys()
    if (oldest !== undefined && this.#known.size >= session_keys_max) this.#known.delete(oldest)
    const fetched = this.#fetch(session, (body) => isOf(body, session, commitment))
    // What failed may be asked for again.
    fetched.catch(() => this.#known.delete(session))
    this.#known.set(session, fetched)
    return fetched
  }
}

function isOf(body: Uint8Array, session: string, commitment: Uint8Array): boolean {
  const key = decodeSessionKey(body)
  return key !== undefined && equalBytes(commitToKey(key, session), commitment)
}
