/**
 * Where the lifting of a legal hold, or the shredding of a session, waits for other people. Each step is a fact in the gateway's
 * log, durable before it counts; what waits before a restart waits after it, and what was let go names who agreed.
 *
 * @module
 */

import type { HoldActor } from '../../storage/evidence/hold.ts'
import { mayBeSame } from '../../storage/evidence/person.ts'
import {
  type AskedRelease,
  type Release,
  type ReleaseApproval,
  type ReleaseChange,
  type ReleaseTerms,
  readApproval,
  readAsked,
  releaseDigest,
  writeAsked,
} from '../../storage/evidence/release.ts'
import type { ApprovalRequest, DeskChange, Vote, VoteResult } from '../core/approval.ts'
import { refused, whyRefused } from '../policy/approval/vote.ts'
import { newId } from '../policy/request-id.ts'
import { release_ms_max, releases_each_max, releases_max } from './limits.ts'

export type ReleaseFact =
  | {
      readonly type: 'release.requested'
      readonly facts: { readonly asked: string; readonly digest: string }
    }
  | {
      readonly type: 'release.decided'
      readonly facts: ReleaseApproval & {
        readonly release: string
        readonly digest: string
        readonly decision: Vote['decision']
        /** Masked. */
        readonly comment: string
        readonly state: ReleaseState
      }
    }
  | { readonly type: 'release.refused'; readonly facts: Readonly<Record<string, string>> }

/** `void`: it was approved, and could not be done any more. */
export type ReleaseState = 'waiting' | 'approved' | 'denied' | 'cancelled' | 'void'

export type Performed =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly code: 'unknown' | 'refused' | 'limit' | 'recording'
      readonly message: string
    }

export interface ReleasePorts {
  /** UTC. */
  now_us(): number
  /** Resolves when the fact is durable; only then does it count. */
  note(fact: ReleaseFact): Promise<void>
  mask(text: string): Promise<string>
  /** Whether policy lets them decide about the gateway's evidence. */
  mayApprove(approver: Vote['approver']): boolean
  /** Lets go what was asked for: it is on record, with who agreed, when it resolves. */
  perform(asked: AskedRelease, release: Release): Promise<Performed>
  told(change: DeskChange): void
  readonly gateway: string
  readonly terms: ReleaseTerms
}

export type AskedFor =
  | { readonly ok: true; readonly request: string }
  | {
      readonly ok: false
      readonly code: 'limit' | 'recording' | 'refused'
      readonly message: string
    }

export interface Releases {
  ask(change: ReleaseChange, of: string, by: HoldActor, reason: string): Promise<AskedFor>
  /** Undefined when nothing of this name waits here. */
  vote(id: string, vote: Vote): Promise<VoteResult> | undefined
  requests(): readonly ApprovalRequest[]
  /** Tells of those that nobody has decided in time. */
  lapse(): void
}

interface Waiting {
  readonly asked: AskedRelease
  readonly text: string
  readonly digest: string
  readonly given: readonly ReleaseApproval[]
}

