/**
 * Where grants are asked for, given, reviewed and taken back, and access is. Each step is a fact in the gateway's log, durable
 * before it counts; what counted before a restart counts after it.
 *
 * @module
 */
import { fits, type GrantScope, type Revocation, type TimedGrant } from '../../core/access.ts'
import {
  type ApprovalRequest,
  approvalsText,
  type Decider,
  type DeskChange,
  type Vote,
  type VoteResult,
} from '../../core/approval.ts'
import { type Identity, mayBeSame } from '../../core/identity.ts'
import { refused, whyRefused } from '../approval/vote.ts'
import type { StaticPolicy } from '../policy.ts'
import { newId } from '../request-id.ts'
import {
  type AccessFact,
  type Actor,
  empty_ledger,
  type GrantFile,
  type GrantRequest,
  grantOf,
  isApproved,
  isWaiting,
  needsReview,
  type RevocationFile,
  withFact,
  withoutOld,
} from './ledger.ts'
import {
  break_glass_ms_max,
  grant_ms_max,
  grant_ms_min,
  grant_requests_each_max,
  grant_requests_max,
  grants_max,
  reason_characters_max,
  revocations_max,
} from './limits.ts'
import { createPace } from './pace.ts'
import { type ShownGrant, shownRequest, stateOf } from './shown.ts'
import { createTelling } from './telling.ts'

export type { ShownGrant } from './shown.ts'

export interface OfficePorts {
  /** UTC. */
  now_us(): number
  /** Resolves when the fact is durable. */
  note(fact: AccessFact): Promise<void>
  /** A vote that does not count; nobody waits for it. */
  refused(facts: Readonly<Record<string, string>>): void
  /** What somebody typed, as it may be shown to anybody. */
  mask(text: string): Promise<string>
  readonly policy: Pick<StaticPolicy, 'approve' | 'grantTerms' | 'hash'>
  labels(target: string): Readonly<Record<string, string>>
  /** A grant is asked for, or is no more. */
  told(change: DeskChange): void
  /** What has been given or taken away changed. */
  changed(state: OfficeState): void
  /** Facts for the operator. */
  log(event: string, fields: Readonly<Record<string, string | number | boolean>>): void
}

export interface OfficeState {
  readonly grants: readonly TimedGrant[]
  readonly revocations: readonly Revocation[]
}

export interface AskedGrant {
  readonly target: string
  /** Empty for every account. */
  readonly account: string
  /** Empty for all that policy then permits. */
  readonly scope: readonly GrantScope[]
  readonly duration_ms: number
  readonly reason: string
  readonly break_glass: boolean
}

/** Who asks: `issuer` is empty for a token of the gateway's own. */
export interface Requester extends Actor {
  readonly groups: readonly string[]
}

export type Asked =
  | {
      readonly ok: true
      readonly id: string
      readonly state: 'waiting' | 'given'
      readonly says: string
    }
  | {
      readonly ok: false
      readonly code: 'denied' | 'limit' | 'recording'
      readonly message: string
    }

export type Done =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly code: 'unknown' | 'own' | 'limit' | 'recording'
      readonly message: string
    }

export interface Office {
  request(requester: Requester, asked: AskedGrant): Promise<Asked>
  /** Undefined when no grant of this name is asked for. */
  vote(id: string, vote: Vote): Promise<VoteResult> | undefined
  requests(): readonly ApprovalRequest[]
  /** Tells of all that wait: what was told before a restart leads nowhere any more. */
  remind(): void
  /** Tells of those that nobody has decided in time. */
  lapse(): void
  grants(): readonly ShownGrant[]
  revokeGrant(id: string, by: Actor, reason: string): Promise<Done>
  review(id: string, by: Actor, comment: string): Promise<Done>
  /** Takes access away, and the grants of whom it fits. Resolves when it counts. */
  revoke(
    revocation: Omit<Revocation, 'id'>,
    by: Actor,
    reason: string,
  ): Promise<Done & { readonly id?: string }>
  restore(id: string, by: Actor, reason: string): Promise<Done>
  revocations(): readonly RevocationFile[]
}

