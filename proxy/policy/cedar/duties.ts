/**
 * Questions about the gateway itself: who reads which evidence, who changes what it runs with. Roles of the API are the outer bound,
 * which no policy widens.
 *
 * @module
 */
import type { Change, EvidencePart } from '../../core/duty.ts'
import type { Verdict } from '../../core/verdict.ts'
import type { Engine } from './engine.ts'
import { verdictOf } from './verdict.ts'

/** Who asks the API. */
export interface DutyHolder {
  readonly issuer: string
  readonly subject: string
  readonly groups: readonly string[]
  readonly roles: readonly string[]
}

/** Whose evidence: what its session has on record. */
export interface EvidenceOf {
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  readonly account: string
  readonly subject: string
  readonly issuer: string
  readonly groups: readonly string[]
}

export interface Duties {
  /** No rule makes these wait: `load.ts` refuses an @approval of them. */
  reading(reader: DutyHolder, session: EvidenceOf, part: EvidencePart): Verdict
  configuring(who: DutyHolder, gateway: string, change: Change): Verdict
}

export function createDuties(engine: Engine): Duties {
  const identityOf = ({ issuer, subject, groups }: DutyHolder) =>
    ({ issuer, subject, groups, method: 'token' }) as const
  return {
    reading: (reader, session, part) => {
      const { target, labels, account, subject, issuer, groups } = session
      const answer = engine.ask({
        identity: identityOf(reader),
        ...{ action: 'read_evidence', target, labels },
        context: {
          ...{ account, subject, issuer, part, groups: [...groups], roles: [...reader.roles] },
          own: isOwn(reader, session),
        },
      })
      return verdictOf(answer, 'this evidence')
    },
    configuring: (who, gateway, change) => {
      const answer = engine.ask({
        identity: identityOf(who),
        ...{ action: 'configure', target: gateway, resource_type: 'Gateway', labels: {} },
        context: { account: '', change, roles: [...who.roles] },
      })
      return verdictOf(answer, 'this change')
    },
  }
}

/** Without an issuer, which is a token of the gateway's own, whoever vouched for them. */
export const isOwn = (
  reader: Pick<DutyHolder, 'subject' | 'issuer'>,
  session: Pick<EvidenceOf, 'subject' | 'issuer'>,
): boolean =>
  session.subject === reader.subject && (reader.issuer === '' || reader.issuer === session.issuer)
