/**
 * What the verifier uses of `node:crypto`, for a browser: SHA-256 by the WASM module, signatures by WebCrypto. The build
 * puts it in the place of the built-in.
 *
 * WebCrypto answers later, and the verifier asks at once. So a signature that was not looked at yet stops the
 * run, is looked at, and the run begins anew with the answer: {@link settled}.
 *
 * @module
 */
import { PageBuffer, type PageBytes } from './bytes.ts'
import { openHash } from './hash.ts'

/** A JWK: Ed25519 (RFC 8037), and of passkeys P-256 or RSA (RFC 7518). */
type PublicKey = Readonly<Record<string, unknown>>

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
  const opened = openHash()
  const chained = {
    update(bytes: Uint8Array) {
      opened.update(bytes)
      return chained
    },
    digest: () => PageBuffer.from(opened.digest()),
  }
  return chained
}

/** In one call. */
export function hash(algorithm: string, bytes: Uint8Array): PageBytes {
  return createHash(algorithm).update(bytes).digest()
}

export function createPublicKey({ key }: { readonly key: PublicKey }): PublicKey {
  return key
}

/** The key says the algorithm, as it does to `node:crypto` with SHA-256. */
export function verify(
  _: string | null,
  data: Uint8Array,
  key: PublicKey,
  signature: Uint8Array,
): boolean {
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
  const [use, given] = usesOf(key, signature)
  const bytes = (part: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(part)
  let imported: CryptoKey
  try {
    imported = await crypto.subtle.importKey('jwk', { ...key }, use, false, ['verify'])
  } catch (cause) {
    // One of the passkeys' may be no point of its curve; of the log's, the browser lacks the algorithm.
    if (key['kty'] !== 'OKP') return false
    throw new Error('this browser cannot check Ed25519 signatures', { cause })
  }
  return crypto.subtle.verify(use, imported, bytes(given), bytes(data))
}

interface Use {
  readonly name: string
  readonly namedCurve: string
  readonly hash: string
}

/** What WebCrypto calls it, and the signature as it wants it. */
function usesOf(key: PublicKey, signature: Uint8Array): [use: Use, given: Uint8Array] {
  const uses = { namedCurve: 'P-256', hash: 'SHA-256' }
  if (key['kty'] === 'RSA') return [{ name: 'RSASSA-PKCS1-v1_5', ...uses }, signature]
  if (key['kty'] === 'EC') return [{ name: 'ECDSA', ...uses }, plainEcdsa(signature)]
  return [{ name: 'Ed25519', ...uses }, signature]
}

/** SEQUENCE { r INTEGER, s INTEGER } in DER (RFC 3279, section 2.2.3) as two numbers of 32 bytes; empty where it is none. */
function plainEcdsa(der: Uint8Array): Uint8Array {
  const plain = new Uint8Array(64)
  let at = 2
  for (const end of [32, 64]) {
    const length = der[at + 1] ?? 0
    const number = der.subarray(at + 2, at + 2 + length)
    const digits = number.subarray(Math.max(0, number.length - 32))
    if (der[at] !== 0x02 || length > 33) return new Uint8Array()
    plain.set(digits, end - digits.length)
    at += 2 + length
  }
  return plain
}

const nameOf = ({ key, data, signature }: Question): string =>
  [signature, data].map((part) => PageBuffer.from(part).toString('base64')).join(' ') +
  JSON.stringify(key)

/** A page has no secrets and signs nothing. */
const never = (): never => {
  throw new Error('a page neither signs nor seals')
}

export { never as createHmac, never as createPrivateKey, never as sign }
