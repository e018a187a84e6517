/**
 * What an auditor learns of a session with their private key: the plain SHA-256 of each raw stream and of each
 * file that passed, to be compared with what the target says it printed, and whether what was sealed agrees with
 * what was recorded. Nothing that was masked comes out of it.
 *
 * @module
 */
import { isCount, isDigest, isObject, parseObject, sha256, toHex } from '../evidence/bytes.ts'
import { transferDigest } from '../evidence/commitment.ts'
import type { EnvelopeContent } from '../evidence/envelope.ts'
import { factsOf } from '../evidence/exchange.ts'
import { leafHash, MerkleTree } from '../evidence/merkle.ts'
import { decodeRecord, type RecordHeader } from '../evidence/record.ts'
import { openValue } from '../evidence/seal.ts'
import { findings_max, report_items_max } from './limits.ts'
import { type ClaimedStreams, RecordedStreams } from './streams.ts'

export interface UnsealParts {
  readonly session: string
  readonly envelope: EnvelopeContent
  /** Of the start document, hex. */
  readonly proof_hash: string
  /** The stored records, in order. */
  readonly records: AsyncIterable<Uint8Array>
  /** Of the manifest; absent while the session is open. */
  readonly end?: { readonly records: number; readonly root: string }
  /** Raw bytes that the auditor has from elsewhere. */
  readonly claimed: ClaimedStreams
}

/**
 * `same`: the digest is that of the recorded bytes, or of the claimed ones. `different`: it is not. `masked`:
 * the record hides a part of the stream, so that only its raw bytes can tell. `partial`: the record does not have
 * all of the stream.
 */
export type DigestCheck = 'same' | 'different' | 'masked' | 'partial'

export interface UnsealedStream {
  readonly record: number
  readonly channel: number
  readonly stream: number
  /** SHA-256 of all raw bytes, hex. */
  readonly sha256: string
  /** ... or of those from here on: the ones before it stand in the records. */
  readonly from?: number
  readonly check: DigestCheck
}

export interface UnsealedTransfer {
  readonly record: number
  readonly channel: number
  readonly transfer: number
  /** SHA-256 of what passed, hex. */
  readonly sha256: string
  /** Of the `transfer` record that says how it ended; absent where none follows. */
  readonly ended?: Extract<RecordHeader, { kind: 'transfer' }>
  readonly check: DigestCheck
}

export interface Unsealed {
  readonly proof: { readonly kind: string; readonly is_named: boolean }
  readonly streams: readonly UnsealedStream[]
  readonly transfers: readonly UnsealedTransfer[]
  /** Commitments in the records, and those whose bytes are known and are the committed ones. */
  readonly commitments: { readonly all: number; readonly checked: number }
  /** Records that were read; `is_whole` when they give the manifest's root, absent while there is none. */
  readonly records: { readonly count: number; readonly is_whole?: boolean }
  /** One sentence each, about what is wrong. */
  readonly findings: readonly string[]
}

interface Waiting extends Omit<UnsealedTransfer, 'check' | 'ended'> {
  ended: UnsealedTransfer['ended']
  check: DigestCheck
}

