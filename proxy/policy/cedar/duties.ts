/**
 * Questions about the gateway itself: who reads which evidence, who changes what it runs with. Roles of the API are the outer bound,
 * which no policy widens.
 *
 * @module
 */
import type { Engine } from './engine.ts'

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
  /** `part`: `facts`, `records`, `lines` or `cast`. */
  mayRead(reader: DutyHolder, session: EvidenceOf, part: string): boolean
  /** `change`: one of those that the schema lists. */
  mayConfigure(who: DutyHolder, gateway: string, change: string): boolean
}

export function createDuties(engine: Engine): Duties {
  const identityOf = ({ issuer, subject, groups }: DutyHolder) =>
    ({ issuer, subject, groups, method: 'token' }) as const
  return {
    mayRead: (reader, { target, labels, account, subject, issuer, groups }, part) =>
      engine.ask({
        identity: identityOf(reader),
        ...{ action: 'read_evidence', target, labels },
        context: {
          ...{ account, subject, issuer, part, groups: [...groups], roles: [...reader.roles] },
          own: subject === reader.subject && (reader.issuer === '' || reader.issuer === issuer),
        },
      }).kind === 'allow',
    mayConfigure: (who, gateway, change) =>
      engine.ask({
        identity: identityOf(who),
        ...{ action: 'configure', target: gateway, resource_type: 'Gateway', labels: {} },
        context: { account: '', change, roles: [...who.roles] },
      }).kind === 'allow',
  }
}
