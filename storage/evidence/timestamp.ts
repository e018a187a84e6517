/**
 * Timestamps of RFC 3161: the request for some bytes, and the token that an authority answers with, which is a CMS
 * signature (RFC 5652) over their hash and a time. The authority's certificate is one that the verifier has; no
 * chain is built.
 *
 * @module
 */
import { createHash, type KeyObject, verify, X509Certificate } from 'node:crypto'
import { equalBytes, sha256 } from './bytes.ts'
import { type DerValue, der, numberOf, oidOf, partsOf, readDer, writeDer } from './der.ts'
import { timestamp_bytes_max } from './limits.ts'

export interface Timestamp {
  /** SHA-256 of what was stamped. */
  readonly imprint: Uint8Array
  /** UTC, milliseconds. */
  readonly time_ms: number
  /** The authority vouches for the time within so much, either way. */
  readonly accuracy_ms: number
  readonly nonce?: Uint8Array
  /** Whether the key of this certificate signed it, at a time at which the certificate was good. */
  signedBy(authority: TimestampAuthority): boolean
}

export interface TimestampAuthority {
  /** As the certificate names its subject. */
  readonly name: string
  readonly key: KeyObject
  readonly from_ms: number
  readonly to_ms: number
}

const oid_sha256 = Uint8Array.of(0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01)
const sha256_name = '2.16.840.1.101.3.4.2.1'
const signed_data = '1.2.840.113549.1.7.2'
const tst_info = '1.2.840.113549.1.9.16.1.4'
const content_type = '1.2.840.113549.1.9.3'
const message_digest = '1.2.840.113549.1.9.4'
const hashes: Readonly<Record<string, string>> = {
  [sha256_name]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  // sha256WithRSAEncryption and its kin; ecdsa-with-SHA256 and its kin.
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}
/** rsaEncryption: the hash is the digest's. */
const rsa = '1.2.840.113549.1.1.1'

/** A TimeStampReq (section 2.4.1) that asks for the certificate too. `nonce` is 8 random bytes. */
export function timestampRequest(bytes: Uint8Array, nonce: Uint8Array): Uint8Array {
  const algorithm = writeDer(der.sequence, oid_sha256, writeDer(der.null))
  const imprint = writeDer(der.sequence, algorithm, writeDer(der.octets, sha256(bytes)))
  return writeDer(
    der.sequence,
    writeDer(der.integer, Uint8Array.of(1)),
    imprint,
    writeDer(der.integer, positive(nonce)),
    writeDer(der.boolean, Uint8Array.of(0xff)),
  )
}

/** The token in a TimeStampResp (section 2.4.2); undefined when it was not granted. */
export function tokenOf(response: Uint8Array): Uint8Array | undefined {
  if (response.length > timestamp_bytes_max) return undefined
  const [status, token] = partsOf(readDer(response), der.sequence) ?? []
  const granted = numberOf(partsOf(status, der.sequence)?.[0])
  return granted === 0 || granted === 1 ? token?.whole.slice() : undefined
}

/** Whether a token answers this request. */
export function answers({ nonce }: Timestamp, asked: Uint8Array): boolean {
  return nonce !== undefined && equalBytes(nonce, positive(asked))
}

/** A TimeStampToken (section 2.4.2); undefined when it is none, or of another hash than SHA-256. */
export function parseTimestamp(token: Uint8Array): Timestamp | undefined {
  if (token.length > timestamp_bytes_max) return undefined
  const [type, explicit] = partsOf(readDer(token), der.sequence) ?? []
  const signed = partsOf(partsOf(explicit, der.context(0))?.[0], der.sequence)
  if (oidOf(type) !== signed_data || signed === undefined) return undefined
  const [info_type, info_explicit] = partsOf(signed[2], der.sequence) ?? []
  const info = partsOf(info_explicit, der.context(0))?.[0]
  const signers = partsOf(signed.at(-1), der.set)
  if (oidOf(info_type) !== tst_info || info?.tag !== der.octets) return undefined
  // One signature, which has to be the authority's (section 2.4.2).
  if (signers?.length !== 1) return undefined
  const facts = parseInfo(info.content)
  const signature = parseSigner(signers[0], info.content)
  if (facts === undefined || signature === undefined) return undefined
  return {
    ...facts,
    signedBy: ({ key, from_ms, to_ms }) =>
      facts.time_ms >= from_ms && facts.time_ms <= to_ms && signature(key),
  }
}

