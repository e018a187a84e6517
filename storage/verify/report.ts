/**
 * What a verification says: findings by name, counts of what was looked at, and a verdict.
 *
 * @module
 */
import { findings_max } from './limits.ts'

/** Something is wrong with the evidence. */
export type FailureCode =
  | 'nothing_to_verify'
  | 'source_unreadable'
  | 'checkpoint_missing'
  | 'checkpoint_malformed'
  | 'checkpoint_signature_wrong'
  | 'log_missing'
  | 'log_rolled_back'
  | 'log_forked'
  | 'cosignature_missing'
  | 'cosignature_wrong'
  | 'log_entry_edited'
  | 'log_entry_missing'
  | 'log_entry_malformed'
  | 'log_contradicts'
  | 'document_missing'
  | 'document_edited'
  | 'document_malformed'
  | 'envelope_missing'
  | 'envelope_edited'
  | 'unknown_auditor_key'
  | 'session_missing_from_log'
  | 'session_missing_from_store'
  | 'session_truncated'
  | 'session_rewritten'
  | 'session_listed_wrong'
  | 'record_edited'
  | 'record_reordered'
  | 'record_missing'
  | 'record_added'
  | 'record_malformed'
  | 'log_proof_wrong'
  | 'record_proof_wrong'
  | 'value_not_committed'
  | 'disclosure_malformed'
  | 'bundle_malformed'
  | 'derived_edited'
  | 'heartbeat_gap'
  /** A newer version of an object hides the one that is evidence. */
  | 'object_shadowed'
  /** A delete marker hides it. */
  | 'object_deleted'
  /** The version that the gateway's receipt names is gone, or is not what was sent. */
  | 'object_missing'
  | 'object_edited'
  /** Under a name of the evidence lies what is no part of it. */
  | 'object_added'
  /** Nothing keeps it from being deleted, or not for as long as policy says. */
  | 'object_not_locked'
  | 'retention_short'
  /** A session was erased before its time, or although a legal hold was over it. */
  | 'expired_early'
  | 'expired_under_hold'
  /** The key that a session's objects in a bucket are encrypted under is gone without a word in the log, or is another one. */
  | 'session_key_missing'
  | 'session_key_wrong'
  /** A legal hold is over a session, and the bucket does not hold an object of it. */
  | 'hold_missing'
  | 'time_went_back'
  | 'approval_not_signed'
  /** A legal hold was lifted, or a session shredded, without the people that the configuration asked for. */
  | 'approval_missing'
  | 'time_outside_tokens'
  | 'timestamp_missing'
  | 'timestamp_wrong'

/** Worth knowing, and no fault of the evidence. */
export type NoticeCode =
  | 'session_crashed'
  | 'session_open'
  | 'records_not_logged'
  | 'entries_unsigned'
  | 'gateway_was_down'
  | 'sessions_not_logged'
  | 'page_unknown'
  | 'session_expired'
  | 'session_shredded'
  /** A session was erased, and the bucket has its key still. */
  | 'session_key_kept'
  | 'hold_in_force'
  | 'hold_lifted'
  /** From here on fewer people were needed to lift a hold or to shred. */
  | 'release_weakened'
  /** From here on sessions, or the log, were kept for fewer days. */
  | 'retention_shortened'
  | 'entries_not_witnessed'
  | 'entries_not_timestamped'

/** Where a finding lies. Absent members are unknown or do not apply. */
export interface Place {
  /** Origin of the log, where a gateway has several. */
  readonly log?: string
  readonly session?: string
  /** Sequence of a record, or of the first of several. */
  readonly record?: number
  readonly record_last?: number
  /** Index in the log. */
  readonly entry?: number
}

export type Finding = Place & {
  /** A sentence for a person: which, and what it means. */
  readonly message: string
} & (
    | { readonly severity: 'failure'; readonly code: FailureCode }
    | { readonly severity: 'notice'; readonly code: NoticeCode }
  )

export interface Counts {
  readonly log_entries: number
  readonly documents: number
  readonly sessions: number
  readonly records: number
  /** Stored bytes of the records. */
  readonly bytes: number
}

/**
 * `verified`: signed by a log of the trust file, and nothing is wrong. `consistent_unanchored`: nothing
 * is wrong, but without a trust file all of it could have been made anew.
 */
export type Verdict = 'verified' | 'consistent_unanchored' | 'failed'

export interface Report {
  readonly verdict: Verdict
  readonly findings: readonly Finding[]
  /** Findings beyond the limit of the list. */
  readonly findings_omitted: number
  readonly checked: Counts
  /** The log as its newest checkpoint has it. */
  readonly log?: LogFacts
  /** Where a gateway has workers: the logs of all, its own first. */
  readonly logs?: readonly LogFacts[]
}

export interface LogFacts {
  readonly origin: string
  readonly size: number
  readonly root: string
}

/** Gathers a report. */
export class Findings {
  readonly list: Finding[] = []
  readonly counts: { -readonly [name in keyof Counts]: number } = {
    log_entries: 0,
    documents: 0,
    sessions: 0,
    records: 0,
    bytes: 0,
  }
  omitted = 0
  failures = 0

  fail(code: FailureCode, message: string, place: Place = {}): void {
    this.failures++
    this.#add({ severity: 'failure', code, message, ...place })
  }

  notice(code: NoticeCode, message: string, place: Place = {}): void {
    this.#add({ severity: 'notice', code, message, ...place })
  }

  report(anchored: boolean, log: Report['log']): Report {
    const sound: Verdict = anchored ? 'verified' : 'consistent_unanchored'
    return {
      verdict: this.failures > 0 ? 'failed' : sound,
      findings: this.list,
      findings_omitted: this.omitted,
      checked: { ...this.counts },
      ...(log === undefined ? {} : { log }),
    }
  }

  #add(finding: Finding): void {
    // A failure is never crowded out by notices.
    if (this.list.length < findings_max) this.list.push(finding)
    else if (finding.severity === 'failure' && this.failures === 1) this.list.unshift(finding)
    else this.omitted++
  }
}
