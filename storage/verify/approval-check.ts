/**
 * Are the approvals of a session signed where they had to be, and are the signatures those of their requests? From the
 * session's records alone.
 *
 * @module
 */
import { whyNotSigned } from '../evidence/passkey.ts'
import type { RecordHeader } from '../evidence/record.ts'
import { followed_streams_max } from './limits.ts'

type Hold = Extract<RecordHeader, { kind: 'hold' }>
type Approval = Extract<RecordHeader, { kind: 'approval' }>

export class ApprovalCheck {
  /** Requests that have not ended. */
  readonly #holds = new Map<string, Hold>()

  /** What is wrong with the record, if anything. */
  check(header: RecordHeader): string | undefined {
    if (header.kind === 'hold') {
      if (this.#holds.size < followed_streams_max) this.#holds.set(header.request, header)
      return undefined
    }
    return header.kind === 'approval' ? this.#ended(header) : undefined
  }

  #ended({ request, outcome, by }: Approval): string | undefined {
    const hold = this.#holds.get(request)
    this.#holds.delete(request)
    if (outcome !== 'approved') return undefined
    for (const { passkey } of by) {
      if (passkey === undefined) {
        if (hold?.passkey === true) return 'its policy wanted a passkey, and somebody used none'
      } else if (hold === undefined) {
        return 'it is signed for a request that is not on record'
      } else {
        const why = whyNotSigned(passkey, hold.digest)
        if (why !== undefined) return why
      }
    }
    return undefined
  }
}
