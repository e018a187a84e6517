/**
 * What a database was asked and answered, several facts in one record: each of them is as a record of its own kind would
 * have it, without masks. Normative: FORMAT.md, section 2.6.
 *
 * @module
 */
import type { DecodedRecord, RecordFacts, RecordHeader } from './record.ts'

/** Kinds that an exchange may have. */
export type ExchangedKind = 'statement' | 'run' | 'stdin' | 'output' | 'result'

/** What such a record would say; in the exchange its channel and its spans, of which there are none, are left out. */
export type ExchangedFacts = Extract<RecordFacts, { readonly kind: ExchangedKind }>

/** As it stands in the header: `bytes` of the payload are its own, behind those of the facts before it. */
export type Exchanged = ExchangedFacts extends infer Facts
  ? Facts extends ExchangedFacts
    ? Omit<Facts, 'channel' | 'spans'> & { readonly bytes: number }
    : never
  : never

type Decoded = Pick<Extract<DecodedRecord, { ok: true }>, 'header' | 'payload'>

/** Each fact of a record, as a record that has it alone; of most records that is themselves. Payloads are borrowed. */
export function factsOf(decoded: Decoded): readonly Decoded[] {
  const { header, payload } = decoded
  if (header.kind !== 'exchange') return [decoded]
  const { v, session, seq, t_us, channel } = header
  let at = 0
  return header.facts.map((fact) => {
    const from = at
    at += fact.bytes
    const spans = fact.kind === 'result' ? {} : { spans: [] }
    // The shape of each was checked when the record was decoded.
    const alone = { v, session, seq, t_us, channel, ...fact, ...spans } as RecordHeader
    return { header: alone, payload: payload.subarray(from, at) }
  })
}
