/**
 * Whether the disk under the journal is well, as far as anybody knows.
 *
 * @module
 */
import type { FromRecorder } from './messages.ts'

export interface DiskHealth {
  readonly is_failing: boolean
  /** A commit failed, and none has succeeded since: only another one can show that the disk is well again. */
  readonly is_unproven: boolean
  /** A commit failed. Whoever recorded is told by other means. */
  failed(): void
  succeeded(): void
  /** Whether no segment is ready for another session, and none can be prepared. */
  prepared(is_starved: boolean): void
}

/** @param tell called when it changes by itself */
export function createDiskHealth(
  tell: (message: Extract<FromRecorder, { kind: 'health' }>) => void,
): DiskHealth {
  let is_starved = false
  let is_unproven = false
  let is_failing = false
  const judge = (): void => {
    const was_failing = is_failing
    is_failing = is_starved || is_unproven
    if (is_failing === was_failing) return
    tell({ kind: 'health', ready: !is_failing, reason: is_failing ? 'no space to record' : '' })
  }
  return {
    get is_failing() {
      return is_failing
    },
    get is_unproven() {
      return is_unproven
    },
    failed() {
      is_starved = true
      is_unproven = true
      is_failing = true
    },
    succeeded() {
      if (!is_unproven) return
      is_unproven = false
      judge()
    },
    prepared(now_starved) {
      is_starved = now_starved
      judge()
    },
  }
}

/** What the running sessions are told. */
export function recordingFailed(is_full: boolean): Extract<FromRecorder, { kind: 'failed' }> {
  const code = is_full ? 'journal_full' : 'journal_io'
  const why = is_full ? 'has no space left to' : 'cannot'
  return { kind: 'failed', code, message: `the gateway ${why} record this session` }
}