/** `facts`: what the log has, in any order. */
export function createOffice(ports: OfficePorts, facts: readonly AccessFact[]): Office {
  const in_order = facts.toSorted((a, b) => a.at_us - b.at_us)
  let ledger = withoutOld(in_order.reduce(withFact, empty_ledger), ports.now_us())
  let last_us = in_order.at(-1)?.at_us ?? 0
  /** One after the other: each is judged by what the one before made. */
  let last: Promise<unknown> = Promise.resolve()

  const state = (): OfficeState => {
    const now = ports.now_us()
    return {
      grants: [...ledger.grants.values()].flatMap((file) => grantOf(file, now) ?? []),
      revocations: [...ledger.revocations.values()].map(({ revocation }) => revocation),
    }
  }
  /** No two facts of one time: their order is theirs for good. */
  const now = (): number => {
    last_us = Math.max(ports.now_us(), last_us + 1)
    return last_us
  }
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const turn = last.then(act, act)
    last = turn.catch(() => {})
    return turn
  }
  /** False when it cannot be recorded, and then nothing has changed. */
  const note = async (fact: AccessFact): Promise<boolean> => {
    try {
      await ports.note(fact)
    } catch {
      return false
    }
    ledger = withoutOld(withFact(ledger, fact), ports.now_us())
    return true
  }
  const tell = (): void => ports.changed(state())
  const mayAsk = createPace(ports.now_us)
  const telling = createTelling(ports.told, ports.labels)
  const waitingFiles = (): readonly GrantFile[] =>
    [...ledger.grants.values()].filter((file) => isWaiting(file, ports.now_us()))
  ports.changed(state())

  const request = async (requester: Requester, asked: AskedGrant): Promise<Asked> => {
    const { subject, issuer, groups, credential } = requester
    const { target, account, scope, duration_ms, break_glass } = asked
    const wrong = whyNot(asked)
    if (wrong !== undefined) return { ok: false, code: 'denied', message: wrong }
    const identity: Identity = {
      issuer: issuer || 'keys',
      subject,
      groups,
      method: 'token',
      credential,
    }
    const terms = ports.policy.grantTerms(identity, target, account, { break_glass, duration_ms })
    if (!terms.ok) return { ok: false, code: 'denied', message: terms.message }
    const open = waitingFiles()
    const own = open.filter((file) => file.request.subject === subject)
    if (
      ledger.grants.size >= grants_max ||
      open.length >= grant_requests_max ||
      own.length >= grant_requests_each_max ||
      !mayAsk(subject)
    )
      return { ok: false, code: 'limit', message: 'too many grants are asked for already' }
    let reason: string
    try {
      reason = await ports.mask(asked.reason)
    } catch {
      return notRecorded
    }
    const requested_us = now()
    const asks = {
      ...{ issuer, subject, groups, target, account, scope, reason, break_glass, requested_us },
      id: newAccessId(ledger.grants),
      duration_us: duration_ms * 1_000,
      ...{ rule: terms.rule, says: terms.reason, approvals: terms.approvals },
      policy_hash: ports.policy.hash,
      expires_us: requested_us + terms.expires_ms * 1_000,
    }
    const made: GrantRequest = {
      ...asks,
      digest: sha256(JSON.stringify(['sluice-grant-v1', asks])),
    }
    const by = { subject, issuer, credential }
    if (!(await note({ type: 'grant.requested', at_us: requested_us, by, request: made })))
      return notRecorded
    ports.log(break_glass ? 'break_glass' : 'grant_requested', {
      ...{ grant: made.id, subject, issuer, target, account, minutes: duration_ms / 60_000 },
    })
    const file = ledger.grants.get(made.id)
    if (break_glass) tell()
    else if (file !== undefined) telling.waiting(file)
    return break_glass
      ? { ok: true, id: made.id, state: 'given', says: '' }
      : { ok: true, id: made.id, state: 'waiting', says: approvalsText(made.approvals) }
  }

  const vote = async (id: string, given: Vote): Promise<VoteResult> => {
    const { approver, decision } = given
    const file = ledger.grants.get(id)
    if (file === undefined || !isWaiting(file, ports.now_us()))
      return refused('unknown', 'no such request waits: it was decided, given up, or has expired')
    const { request: wanted } = file
    const why = whyRefused(
      {
        ...{ by: wanted, digest: wanted.digest, approvals: wanted.approvals },
        given: file.given,
        mayApprove: (who) => mayApprove(file, who),
      },
      given,
    )
    if (why !== undefined) {
      const { subject, issuer } = approver
      ports.refused({ grant: id, subject, issuer, decision, reason: why.code })
      return why
    }
    const groups = wanted.approvals
      .map(({ group }) => group)
      .filter((group) => group === '' || approver.groups.includes(group))
    const is_last =
      decision === 'approve' && isApproved(wanted.approvals, [...file.given, { groups }])
    const at_us = now()
    let comment = ''
    try {
      comment = given.comment === '' ? '' : await ports.mask(given.comment)
    } catch {
      return refused('recording', 'the decision cannot be recorded, so it does not count')
    }
    const by = {
      subject: approver.subject,
      issuer: approver.issuer,
      credential: approver.credential ?? '',
    }
    const is_noted = await note({
      ...{ type: 'grant.decided', at_us, by, grant: id, digest: wanted.digest },
      ...{ decision, groups, comment, policy_hash: ports.policy.hash },
      ...(is_last ? { starts_us: at_us, ends_us: at_us + wanted.duration_us } : {}),
    })
    if (!is_noted)
      return refused('recording', 'the decision cannot be recorded, so it does not count')
    ports.log('grant_decided', { grant: id, decision, by: by.subject, given: is_last })
    if (decision === 'deny') {
      telling.ended(id, { kind: 'denied', by: [decider(by)], comment })
      return { ok: true, state: 'denied' }
    }
    if (decision === 'cancel') {
      telling.ended(id, { kind: 'cancelled' })
      return { ok: true, state: 'cancelled' }
    }
    const decided = ledger.grants.get(id)
    if (is_last) {
      tell()
      telling.ended(id, { kind: 'approved', by: (decided?.given ?? []).map(decider) })
    } else if (decided !== undefined) telling.waiting(decided)
    return { ok: true, state: is_last ? 'approved' : 'waiting' }
  }

  /** As for a command that waits: all that policy reads of a grant is who asks for what, where. */
  const mayApprove = ({ request: wanted }: GrantFile, approver: Vote['approver']): boolean =>
    ports.policy.approve(approver, wanted.target, wanted.account, {
      ...{ approvals: wanted.approvals, expires_ms: 0, reason: '', risk: 'low', says: '' },
      findings: ['grant'],
    })

  const revokeGrant = async (id: string, by: Actor, given: string): Promise<Done> => {
    const file = ledger.grants.get(id)
    if (file === undefined || grantOf(file, ports.now_us()) === undefined)
      return unknown('no grant of this name is running')
    const reason = await ports.mask(given)
    if (!(await note({ type: 'grant.revoked', at_us: now(), by, grant: id, reason })))
      return notRecorded
    ports.log('grant_revoked', { grant: id, by: by.subject })
    tell()
    return { ok: true }
  }

  const review = async (id: string, by: Actor, given: string): Promise<Done> => {
    const file = ledger.grants.get(id)
    if (file === undefined || !needsReview(file))
      return unknown('no grant of this name waits for a review')
    if (mayBeSame(file.request.subject, by.subject))
      return { ok: false, code: 'own', message: 'it is reviewed by somebody else than who took it' }
    const comment = await ports.mask(given)
    if (!(await note({ type: 'grant.reviewed', at_us: now(), by, grant: id, comment })))
      return notRecorded
    ports.log('break_glass_reviewed', { grant: id, by: by.subject })
    return { ok: true }
  }

  const revoke: Office['revoke'] = async (given, by, why) => {
    if (ledger.revocations.size >= revocations_max)
      return {
        ok: false,
        code: 'limit',
        message: 'too many revocations: lift some, or end the keys',
      }
    const reason = await ports.mask(why)
    const revocation: Revocation = { ...given, id: newAccessId(ledger.revocations) }
    if (!(await note({ type: 'access.revoked', at_us: now(), by, revocation, reason })))
      return notRecorded
    ports.log('access_revoked', { revocation: revocation.id, by: by.subject })
    // It counts now, whatever becomes of what follows.
    tell()
    // A grant does not outlive the identity.
    if (revocation.subject !== undefined && revocation.credential === undefined)
      for (const grant of state().grants)
        if (fits(revocation, { ...grant, issuer: revocation.issuer ?? grant.issuer, ...nobody }))
          await note({ type: 'grant.revoked', at_us: now(), by, grant: grant.id, reason })
    tell()
    return { ok: true, id: revocation.id }
  }

  const restore: Office['restore'] = async (id, by, why) => {
    if (!ledger.revocations.has(id)) return unknown('no revocation of this name counts')
    const reason = await ports.mask(why)
    if (!(await note({ type: 'access.restored', at_us: now(), by, revocation: id, reason })))
      return notRecorded
    ports.log('access_restored', { revocation: id, by: by.subject })
    tell()
    return { ok: true }
  }

  return {
    request: (...asked) => inTurn(() => request(...asked)),
    vote: (id, given) => (ledger.grants.has(id) ? inTurn(() => vote(id, given)) : undefined),
    requests: () =>
      waitingFiles().map((file) => shownRequest(file, ports.labels(file.request.target))),
    remind: () => waitingFiles().forEach(telling.waiting),
    lapse: () => telling.lapse(ports.now_us()),
    grants: () =>
      [...ledger.grants.values()].map((file) => ({ file, state: stateOf(file, ports.now_us()) })),
    revokeGrant: (...asked) => inTurn(() => revokeGrant(...asked)),
    review: (...asked) => inTurn(() => review(...asked)),
    revoke: (...asked) => inTurn(() => revoke(...asked)),
    restore: (...asked) => inTurn(() => restore(...asked)),
    revocations: () => [...ledger.revocations.values()],
  }
}

const decider = ({ subject, issuer }: Decider): Decider => ({ subject, issuer })

/** Of an identity what a revocation of a person does not ask for. */
const nobody = { groups: [], method: 'token', credential: '' } as const

function whyNot({ duration_ms, reason, break_glass }: AskedGrant): string | undefined {
  if (duration_ms < grant_ms_min || duration_ms > grant_ms_max)
    return 'a grant is for a minute to 7 days'
  if (break_glass && duration_ms > break_glass_ms_max)
    return 'break-glass is for 4 hours at most: longer needs an approval'
  if (reason.trim() === '') return 'a grant needs a reason'
  return reason.length > reason_characters_max || /\p{C}/u.test(reason)
    ? `the reason is one line of at most ${reason_characters_max} characters`
    : undefined
}

const notRecorded = {
  ok: false,
  code: 'recording',
  message: 'this cannot be recorded, so it does not count',
} as const

const unknown = (message: string): Done => ({ ok: false, code: 'unknown', message })

/** A `g` before it tells a grant from a command that waits. */
const newAccessId = (taken: ReadonlyMap<string, unknown>): string => newId(taken, 11, 'g')

const sha256 = (text: string): string => new Bun.CryptoHasher('sha256').update(text).digest('hex')
