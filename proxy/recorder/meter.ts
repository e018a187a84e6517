/**
 * What an operator counts of the recorder's work.
 *
 * @module
 */
import type { EndReason, RecordedEvent } from '../core/ports.ts'
import type { StatementFact } from '../core/statement.ts'
import type { TransferFact } from '../core/transfer.ts'
import type { Measured } from './messages.ts'

/** Counts what passes. Never throws. */
export interface RecorderMeter {
  opened(protocol: string): void
  ended(protocol: string, reason: EndReason): void
  event(kind: (RecordedEvent | StatementFact | TransferFact)['kind']): void
  /** Bytes that were released to a client, or that a target may have. */
  passed(direction: 'to_client' | 'to_target', bytes: number): void
  committed(measured: Measured): void
}

export const no_meter: RecorderMeter = {
  opened() {},
  ended() {},
  event() {},
  passed() {},
  committed() {},
}
