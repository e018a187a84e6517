/**
 * Whether what was let go before its time had the approvals that the configuration of then asked for.
 *
 * @module
 */
import type { JsonObject } from '../evidence/bytes.ts'
import {
  isWeaker,
  type Released,
  type ReleaseTerms,
  readRelease,
  readReleaseTerms,
  whyNotReleased,
} from '../evidence/release.ts'
import type { Findings } from './report.ts'

export class ReleaseBook {
  /** What was said last: a configuration that is silent about it takes nothing back. */
  #terms: ReleaseTerms | undefined

  configured(facts: JsonObject | undefined, entry: number, time: string, findings: Findings): void {
    const terms = readReleaseTerms(facts?.['release'])
    if (terms === undefined) return
    const before = this.#terms
    this.#terms = terms
    if (before === undefined || !isWeaker(terms, before)) return
    findings.notice(
      'release_weakened',
      `From ${time} on, as log entry ${entry} says, lifting a legal hold and shredding a session needed ${termsText(terms)}; before that ${termsText(before)}.`,
      { entry },
    )
  }

  /** `facts`: of the document that says what was let go. Returns who approved it, as text. */
  check(facts: JsonObject, released: Released, entry: number, findings: Findings): string {
    const release = readRelease(facts['release'])
    const wrong =
      this.#terms === undefined ? undefined : whyNotReleased(release, released, this.#terms)
    const { change, of } = released
    const what = change === 'lift_hold' ? `lifts legal hold ${of}` : `shreds session ${of}`
    if (wrong !== undefined)
      findings.fail(
        wrong.kind === 'missing' ? 'approval_missing' : 'approval_not_signed',
        `Log entry ${entry} ${what} without the approvals that the configuration asked for: ${wrong.why}.`,
        { entry, ...(change === 'shred' ? { session: of } : {}) },
      )
    if (release === undefined || release.approvals.length === 0) return ''
    const names = release.approvals.map(({ subject }) => JSON.stringify(subject))
    return `, approved by ${names.join(', ')}`
  }
}

function termsText({ quorum, group, passkey }: ReleaseTerms): string {
  if (quorum === 0) return 'nobody else'
  const who = group === '' ? 'other approvers' : `others of the group ${JSON.stringify(group)}`
  return `${quorum} ${who}${passkey ? ' with a passkey' : ''}`
}
