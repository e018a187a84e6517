/**
 * Where commands wait for their approval. Everything is in memory, bound to a running session and to a key that this
 * process made: a restart approves nothing.
 *
 * @module
 */
import type {
  ApprovalRequest,
  Approvals,
  Decider,
  DeskChange,
  Held,
  HeldCommand,
  HoldOutcome,
  Vote,
  VoteResult,
} from '../../core/approval.ts'
import { newId } from '../request-id.ts'
import { requests_each_max, requests_max } from './limits.ts'
import { type Refused, refused, whyRefused } from './vote.ts'

export interface DeskPorts {
  /** UTC. */
  now_us(): number
  /** Calls back once, unless what it returns was called before. */
  after(delay_ms: number, run: () => void): () => void
  /** Whether policy lets them decide about such a command there. */
  mayApprove(approver: Vote['approver'], command: HeldCommand): boolean
  /** Resolves when the fact is durable; only then does it count. */
  note(fact: DeskFact): Promise<void>
  /** A comment as it may be shown to anybody. */
  mask(text: string): Promise<string>
  /** Where a browser finds what waits. */
  page?(): string | undefined
  /** Somebody may be watching. */
  changed?(change: DeskChange): void
}

/** For the gateway's log; it holds nothing of the command. */
export interface DeskFact {
  readonly type: 'approval.decided' | 'approval.refused'
  readonly facts: Readonly<Record<string, string>>
}

export interface Desk extends Approvals {
  requests(): readonly ApprovalRequest[]
  vote(id: string, vote: Vote): Promise<VoteResult>
  /** The gateway ends: nothing waits any more. */
  close(): void
}

interface Pending {
  readonly id: string
  readonly digest: string
  readonly command: HeldCommand
  readonly requested_us: number
  readonly expires_us: number
  /** For each of the terms' approvals, who gave one. */
  readonly given: Decider[][]
  /** A decision is being written down: another one waits for nothing. */
  deciding: boolean
  end(outcome: HoldOutcome): void
}

