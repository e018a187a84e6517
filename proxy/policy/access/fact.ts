/**
 * Grants and revocations as documents of the gateway's log have them. What this version does not know of one, it does not
 * leave out: a member that it cannot read may be what keeps somebody away.
 *
 * @module
 */
import { grant_scopes, type Revocation } from '../../core/access.ts'
import { type AccessFact, type Actor, access_fact_types, type GrantRequest } from './ledger.ts'

type Check = (value: unknown) => boolean
type Facts = Readonly<Record<string, unknown>>

/** Undefined for what is no such fact, or says more than is known here. */
export function factOf(type: string, facts: Facts): AccessFact | undefined {
  const known = access_fact_types.find((each) => each === type)
  if (known === undefined || !facts_by_type[known](facts)) return undefined
  const { v: _, ...rest } = facts
  return { ...rest, type: known } as unknown as AccessFact // Just checked, member by member.
}

const text: Check = (value) => typeof value === 'string'
const name: Check = (value) => typeof value === 'string' && value !== ''
const flag: Check = (value) => typeof value === 'boolean'
const time: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value)
const count: Check = (value) => typeof value === 'number' && Number.isInteger(value) && value > 0
const one =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)

/** Exactly these members; those of `optional` may be absent. */
const shape =
  (members: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}) =>
  (value: unknown): boolean =>
    isObject(value) &&
    Object.keys(value).every(
      (key) => Object.hasOwn(members, key) || Object.hasOwn(optional, key),
    ) &&
    Object.entries(members).every(([key, check]) => check(value[key])) &&
    Object.entries(optional).every(([key, check]) => value[key] === undefined || check(value[key]))

// Each has every member of its type: who adds one there is told here by the compiler.
const actor = shape({ subject: text, issuer: text, credential: text } satisfies Of<
  Omit<Actor, 'passkey'>
>)

const request = shape({
  ...{ id: name, digest: name, issuer: text, subject: name, groups: list(text), target: name },
  ...{ account: text, scope: list(one(...grant_scopes)), reason: text, break_glass: flag },
  ...{ duration_us: time, rule: text, says: text, policy_hash: text },
  approvals: list(shape({ group: text, quorum: count })),
  ...{ requested_us: time, expires_us: time },
} satisfies Of<GrantRequest>)

const login = {
  ...{ sub: text, sid: text, issued_us_min: time, issued_us_max: time },
} satisfies Of<NonNullable<Revocation['login']>>

const revocation = shape({ id: name, message: text }, {
  ...{ session: name, issuer: name, subject: name, credential: name, ends_us: time },
  login: shape({ issued_us_max: time }, login),
  certificate: shape({ authority: name }, { serial: name, key_id: name }),
} satisfies Of<Omit<Revocation, 'id' | 'message'>>)

const fact = (members: Readonly<Record<string, Check>>, optional = {}): Check =>
  shape({ type: text, v: one(1), at_us: time, by: actor, ...members }, optional)

const facts_by_type: Readonly<Record<AccessFact['type'], Check>> = {
  'grant.requested': fact({ request }),
  'grant.decided': fact(
    {
      ...{ grant: name, digest: name, decision: one('approve', 'deny', 'cancel') },
      ...{ groups: list(text), comment: text, policy_hash: text },
    },
    { starts_us: time, ends_us: time },
  ),
  'grant.revoked': fact({ grant: name, reason: text }),
  'grant.reviewed': fact({ grant: name, comment: text }),
  'access.revoked': fact({ revocation, reason: text }),
  'access.restored': fact({ revocation: name, reason: text }),
}

type Of<T> = Readonly<Record<keyof T, Check>>

const isObject = (value: unknown): value is Facts =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
