/**
 * What a session's record says of a grant. What else is known of it is in the gateway's log.
 *
 * @module
 */
import type { RecordFacts } from '../../storage/evidence/record.ts'
import type { RecordedEvent } from '../core/ports.ts'

/** `plain`: masks what somebody typed. */
export function grantRecord(
  channel: number,
  { grant, policy_hash }: Extract<RecordedEvent, { kind: 'grant' }>,
  plain: (text: string) => string,
): RecordFacts {
  const { id, digest, break_glass, reason, by, requested_us, starts_us, ends_us } = grant
  return {
    kind: 'grant',
    channel,
    grant: id,
    digest,
    policy_hash,
    break_glass,
    reason: plain(reason),
    by: by.map(({ subject, issuer }) => ({ subject, issuer })),
    requested_us,
    starts_us,
    ends_us,
  }
}
