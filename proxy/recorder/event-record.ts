/**
 * What happened in a session, as it is recorded: whatever a client or a target said of it is masked.
 *
 * @module
 */
import type { RecordFacts } from '../../storage/evidence/record.ts'
import type { RecordedEvent } from '../core/ports.ts'
import { judgedOf } from '../core/verdict.ts'
import { grantRecord } from './grant-record.ts'

export function eventRecord(
  channel: number,
  event: RecordedEvent,
  plain: (text: string) => string,
): RecordFacts {
  switch (event.kind) {
    case 'verdict': {
      const { verdict, asked } = event
      const { allowed, rule } = verdict
      return {
        ...{ kind: 'verdict', channel, allowed, rule },
        ...{ asked: plain(asked), ...judgedOf(verdict) },
      }
    }
    case 'failed':
      return { ...event, channel, message: plain(event.message) }
    case 'approval':
      return { ...event, channel, comment: plain(event.comment) }
    case 'grant':
      return grantRecord(channel, event, plain)
    case 'signal':
    case 'exit_signal':
      // Its name is anyone's own where it has an "@", and a target's is recorded whatever it is.
      return { ...event, channel, signal: plain(event.signal) }
    default:
      return { ...event, channel }
  }
}