/** `facts`: documents of the log, those that ask first. */
export function createReleases(
  ports: ReleasePorts,
  facts: readonly { readonly type: string; readonly facts: Readonly<Record<string, unknown>> }[],
): Releases {
  const waiting = readWaiting(facts, ports.terms)
  /** One after the other: each is judged by what the one before made. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const turn = last.then(act, act)
    last = turn.catch(() => {})
    return turn
  }
  const isOver = ({ asked }: Waiting): boolean => asked.expires_us <= ports.now_us()
  const open = (): readonly Waiting[] => [...waiting.values()].filter((each) => !isOver(each))

  const ask = async (
    change: ReleaseChange,
    of: string,
    by: HoldActor,
    given: string,
  ): Promise<AskedFor> => {
    const same = open().find(({ asked }) => asked.change === change && asked.of === of)
    if (same !== undefined)
      return { ok: false, code: 'refused', message: `request ${same.asked.id} waits for that` }
    const own = open().filter(({ asked }) => asked.by.subject === by.subject)
    if (open().length >= releases_max || own.length >= releases_each_max)
      return { ok: false, code: 'limit', message: 'too many such requests wait already' }
    const requested_us = ports.now_us()
    try {
      const asked: AskedRelease = {
        ...{ id: newId(waiting, 10, 'r'), gateway: ports.gateway, change, of, by },
        ...{ reason: await ports.mask(given), terms: ports.terms, requested_us },
        expires_us: requested_us + release_ms_max * 1_000,
      }
      const text = writeAsked(asked)
      const digest = releaseDigest(text)
      await ports.note({ type: 'release.requested', facts: { asked: text, digest } })
      const made = { asked, text, digest, given: [] }
      waiting.set(asked.id, made)
      ports.told({ kind: 'waiting', request: shown(made) })
      return { ok: true, request: asked.id }
    } catch {
      return {
        ...{ ok: false, code: 'recording' },
        message: 'it cannot be recorded now, so nothing has changed',
      }
    }
  }

  const vote = async (id: string, given: Vote): Promise<VoteResult> => {
    const { approver, decision } = given
    const one = waiting.get(id)
    if (one === undefined || isOver(one))
      return refused('unknown', 'no such request waits: it was decided, given up, or has expired')
    const why = whyNot(one, given)
    if (why !== undefined) {
      const { subject, issuer } = approver
      const told = { release: id, subject, issuer, decision, reason: why.code }
      await ports.note({ type: 'release.refused', facts: told }).catch(() => {})
      return why
    }
    const by: ReleaseApproval = {
      ...{ subject: approver.subject, issuer: approver.issuer },
      ...(given.passkey === undefined || decision !== 'approve' ? {} : { passkey: given.passkey }),
    }
    const { asked, text, digest } = one
    let comment: string
    const decided = (state: ReleaseState): Promise<void> =>
      ports.note({
        type: 'release.decided',
        facts: { ...by, release: id, digest, decision, comment, state },
      })
    const not_recorded = refused(
      'recording',
      'the decision cannot be recorded, so it does not count',
    )
    try {
      comment = given.comment === '' ? '' : await ports.mask(given.comment)
      if (decision !== 'approve') {
        const state = decision === 'deny' ? 'denied' : 'cancelled'
        await decided(state)
        end(one, state === 'denied' ? { kind: state, by: [by], comment } : { kind: state })
        return { ok: true, state }
      }
      const approvals = [...one.given, by]
      if (approvals.length < asked.terms.quorum) {
        await decided('waiting')
        const next = { ...one, given: approvals }
        waiting.set(id, next)
        ports.told({ kind: 'waiting', request: shown(next) })
        return { ok: true, state: 'waiting' }
      }
      // What is let go names all who agreed, so that the last yes and its effect are one fact.
      const done = await ports.perform(asked, { asked: text, approvals })
      if (!done.ok && done.code === 'recording') return not_recorded
      await decided(done.ok ? 'approved' : 'void').catch(() => {})
      end(one, done.ok ? { kind: 'approved', by: approvals } : { kind: 'cancelled' })
      return done.ok ? { ok: true, state: 'approved' } : refused('over', done.message)
    } catch {
      return not_recorded
    }
  }

  function whyNot(
    { asked, digest, given }: Waiting,
    wanted: Vote,
  ): (VoteResult & { ok: false }) | undefined {
    const { terms, by } = asked
    const approvals = [{ group: terms.group }]
    const why = whyRefused({ by, digest, approvals, given, mayApprove: ports.mayApprove }, wanted)
    if (why !== undefined || wanted.decision !== 'approve') return why
    const is_signed = wanted.passkey !== undefined && wanted.digest !== undefined
    return terms.passkey && !is_signed
      ? refused('passkey', 'this is approved with a passkey of yours, on the page')
      : undefined
  }

  function end(one: Waiting, outcome: Extract<DeskChange, { kind: 'ended' }>['outcome']): void {
    waiting.delete(one.asked.id)
    ports.told({ kind: 'ended', request: shown(one), outcome })
  }

  return {
    ask: (...asked) => inTurn(() => ask(...asked)),
    vote: (id, given) => (waiting.has(id) ? inTurn(() => vote(id, given)) : undefined),
    requests: () => open().map(shown),
    lapse() {
      for (const one of [...waiting.values()]) if (isOver(one)) end(one, { kind: 'expired' })
    },
  }
}

/** A fact that is not as it was written counts for nothing: then somebody has to ask again. */
function readWaiting(
  all: readonly { readonly type: string; readonly facts: Readonly<Record<string, unknown>> }[],
  terms: ReleaseTerms,
): Map<string, Waiting> {
  const waiting = new Map<string, Waiting>()
  for (const { type, facts } of all) {
    if (type === 'release.requested') {
      const asked = readAsked(facts['asked'])
      const text = String(facts['asked'])
      if (asked === undefined || releaseDigest(text) !== facts['digest']) continue
      // Under other terms than those of today nobody goes on.
      if (JSON.stringify(asked.terms) !== JSON.stringify(terms)) continue
      waiting.set(asked.id, { asked, text, digest: releaseDigest(text), given: [] })
      continue
    }
    const one = waiting.get(String(facts['release']))
    if (type !== 'release.decided' || one === undefined || facts['digest'] !== one.digest) continue
    const by = readApproval(facts)
    if (facts['state'] === 'waiting' && by !== undefined) {
      if (one.given.some(({ subject }) => mayBeSame(subject, by.subject))) continue
      waiting.set(one.asked.id, { ...one, given: [...one.given, by] })
    } else waiting.delete(one.asked.id)
  }
  return waiting
}

function shown({ asked, digest, given }: Waiting): ApprovalRequest {
  const { id, gateway, change, of, by, reason, terms, requested_us, expires_us } = asked
  const what = change === 'lift_hold' ? `lift legal hold ${of}` : `shred session ${of}`
  return {
    ...{ id, digest, session: change === 'shred' ? of : '', channel: 0, release: change },
    ...{ subject: by.subject, issuer: by.issuer, groups: [], account: '', target: gateway },
    ...{ labels: {}, source: '', is_terminal: false, passkey: terms.passkey },
    command: { text: `${what}: ${reason}`, rules: [] },
    ...{ rule: 'evidence.release', risk: 'high', findings: [change], says: '', reason: '' },
    approvals: [
      {
        ...{ group: terms.group, quorum: terms.quorum },
        given: given.map(({ subject, issuer }) => ({ subject, issuer })),
      },
    ],
    ...{ requested_us, expires_us },
  }
}