/** A certificate in DER; undefined when it is none. */
export function parseAuthority(certificate: Uint8Array): TimestampAuthority | undefined {
  try {
    const { publicKey: key, subject, validFrom, validTo } = new X509Certificate(certificate)
    const [from_ms, to_ms] = [Date.parse(validFrom), Date.parse(validTo)]
    if (Number.isNaN(from_ms) || Number.isNaN(to_ms)) return undefined
    return { name: subject.replaceAll('\n', ', '), key, from_ms, to_ms }
  } catch {
    return undefined
  }
}

type Facts = Omit<Timestamp, 'signedBy'>

/** TSTInfo, section 2.4.2. */
function parseInfo(bytes: Uint8Array): Facts | undefined {
  const parts = partsOf(readDer(bytes), der.sequence) ?? []
  const [version, , hashed, , time, ...optional] = parts
  const [algorithm, imprint] = partsOf(hashed, der.sequence) ?? []
  const time_ms = timeOf(time)
  if (numberOf(version) !== 1 || time_ms === undefined) return undefined
  if (oidOf(partsOf(algorithm, der.sequence)?.[0]) !== sha256_name) return undefined
  if (imprint?.tag !== der.octets || imprint.content.length !== 32) return undefined
  const accuracy_ms = accuracyOf(optional.find(({ tag }) => tag === der.sequence))
  const nonce = optional.find(({ tag }) => tag === der.integer)?.content
  if (accuracy_ms === undefined) return undefined
  const facts = { imprint: imprint.content, time_ms, accuracy_ms }
  return nonce === undefined ? facts : { ...facts, nonce }
}

/** GeneralizedTime in UTC, with fractions or without (section 2.4.2). */
function timeOf(value: DerValue | undefined): number | undefined {
  if (value?.tag !== der.generalized_time) return undefined
  const text = new TextDecoder('latin1').decode(value.content)
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z$/.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction = ''] = match
  const ms = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`,
  )
  return Number.isNaN(ms) ? undefined : ms
}

/** Seconds, milliseconds and microseconds, rounded up; 0 where the authority says nothing. */
function accuracyOf(value: DerValue | undefined): number | undefined {
  if (value === undefined) return 0
  let accuracy_ms = 0
  for (const part of partsOf(value, der.sequence) ?? []) {
    const number = numberOf(part, part.tag)
    if (number === undefined) return undefined
    if (part.tag === der.integer) accuracy_ms += number * 1000
    else if (part.tag === der.context(0, false)) accuracy_ms += number
    else accuracy_ms += Math.ceil(number / 1000)
  }
  return accuracy_ms
}

/** SignerInfo (RFC 5652, section 5.3): a check of its signature by a key; undefined when it does not sign `content`. */
function parseSigner(
  signer: DerValue | undefined,
  content: Uint8Array,
): ((key: KeyObject) => boolean) | undefined {
  const [, , digest, attributes, algorithm, signature] = partsOf(signer, der.sequence) ?? []
  const digest_name = oidOf(partsOf(digest, der.sequence)?.[0]) ?? ''
  const algorithm_name = oidOf(partsOf(algorithm, der.sequence)?.[0]) ?? ''
  const hash = hashes[digest_name]
  const signed_hash = algorithm_name === rsa ? hash : hashes[algorithm_name]
  if (hash === undefined || signed_hash === undefined) return undefined
  if (attributes?.tag !== der.context(0) || signature?.tag !== der.octets) return undefined
  // Section 5.4: what is signed is the attributes as a set, not with their own tag.
  const signed = Uint8Array.from(attributes.whole)
  signed[0] = der.set
  const named = partsOf(readDer(signed), der.set)
  const valueOf = (name: string): DerValue | undefined => {
    const found = named?.filter(
      (attribute) => oidOf(partsOf(attribute, der.sequence)?.[0]) === name,
    )
    const values = found?.length === 1 ? partsOf(found[0], der.sequence)?.[1] : undefined
    return partsOf(values, der.set)?.[0]
  }
  if (oidOf(valueOf(content_type)) !== tst_info) return undefined
  const said = valueOf(message_digest)
  const own = createHash(hash).update(content).digest()
  if (said?.tag !== der.octets || !equalBytes(said.content, own)) return undefined
  return (key) => {
    try {
      return verify(signed_hash, signed, key, signature.content)
    } catch {
      return false
    }
  }
}

/** An integer that is not negative, in as few bytes as it has. */
function positive(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0)
  const short = from < 0 ? Uint8Array.of(0) : bytes.subarray(from)
  return (short[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...short) : short
}
