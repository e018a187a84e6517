/**
 * Is a session's envelope sealed to the auditors that its start document names, and are they known?
 *
 * @module
 */
import type { StartDocument } from '../evidence/manifest.ts'
import { envelopeRecipients } from '../evidence/recipients.ts'
import type { Trust } from '../evidence/trust.ts'
import type { Findings, Place } from './report.ts'

/** `sealed` is undefined where a finding has said already that it is not there. */
export function checkRecipients(
  start: StartDocument,
  sealed: Uint8Array | undefined,
  trust: Trust | undefined,
  findings: Findings,
  place: Place,
): void {
  const named = sealed === undefined ? start.recipients : envelopeRecipients(sealed)
  if (named === undefined || !sameItems(named, start.recipients))
    findings.fail(
      'log_contradicts',
      `The envelope of session ${start.session} is not sealed to the auditors that its start document names.`,
      place,
    )
  for (const key of new Set([...start.recipients, ...(named ?? [])]))
    if (trust !== undefined && !trust.auditors.includes(key))
      findings.fail(
        'unknown_auditor_key',
        `The envelope of session ${start.session} can be opened with the key ${JSON.stringify(key)}, which is no ` +
          "auditor's in the trust file: somebody else may read what was sealed.",
        place,
      )
}

const sameItems = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((item) => b.includes(item))
