/**
 * What the verifier uses of `node:crypto`, for a browser: SHA-256 by the WASM module, Ed25519 by WebCrypto. The build
 * puts it in the place of the built-in.
 *
 * WebCrypto answers later, and the verifier asks at once. So a signature that was not looked at yet stops the
 * run, is looked at, and the run begins anew with the answer: {@link settled}.
 *
 * @module
 */
import { PageBuffer, type PageBytes } from './bytes.ts'
import { openHash } from './hash.ts'

interface PublicKey {
  /** 32 bytes. */
  readonly x: Uint8Array
}

interface Question {
  readonly key: PublicKey
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

/** Signatures of one file and one trust file: some thousands of remembered checkpoints. */
const rounds_max = 20_000

const answers = new Map<string, boolean>()
let asked: Question | undefined

export function createHash(algorithm: string): {
  update(bytes: Uint8Array): ReturnType<typeof createHash>
  digest(): PageBytes
} {
  if (algorithm !== 'sha256') throw new Error('the page has SHA-256 alone')
  const hash = openHash()
  const chained = {
    update(bytes: Uint8Array) {
      hash.update(bytes)
      return chained
    },
    digest: () => PageBuffer.from(hash.digest()),
  }
  return chained
}

/** A JWK of an Ed25519 key (RFC 8037). */
export function createPublicKey({ key }: { readonly key: { readonly x: string } }): PublicKey {
  return { x: PageBuffer.from(key.x, 'base64url') }
}

export function verify(_: null, data: Uint8Array, key: PublicKey, signature: Uint8Array): boolean {
  const question = { key, data, signature }
  const answer = answers.get(nameOf(question))
  if (answer !== undefined) return answer
  asked = question
  throw new Error('this signature has to be looked at first')
}

/** Runs until every signature that it asks for was looked at. */
export async function settled<T>(run: () => T | Promise<T>): Promise<T> {
  for (let round = 0; round < rounds_max; round++) {
    asked = undefined
    try {
      return await run()
    } catch (error) {
      // A check above: it may have been set meanwhile, which the compiler cannot see.
      const question = asked as Question | undefined
      if (question === undefined) throw error
      answers.set(nameOf(question), await look(question))
    }
  }
  throw new Error('there are more signatures than a page looks at')
}

async function look({ key, data, signature }: Question): Promise<boolean> {
  const algorithm = { name: 'Ed25519' }
  const bytes = (part: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(part)
  try {
    const imported = await crypto.subtle.importKey('raw', bytes(key.x), algorithm, false, [
      'verify',
    ])
    return await crypto.subtle.verify(algorithm, imported, bytes(signature), bytes(data))
  } catch (cause) {
    throw new Error('this browser cannot check Ed25519 signatures', { cause })
  }
}

const nameOf = ({ key, data, signature }: Question): string =>
  [key.x, signature, data].map((part) => PageBuffer.from(part).toString('base64')).join(' ')

/** A page has no secrets and signs nothing. */
const never = (): never => {
  throw new Error('a page neither signs nor seals')
}

export { never as createHmac, never as createPrivateKey, never as sign }