export async function unseal(parts: UnsealParts): Promise<Unsealed> {
  const { session, envelope, claimed } = parts
  const findings: string[] = []
  const fail = (what: string): void => {
    if (findings.length < findings_max) findings.push(what)
  }
  const proof = proofOf(envelope, parts.proof_hash)
  if (envelope.session !== session) fail('the envelope is that of another session')
  if (!proof.is_named)
    fail('the proof in the envelope is not the one that the start document names')

  const recorded = new RecordedStreams({
    session,
    salt: envelope.salt,
    claimed,
    fail: (seq, what) => fail(`record ${seq} ${what}`),
  })
  const streams: UnsealedStream[] = []
  const transfers: Waiting[] = []
  const tree = new MerkleTree()
  for await (const stored of parts.records) {
    tree.append(leafHash(stored))
    const decoded = decodeRecord(stored)
    if (!decoded.ok) {
      fail(`record ${tree.size - 1} is damaged: ${decoded.reason}`)
      continue
    }
    const { header, payload } = decoded
    for (const fact of factsOf(decoded)) recorded.push(fact.header, fact.payload)
    if (header.kind === 'sealed') unsealValue(header, payload)
    else if (header.kind === 'transfer') endTransfer(header)
    else if (header.kind === 'channel_end') recorded.forget(header.channel)
  }
  return {
    proof,
    streams,
    transfers: transfers.map(({ ended, ...rest }) =>
      ended === undefined ? rest : { ...rest, ended },
    ),
    commitments: { all: recorded.committed, checked: recorded.checked },
    records: { count: tree.size, ...wholeness() },
    findings,
  }

  function wholeness(): { readonly is_whole?: boolean } {
    if (parts.end === undefined) return {}
    const is_whole = tree.size === parts.end.records && toHex(tree.root()) === parts.end.root
    if (!is_whole) fail("the records do not give the root of the session's manifest")
    return { is_whole }
  }

  function unsealValue(
    header: Extract<RecordHeader, { kind: 'sealed' }>,
    payload: Uint8Array,
  ): void {
    const opened = openValue(envelope.sealing_key, header.seq, payload)
    if (opened === undefined) {
      fail(`record ${header.seq} holds a sealed value that the session's key does not open`)
      return
    }
    const value = parseObject(opened)
    if (header.what === 'raw_sha256') addStreams(header, value?.['sha256'])
    else if (header.what === 'raw_rest_sha256') addRests(header, value?.['rest'])
    else if (header.what === 'transfer_sha256') addTransfer(header, value)
    // What a later version seals is left alone.
  }

  function addStreams({ seq, channel }: RecordHeader, digests: unknown): void {
    const sealed = isObject(digests) ? digests : {}
    for (const [name, sha256_hex] of Object.entries(sealed)) {
      const stream = Number(name)
      if (!isDigest(sha256_hex) || ![0, 1, 2].includes(stream)) continue
      const check = checkStream(channel, stream, sha256_hex)
      addStream({ record: seq, channel, stream, sha256: sha256_hex, check })
    }
    // What its records show whole needs none.
    for (const stream of [1, 2]) {
      const known = recorded.digest(channel, stream)
      if (Object.hasOwn(sealed, stream) || known.kind !== 'whole') continue
      const check = checkStream(channel, stream, known.sha256)
      addStream({ record: seq, channel, stream, sha256: known.sha256, check })
    }
  }

  /** Digests of what comes behind bytes that are all on record. */
  function addRests({ seq, channel }: RecordHeader, rests: unknown): void {
    for (const [name, rest] of Object.entries(isObject(rests) ? rests : {})) {
      const stream = Number(name)
      const { offset: from, sha256: sealed } = { ...(isObject(rest) ? rest : {}) }
      if (![1, 2].includes(stream) || !isCount(from) || !isDigest(sealed)) {
        fail(`record ${seq} seals something else than the digest of the rest of a stream`)
        continue
      }
      const raw = claimed(channel, stream)
      const { kind } = recorded.digest(channel, stream)
      // One that its records show whole has no rest.
      const check =
        kind === 'whole'
          ? 'different'
          : raw === undefined
            ? kind
            : raw.sha256(from) === sealed
              ? 'same'
              : 'different'
      addStream({ record: seq, channel, stream, sha256: sealed, from, check })
    }
  }

  function addStream(found: UnsealedStream): void {
    const { channel, stream, check } = found
    if (check === 'different')
      fail(`the sealed digest of stream ${stream} of channel ${channel} is not that of its bytes`)
    if (streams.length < report_items_max) streams.push(found)
  }

  function checkStream(channel: number, stream: number, sealed: string): DigestCheck {
    const raw = claimed(channel, stream)
    const known = recorded.digest(channel, stream)
    const digests = [
      ...(raw === undefined ? [] : [raw.sha256()]),
      ...(known.kind === 'whole' ? [known.sha256] : []),
    ]
    if (digests.some((digest) => digest !== sealed)) return 'different'
    return digests.length > 0 || known.kind === 'whole' ? 'same' : known.kind
  }

  function addTransfer({ seq, channel }: RecordHeader, value: unknown): void {
    const { transfer, sha256: sealed } = { ...(isObject(value) ? value : {}) } as Record<
      string,
      unknown
    >
    if (!isCount(transfer) || !isDigest(sealed)) {
      fail(`record ${seq} seals something else than the digest of a file`)
      return
    }
    if (transfers.length >= report_items_max) return
    const found = { record: seq, channel, transfer, sha256: sealed } as const
    transfers.push({ ...found, ended: undefined, check: 'partial' })
  }

  /** The record that ends a transfer follows the sealed digest of what passed. */
  function endTransfer(header: Extract<RecordHeader, { kind: 'transfer' }>): void {
    const { channel, transfer, digest, path } = header
    const open = transfers.findLast(
      (each) => each.channel === channel && each.transfer === transfer && each.ended === undefined,
    )
    if (open === undefined) {
      if (transfers.length < report_items_max)
        fail(`record ${header.seq} ends a transfer of which no digest was sealed`)
      return
    }
    open.ended = header
    const is_same = transferDigest(envelope.hmac_key, Buffer.from(open.sha256, 'hex')) === digest
    open.check = is_same ? 'same' : 'different'
    if (!is_same) fail(`the sealed digest of ${JSON.stringify(path)} is not the one on record`)
  }
}

function proofOf(
  { salt, proof }: EnvelopeContent,
  proof_hash: string,
): { readonly kind: string; readonly is_named: boolean } {
  const kind = parseObject(proof)?.['kind']
  return {
    kind: typeof kind === 'string' ? kind : 'unknown',
    is_named: toHex(sha256(salt, proof)) === proof_hash,
  }
}
