/**
 * Makes the disclosure of one masked value. The value is not kept: who has it from elsewhere brings it, and it is
 * disclosed only if it is the committed one, and only if its nonce gives nothing else away.
 *
 * @module
 */
import { concat } from '../evidence/bytes.ts'
import { command_stream, spanNonce, verifySpan } from '../evidence/commitment.ts'
import { type Disclosure } from '../evidence/disclosure.ts'
import { leafHash } from '../evidence/merkle.ts'
import { inclusionProofOf } from '../evidence/proof.ts'
import { decodeRecord, type RecordHeader, type RecordSpan } from '../evidence/record.ts'
import { records_max } from './limits.ts'

export interface DiscloseParts {
  readonly session: string
  /** Of the envelope. */
  readonly salt: Uint8Array
  readonly record: number
  readonly span: number
  /** What somebody says was masked there. */
  readonly value: Uint8Array
  readonly records: AsyncIterable<Uint8Array>
}

export type Disclosing =
  | {
      readonly ok: true
      readonly disclosure: Omit<Disclosure, 'manifest' | 'named_by'>
      readonly header: RecordHeader
      readonly span: RecordSpan
    }
  /** One line for a person; it never has the value in it. */
  | { readonly ok: false; readonly reason: string }

interface Place {
  readonly stream: number
  readonly offset: number
  readonly length: number
  readonly commitment: string
}

/** Reads all records: the path needs every leaf, and any record may share the nonce. */
export async function disclose(parts: DiscloseParts): Promise<Disclosing> {
  const { session, salt, record, span: number } = parts
  const leaves: Uint8Array[] = []
  let stored: Uint8Array | undefined
  /** By channel, stream and offset: the longest range that a commitment there has. */
  const longest = new Map<string, number>()
  for await (const bytes of parts.records) {
    if (leaves.length === records_max)
      return refused(`the session has more than ${records_max} records`)
    if (leaves.length === record) stored = bytes.slice()
    leaves.push(leafHash(bytes))
    const decoded = decodeRecord(bytes)
    if (!decoded.ok) continue
    for (const place of placesOf(decoded.header)) {
      const key = keyOf(decoded.header.channel, place)
      longest.set(key, Math.max(longest.get(key) ?? 0, place.length))
    }
  }
  if (stored === undefined) return refused(`the session has ${leaves.length} records, from 0 on`)
  const decoded = decodeRecord(stored)
  if (!decoded.ok) return refused(`record ${record} is damaged: sluice verify says more`)
  const { header } = decoded
  const spans = 'spans' in header ? header.spans : []
  const span = spans[number]
  const place = placesOf(header)[number]
  if (span === undefined || place === undefined)
    return refused(
      spans.length === 0
        ? `record ${record} (${header.kind}) hides nothing`
        : `record ${record} hides ${spans.length} values, from 0 on`,
    )
  if ((longest.get(keyOf(header.channel, place)) ?? 0) > span.length)
    return refused(
      'this value cannot be disclosed alone: an echo that begins at the same place has the same nonce, and ' +
        'would become guessable with it',
    )
  const nonce = spanNonce(salt, session, header.channel, place.stream, span.offset)
  const value = candidates(parts.value).find(
    (each) => each.length === span.length && verifySpan(span.commitment, nonce, each),
  )
  if (value === undefined)
    return refused(
      `the value that was given is not the one that record ${record} hides: nothing was disclosed`,
    )
  const path = inclusionProofOf(concat(leaves), record)
  return {
    ok: true,
    disclosure: { session, record, span: number, value, nonce, stored, path },
    header,
    span,
  }
}

/** A file may end in a newline that is not the value's. */
function candidates(value: Uint8Array): readonly Uint8Array[] {
  const ends = ['\n', '\r\n'].filter((end) =>
    Buffer.from(value).subarray(-end.length).equals(Buffer.from(end)),
  )
  return [value, ...ends.map((end) => value.subarray(0, value.length - end.length))]
}

/** Everything that a record commits to, its spans first and in their order. */
function placesOf(header: RecordHeader): readonly Place[] {
  const stream = streamOf(header)
  if (stream === undefined) return []
  if (header.kind === 'echo') return [{ ...header, stream }]
  return 'spans' in header ? header.spans.map((span) => ({ ...span, stream })) : []
}

function streamOf(header: RecordHeader): number | undefined {
  switch (header.kind) {
    case 'output':
    case 'echo':
    case 'echo_text':
      return header.stream
    case 'command':
      return command_stream
    case 'stdin':
    case 'input_text':
      return 0
    default:
      return undefined
  }
}

const keyOf = (channel: number, { stream, offset }: Place): string =>
  `${channel}/${stream}/${offset}`

const refused = (reason: string): Disclosing => ({ ok: false, reason })
