/**
 * What a database was asked and answered, gathered until it is to be durable: its facts are then one record, as each record
 * costs a header, two hashes and a row in every list, which is most of what a short query costs.
 *
 * @module
 */
import type { ExchangedFacts } from '../../storage/evidence/exchange.ts'
import { exchanged_facts_max } from '../../storage/evidence/limits.ts'
import { leafHash } from '../../storage/evidence/merkle.ts'
import {
  encodeExchange,
  encodeFacts,
  type RecordFacts,
  type RecordPlace,
} from '../../storage/evidence/record.ts'
import { exchanged_bytes_max } from '../core/limits.ts'

const no_payload = new Uint8Array()

/** Facts of one channel, in their order. */
export class Gathering {
  readonly #facts: ExchangedFacts[] = []
  readonly #payloads: Uint8Array[] = []
  #bytes = 0
  #has_statement = false

  get isEmpty(): boolean {
    return this.#facts.length === 0
  }

  /** Otherwise what is here has to be recorded first. */
  fits({ channel, kind }: ExchangedFacts, payload: Uint8Array = no_payload): boolean {
    const [first] = this.#facts
    if (first === undefined) return true
    return (
      first.channel === channel &&
      !(kind === 'statement' && this.#has_statement) &&
      this.#facts.length < exchanged_facts_max &&
      this.#bytes + payload.length <= exchanged_bytes_max
    )
  }

  /** What {@link fits}. The payload is kept. */
  add(facts: ExchangedFacts, payload: Uint8Array = no_payload): void {
    this.#facts.push(facts)
    this.#payloads.push(payload)
    this.#bytes += payload.length
    this.#has_statement ||= facts.kind === 'statement'
  }

  /** As one record, and its leaf. It may be borrowed until the next record. */
  encode(place: RecordPlace): { readonly stored: Uint8Array; readonly leaf: Uint8Array } {
    const [first] = this.#facts
    if (first === undefined || this.#facts.length > 1)
      return encodeExchange(place, this.#facts, this.#payloads)
    const stored = encodeFacts(place, first, this.#payloads[0])
    return { stored, leaf: leafHash(stored) }
  }

  /** What comes next is another record's. */
  clear(): void {
    this.#facts.length = 0
    this.#payloads.length = 0
    this.#bytes = 0
    this.#has_statement = false
  }
}

/** Whether it may be one of several facts: it hides nothing, and is as small as those of a short query. */
export function isGathered(facts: RecordFacts, payload?: Uint8Array): facts is ExchangedFacts {
  switch (facts.kind) {
    case 'statement':
    case 'run':
    case 'stdin':
      break
    case 'output':
      if (facts.stream !== 1) return false
      break
    case 'result':
      return facts.left_out === undefined
    default:
      return false
  }
  return facts.spans.length === 0 && (payload?.length ?? 0) <= exchanged_bytes_max
}
