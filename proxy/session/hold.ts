/**
 * A command that policy holds: its user sees what it waits for, and it goes on only with an approval that is on record.
 *
 * @module
 */
import {
  type Approvals,
  approvalsText,
  type Decider,
  type HeldCommand,
  type HoldOutcome,
} from '../core/approval.ts'
import type { Channel } from '../core/connector.ts'
import type { SessionRecorder } from '../core/ports.ts'
import { type Denial, type Grant, type HoldTerms, isEnough, type Verdict } from '../core/verdict.ts'

export interface HoldParts {
  readonly approvals: Approvals
  readonly channel: Pick<Channel, 'id' | 'wait'>
  readonly recorder: SessionRecorder
  /** Whom the user may ask. */
  readonly command: HeldCommand
  /** What the user calls it. */
  readonly what?: 'command' | 'statement'
  /** Policy, once more: it may be another one by the time that the command is approved. */
  readonly judge: () => Verdict
}

export type HoldEnd =
  | { readonly verdict: Grant }
  | { readonly verdict: Denial; readonly exit_code: number }

/** As `timeout` exits. */
const exit_expired = 124
const exit_denied = 126
/** As a shell reports a program that Ctrl-C ended. */
export const exit_cancelled = 130

/** Seconds before the end at which the user is told how many are left. */
const told_s = [600, 300, 120, 60, 30, 10] as const

/** Rejects with a `RecorderError`. Nothing of it is decided before it is on record. */
export async function waitForApproval({
  approvals,
  channel,
  recorder,
  command,
  what = 'command',
  judge,
}: HoldParts): Promise<HoldEnd> {
  const { terms, rule } = command
  const denied = (message: string, exit_code: number): HoldEnd => ({
    verdict: { allowed: false, rule, message, risk: terms.risk, findings: terms.findings },
    exit_code,
  })
  const { wait } = channel
  const held = wait === undefined ? undefined : approvals.hold(command)
  if (wait === undefined || held === undefined)
    return denied(`this ${what} needs an approval, and too many wait for one already`, exit_denied)
  await recorder.event(channel.id, {
    kind: 'hold',
    request: held.id,
    digest: held.digest,
    rule,
    approvals: terms.approvals,
    expires_us: held.expires_us,
    ...(terms.passkey === true ? { passkey: true } : {}),
  })
  const waiting = wait(() => held.cancel())
  for (const line of linesOf(command, what, held.id, approvals.page?.())) waiting.say(line)
  const stopTelling = countDown(terms.expires_ms, (left) =>
    waiting.say(`request ${held.id} expires in ${left}`),
  )
  let outcome: HoldOutcome
  try {
    outcome = await held.decided
  } finally {
    stopTelling()
  }
  await recorder.event(channel.id, {
    kind: 'approval',
    request: held.id,
    outcome: outcome.kind,
    by: 'by' in outcome ? outcome.by : [],
    comment: outcome.kind === 'denied' ? outcome.comment : '',
  })
  switch (outcome.kind) {
    case 'approved':
      if (!held.redeem(command)) return denied('the approval is for something else', exit_denied)
      if (!isStill(judge(), terms))
        return denied('policy was changed meanwhile, and wants more: ask again', exit_denied)
      waiting.say(`request ${held.id} was approved by ${namesOf(outcome.by)}`)
      waiting.end()
      return {
        verdict: {
          allowed: true,
          rule,
          risk: terms.risk,
          findings: terms.findings,
          ...(terms.by_grant === undefined ? {} : { by_grant: terms.by_grant }),
        },
      }
    case 'denied': {
      const comment = outcome.comment === '' ? '' : `: ${outcome.comment}`
      return denied(
        `request ${held.id} was denied by ${namesOf(outcome.by)}${comment}`,
        exit_denied,
      )
    }
    case 'expired':
      return denied(
        `request ${held.id} expired: ${outcome.stopped === true ? 'the gateway is being stopped' : 'nobody approved it in time'}`,
        exit_expired,
      )
    case 'cancelled':
      return denied(`request ${held.id} was given up`, exit_cancelled)
  }
}

/** Whether policy still lets it run with the approvals that were given. */
function isStill(now: Verdict, { approvals, passkey }: HoldTerms): boolean {
  if (now.allowed) return true
  if (now.hold === undefined || (now.hold.passkey === true && passkey !== true)) return false
  return isEnough(approvals, now.hold.approvals)
}

function linesOf(
  { terms, rule }: HeldCommand,
  what: string,
  id: string,
  page: string | undefined,
): readonly string[] {
  const found = terms.says === '' ? '' : `: it ${terms.says} (${terms.findings.join(', ')})`
  const reason = terms.reason === '' ? '' : `; ${terms.reason}`
  const signed = terms.passkey === true ? ', signed with a passkey' : ''
  return [
    `this ${what} waits by ${rule}${found}${reason}`,
    `request ${id} needs ${approvalsText(terms.approvals)}${signed}, within ${duration(terms.expires_ms)}; Ctrl-C gives it up`,
    // The CLI has no passkey.
    page !== undefined && terms.passkey === true
      ? `they approve it at ${page}`
      : `they approve it ${page === undefined ? 'by' : `at ${page}, or by`}: sluice approve ${id}`,
  ]
}

function countDown(expires_ms: number, tell: (left: string) => void): () => void {
  const timers = told_s
    .filter((left_s) => left_s * 1_000 < expires_ms)
    .map((left_s) => setTimeout(() => tell(duration(left_s * 1_000)), expires_ms - left_s * 1_000))
  return () => {
    for (const timer of timers) clearTimeout(timer)
  }
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  const rest = seconds % 60
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`
}

const namesOf = (by: readonly Decider[]): string => by.map(({ subject }) => subject).join(', ')
