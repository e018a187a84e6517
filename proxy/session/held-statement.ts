/**
 * Statements of a session: judged by what policy says now, and held where it wants a person to look first.
 *
 * @module
 */
import type { TimedGrant } from '../core/access.ts'
import type { Approvals } from '../core/approval.ts'
import type { Channel } from '../core/connector.ts'
import type { Identity } from '../core/identity.ts'
import type { AskedAt, Policy, SessionRecorder } from '../core/ports.ts'
import type { Judge, Lookup, Statement } from '../core/statement.ts'
import type { Verdict } from '../core/verdict.ts'
import { exit_cancelled, waitForApproval } from './hold.ts'
import type { DecideHeld } from './pump.ts'

export interface HeldEnd {
  readonly verdict: Verdict
  readonly is_given_up: boolean
}

export interface StatementParts {
  readonly channel: Channel
  readonly recorder: SessionRecorder
  readonly policy: Policy
  readonly approvals: Approvals | undefined
  readonly identity: Identity
  readonly at: AskedAt
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  /** The session rests on this grant from now on; resolves when that is on record. */
  rest(grant: TimedGrant): Promise<void>
}

/**
 * A statement that was allowed is asked about again once policy could say otherwise. What rests on a grant, or is not allowed,
 * is asked about each time.
 */
export function statementJudge({
  channel,
  policy,
  identity,
  at,
  target,
  rest,
}: StatementParts): Judge {
  const database = new TextDecoder().decode(channel.request.command)
  let epoch = -1
  let known = new WeakMap<Statement, { lookup: Lookup | undefined; verdict: Verdict }>()
  return (statement, lookup) => {
    if (policy.epoch !== epoch) {
      ;({ epoch } = policy)
      known = new WeakMap()
    }
    const before = known.get(statement)
    if (before !== undefined && before.lookup === lookup) return before.verdict
    const verdict = policy.statement(identity, target, { statement, database, lookup }, at)
    if (verdict.allowed && verdict.by_grant === undefined) known.set(statement, { lookup, verdict })
    // Its record is asked for before that of the statement. One that fails ends the session.
    else if (verdict.allowed && verdict.by_grant !== undefined)
      rest(verdict.by_grant).catch(() => {})
    return verdict
  }
}

export function statementHold(parts: StatementParts): DecideHeld {
  const { channel, recorder, approvals, identity, at, target, labels, rest } = parts
  let holds = 0
  return async (held, say, onGivenUp) => {
    const { rule, hold: terms } = held.verdict
    if (approvals === undefined || terms === undefined)
      return { verdict: held.verdict, is_given_up: false }
    const shown = await recorder.shown(channel.id, held.shown)
    const database = new TextDecoder().decode(channel.request.command)
    const end = await waitForApproval({
      approvals,
      recorder,
      what: 'statement',
      channel: {
        id: channel.id,
        wait(give_up) {
          onGivenUp(give_up)
          return { say, end() {} }
        },
      },
      command: {
        session: recorder.id,
        channel: channel.id,
        identity,
        account: at.account,
        source: at.source,
        target,
        labels,
        environment: { database },
        is_terminal: false,
        command: boundBytes(++holds, held.raw, held.shown),
        shown: { ...shown, environment: { database } },
        rule,
        terms,
      },
      judge: () => held.judge(),
    })
    const { verdict } = end
    if (verdict.allowed && verdict.by_grant !== undefined) await rest(verdict.by_grant)
    await recorder.event(channel.id, { kind: 'verdict', verdict, asked: 'query' })
    return { verdict, is_given_up: 'exit_code' in end && end.exit_code === exit_cancelled }
  }
}

/**
 * What runs, and what its approver saw, so that neither can be taken for a part of the other; and which one of the channel it
 * is, so that the same statement again is another.
 */
function boundBytes(number: number, raw: Uint8Array, shown: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + raw.length + shown.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, number)
  view.setUint32(4, raw.length)
  bytes.set(raw, 8)
  bytes.set(shown, 8 + raw.length)
  return bytes
}
