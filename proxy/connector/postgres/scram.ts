/**
 * The client of SCRAM-SHA-256 (RFC 5802, RFC 7677), with channel binding to the server's certificate where TLS
 * carries it (`tls-server-end-point`, RFC 5929, section 4).
 *
 * @module
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { TargetError } from '../../core/errors.ts'
import { scram_iterations_max, scram_iterations_min } from './limits.ts'

export interface Scram {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  readonly first: string
  /** Of the server's first message. Rejects with a `TargetError`. */
  final(server_first: string): Promise<string>
  /** Throws a `TargetError` when the server does not know the password either. */
  verify(server_final: string): void
}

/** `binding`: the certificate's digest, where the connection has one. Undefined when no mechanism is shared. */
export function startScram(
  offered: readonly string[],
  password: string,
  binding: Uint8Array | undefined,
  nonce: string = randomBytes(18).toString('base64'),
): Scram | undefined {
  const plus = binding !== undefined && offered.includes('SCRAM-SHA-256-PLUS')
  if (!plus && !offered.includes('SCRAM-SHA-256')) return undefined
  // "y": we could, and the server does not seem to: it will notice if somebody in between took its offer away.
  const gs2 = plus ? 'p=tls-server-end-point,,' : binding === undefined ? 'n,,' : 'y,,'
  const bare = `n=,r=${nonce}`
  let signature: Buffer | undefined
  return {
    mechanism: plus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256',
    first: `${gs2}${bare}`,
    async final(server_first) {
      const [, both, salt, rounds] = /^r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=(\d{1,9})(?:,|$)/.exec(
        server_first,
      ) ?? ['', '', '', '']
      const iterations = Number(rounds)
      if (!both?.startsWith(nonce) || both.length <= nonce.length || salt === undefined)
        throw protocol('its SCRAM challenge is malformed')
      if (iterations > scram_iterations_max)
        throw protocol('it asks for more rounds of SCRAM than are sensible')
      if (iterations < scram_iterations_min)
        throw protocol('it asks for so few rounds of SCRAM that it could guess the password')
      // SASLprep (RFC 4013): what is not ASCII is normalised, as PostgreSQL does.
      const salted = await derive(
        password.normalize('NFKC'),
        Buffer.from(salt, 'base64'),
        iterations,
      )
      const client_key = hmac(salted, 'Client Key')
      const bound = Buffer.concat([Buffer.from(gs2), plus ? Buffer.from(binding) : Buffer.alloc(0)])
      const without_proof = `c=${bound.toString('base64')},r=${both}`
      const auth = `${bare},${server_first},${without_proof}`
      const proof = hmac(createHash('sha256').update(client_key).digest(), auth)
      for (const [at, byte] of client_key.entries()) proof[at] = (proof[at] ?? 0) ^ byte
      signature = hmac(hmac(salted, 'Server Key'), auth)
      return `${without_proof},p=${proof.toString('base64')}`
    },
    verify(server_final) {
      const given = Buffer.from(/^v=([A-Za-z0-9+/=]+)/.exec(server_final)?.[1] ?? '', 'base64')
      const is_same =
        signature !== undefined &&
        given.length === signature.length &&
        timingSafeEqual(given, signature)
      if (!is_same) throw protocol('it does not know the password that it asked for')
    },
  }
}

/** RFC 5929, section 4.1: the hash of the certificate's own signature, SHA-256 in place of weaker ones. */
export function endPointBinding(certificate: Uint8Array): Uint8Array | undefined {
  const algorithm = signatureAlgorithm(certificate)
  const name = algorithm === undefined ? undefined : hashes[algorithm]
  return name === undefined ? undefined : createHash(name).update(certificate).digest()
}

/** Object identifiers of signature algorithms, as their DER content in hex. Ed25519 has no hash of its own. */
const hashes: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256', // md5WithRSA
  '2a864886f70d010105': 'sha256', // sha1WithRSA
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OID, ... }, ... } (RFC 5280, section 4.1). */
function signatureAlgorithm(der: Uint8Array): string | undefined {
  const outer = element(der, 0)
  const tbs = outer === undefined ? undefined : element(der, outer.from)
  const algorithm = tbs === undefined ? undefined : element(der, tbs.to)
  const oid = algorithm === undefined ? undefined : element(der, algorithm.from)
  return oid === undefined ? undefined : Buffer.from(der.subarray(oid.from, oid.to)).toString('hex')
}

function element(der: Uint8Array, at: number): { from: number; to: number } | undefined {
  const first = der[at + 1]
  if (first === undefined) return undefined
  const count = first < 0x80 ? 0 : first & 0x7f
  if (count > 3) return undefined
  let length = count === 0 ? first : 0
  for (let i = 0; i < count; i++) length = length * 256 + (der[at + 2 + i] ?? 0)
  const from = at + 2 + count
  return from + length > der.length ? undefined : { from, to: from + length }
}

function derive(password: string, salt: Uint8Array, iterations: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, 32, 'sha256', (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

const hmac = (key: Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()

const protocol = (what: string): TargetError =>
  new TargetError('target_protocol', `the target cannot be trusted: ${what}`)