export function createDesk(ports: DeskPorts): Desk {
  const key = crypto.getRandomValues(new Uint8Array(32))
  const pending = new Map<string, Pending>()
  let is_closed = false

  const digestOf = (command: HeldCommand): string => {
    const { session, channel, identity, account, target, environment, is_terminal } = command
    const environment_sorted = Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1))
    const bound = JSON.stringify([
      'sluice-approval-v1',
      session,
      channel,
      identity.issuer,
      identity.subject,
      identity.credential,
      account,
      target,
      environment_sorted,
      is_terminal,
    ])
    return new Bun.CryptoHasher('sha256', key)
      .update(`${bound.length}:${bound}`)
      .update(command.command)
      .digest('hex')
  }

  const hold = (command: HeldCommand): Held | undefined => {
    const { identity, terms } = command
    const own = [...pending.values()].filter(
      (each) => each.command.identity.subject === identity.subject,
    )
    if (is_closed || pending.size >= requests_max || own.length >= requests_each_max)
      return undefined
    const id = newId(pending, 10)
    const digest = digestOf(command)
    const requested_us = ports.now_us()
    const expires_us = requested_us + terms.expires_ms * 1_000
    const { promise: decided, resolve } = Promise.withResolvers<HoldOutcome>()
    let outcome: HoldOutcome | undefined
    let is_redeemed = false
    const end = (ended: HoldOutcome): void => {
      if (outcome !== undefined) return
      outcome = ended
      forget()
      pending.delete(id)
      resolve(ended)
      ports.changed?.({ kind: 'ended', request: shown(request), outcome: ended })
    }
    const forget = ports.after(terms.expires_ms, () => end({ kind: 'expired' }))
    const request: Pending = {
      id,
      digest,
      command,
      requested_us,
      expires_us,
      end,
      given: terms.approvals.map(() => []),
      deciding: false,
    }
    pending.set(id, request)
    ports.changed?.({ kind: 'waiting', request: shown(request) })
    return {
      id,
      digest,
      expires_us,
      decided,
      cancel: () => end({ kind: 'cancelled' }),
      redeem(now) {
        const is_good = outcome?.kind === 'approved' && !is_redeemed && digestOf(now) === digest
        is_redeemed = true
        return is_good
      },
    }
  }

  const vote = async (id: string, given: Vote): Promise<VoteResult> => {
    const { approver, decision } = given
    const request = pending.get(id)
    if (request === undefined)
      return refused('unknown', 'no such request waits: it was decided, given up, or has expired')
    const { command } = request
    const facts = {
      request: id,
      session: command.session,
      channel: String(command.channel),
      target: command.target,
      account: command.account,
      requester: command.identity.subject,
      digest: request.digest,
      decision,
      subject: approver.subject,
      issuer: approver.issuer,
    }
    const refusal = whyNot(request, given)
    if (refusal !== undefined) {
      await ports
        .note({ type: 'approval.refused', facts: { ...facts, reason: refusal.code } })
        .catch(() => {})
      return refusal
    }
    if (request.deciding) return refused('unknown', 'somebody decides this moment: look again')
    request.deciding = true
    let comment = ''
    try {
      comment = given.comment === '' ? '' : await ports.mask(given.comment)
      await ports.note({ type: 'approval.decided', facts })
    } catch {
      return refused('recording', 'the decision cannot be recorded, so it does not count')
    } finally {
      request.deciding = false
    }
    // It may have ended meanwhile: then the record says what was meant, and nothing runs.
    if (!pending.has(id)) return refused('unknown', 'the request ended meanwhile')
    const by: Decider = {
      subject: approver.subject,
      issuer: approver.issuer,
      ...(given.passkey === undefined || decision !== 'approve' ? {} : { passkey: given.passkey }),
    }
    if (decision === 'deny') {
      request.end({ kind: 'denied', by: [by], comment })
      return { ok: true, state: 'denied' }
    }
    if (decision === 'cancel') {
      request.end({ kind: 'cancelled' })
      return { ok: true, state: 'cancelled' }
    }
    for (const [at, { group }] of command.terms.approvals.entries())
      if (group === '' || approver.groups.includes(group)) request.given[at]?.push(by)
    const is_enough = command.terms.approvals.every(
      ({ quorum }, at) => (request.given[at]?.length ?? 0) >= quorum,
    )
    if (!is_enough) {
      ports.changed?.({ kind: 'waiting', request: shown(request) })
      return { ok: true, state: 'waiting' }
    }
    const all = new Map(request.given.flat().map((each) => [JSON.stringify(each), each]))
    request.end({ kind: 'approved', by: [...all.values()] })
    return { ok: true, state: 'approved' }
  }

  function whyNot(request: Pending, given: Vote): Refused | undefined {
    const { command } = request
    const { approvals } = command.terms
    const why = whyRefused(
      {
        ...{ by: command.identity, digest: request.digest, approvals },
        given: request.given.flat(),
        mayApprove: (approver) => ports.mayApprove(approver, command),
      },
      given,
    )
    if (why !== undefined) return why
    // What was signed is the digest: without it nobody has said what the signature is for.
    const is_signed = given.passkey !== undefined && given.digest !== undefined
    if (given.decision === 'approve' && command.terms.passkey === true && !is_signed)
      return refused('passkey', 'this is approved with a passkey of yours, on the page')
    return undefined
  }

  return {
    hold,
    vote,
    page: () => ports.page?.(),
    requests: () => [...pending.values()].map(shown),
    close() {
      is_closed = true
      for (const request of [...pending.values()]) request.end({ kind: 'expired', stopped: true })
    },
  }
}

function shown(request: Pending): ApprovalRequest {
  const { command } = request
  const { identity, terms } = command
  return {
    id: request.id,
    digest: request.digest,
    session: command.session,
    channel: command.channel,
    subject: identity.subject,
    issuer: identity.issuer,
    groups: identity.groups,
    account: command.account,
    target: command.target,
    labels: command.labels,
    source: command.source,
    is_terminal: command.is_terminal,
    command: command.shown,
    rule: command.rule,
    risk: terms.risk,
    findings: terms.findings,
    says: terms.says,
    reason: terms.reason,
    approvals: terms.approvals.map(({ group, quorum }, at) => ({
      group,
      quorum,
      given: [...(request.given[at] ?? [])],
    })),
    passkey: terms.passkey === true,
    requested_us: request.requested_us,
    expires_us: request.expires_us,
  }
}
