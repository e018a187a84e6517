/**
 * Grants and revocations of the whole gateway: read from its log at the start, and kept in it.
 *
 * @module
 */
import { openDocument } from '../../storage/evidence/document.ts'
import { formatTime } from '../../storage/replay/time.ts'
import type { ApiCaller, ApiPorts, GrantsPort, GrantView } from '../api/ports.ts'
import { gateway_authority } from '../config/revoked-certificates.ts'
import type { Config } from '../config.ts'
import type { DeskChange } from '../core/approval.ts'
import { fingerprint } from '../core/fingerprint.ts'
import { id_token_age_s_max } from '../identity/limits.ts'
import type { Provider } from '../identity/provider.ts'
import type { Log } from '../log.ts'
import { factOf } from '../policy/access/fact.ts'
import { type AccessFact, type Actor, access_fact_types } from '../policy/access/ledger.ts'
import {
  createOffice,
  type Office,
  type OfficeState,
  type ShownGrant,
} from '../policy/access/office.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { Evidence } from './evidence.ts'
import { grants_look_ms } from './limits.ts'
import { Refusal } from './refusal.ts'

export interface OfficeParts {
  readonly evidence: Pick<Evidence, 'store' | 'recorder'>
  readonly policy: StaticPolicy
  readonly now_us: () => number
  labels(target: string): Readonly<Record<string, string>>
  /** Of a person with a registered key, whose token of the gateway's own may name none. */
  groups(subject: string): readonly string[]
  changed(state: OfficeState): void
  told(change: DeskChange): void
  /** Fingerprints of those that sign certificates, by the names that people type. */
  readonly authorities: ReadonlyMap<string, string>
  /** Digests of records that count for nothing where this version cannot read them. */
  readonly set_aside: readonly string[]
  readonly log: Log
}

/** Rejects with a `StoreError`, or with a {@link Refusal} where it cannot be known who may connect. */
export async function openOffice(
  parts: OfficeParts,
): Promise<Office & { readonly port: GrantsPort }> {
  const { evidence, log } = parts
  const { store, recorder } = evidence
  const { facts, unread } = await readFacts(store)
  for (const { type, digest } of unread) {
    if (!parts.set_aside.includes(digest)) throw unreadable(type, digest)
    log('warn', 'access_record_set_aside', { type, digest })
    const is_noted = facts.some(
      (fact) => fact.type === 'access.restored' && fact.revocation === digest,
    )
    if (!is_noted) await recorder.note('access.restored', setAside(digest, parts.now_us()))
  }
  const office = createOffice(
    {
      now_us: parts.now_us,
      note: ({ type, ...rest }) => recorder.note(type, rest),
      refused: (refusal) => void recorder.note('grant.refused', refusal).catch(() => {}),
      mask: recorder.mask,
      policy: parts.policy,
      labels: parts.labels,
      changed: parts.changed,
      told: parts.told,
      log: (event, fields) => log(event === 'break_glass' ? 'warn' : 'info', event, fields),
    },
    facts,
  )
  setInterval(office.lapse, grants_look_ms).unref()
  return { ...office, port: portOf(office, parts) }
}

/** Who was kept away by it, or let in for a time, is not known: then nobody may connect. */
const unreadable = (type: string, digest: string): Refusal =>
  new Refusal(
    1,
    `${type} ${digest}: this record of the log cannot be read, so it is not known who may connect; ` +
      'start the version of the gateway that wrote it, or set it aside: its digest in identity.set_aside',
  )

/** On record once: it counts for nothing by the word of who writes the configuration. */
const setAside = (digest: string, at_us: number): Readonly<Record<string, unknown>> => ({
  ...{ at_us, revocation: digest, reason: 'it cannot be read, and was set aside' },
  by: { subject: 'identity.set_aside', issuer: 'configuration', credential: '' },
})

async function readFacts(store: OfficeParts['evidence']['store']): Promise<{
  readonly facts: readonly AccessFact[]
  readonly unread: readonly { readonly type: string; readonly digest: string }[]
}> {
  const facts: AccessFact[] = []
  const unread: { type: string; digest: string }[] = []
  for (const type of access_fact_types)
    for (const { bytes, digest } of await store.documents(type)) {
      const fact = factOf(type, { ...openDocument(bytes) })
      if (fact === undefined) unread.push({ type, digest })
      else facts.push(fact)
    }
  return { facts, unread }
}

/** The gateway's own is `gateway`, unless an entry of `identity.ssh_ca` has that name. */
export const authoritiesOf = (
  { identity }: Config,
  own_authority: string,
): OfficeParts['authorities'] =>
  new Map([
    [gateway_authority, own_authority],
    ...identity.ssh_ca.map(({ name, key }): [string, string] => [name, fingerprint(key.blob)]),
  ])

function portOf(
  office: Office,
  { groups: groupsOf, authorities }: Pick<OfficeParts, 'groups' | 'authorities'>,
): GrantsPort {
  return {
    request: (caller, asked) => {
      const { groups = [], issuer, subject } = caller
      // Who vouches for a name without an issuer vouches for its keys too.
      const all = issuer === undefined ? [...new Set([...groups, ...groupsOf(subject)])] : groups
      return office.request({ ...actorOf(caller), groups: all }, asked)
    },
    grants: () => office.grants().map(viewOf),
    revokeGrant: (id, caller, reason) => office.revokeGrant(id, actorOf(caller), reason),
    review: (id, caller, comment) => office.review(id, actorOf(caller), comment),
    async revoke({ certificate, ...match }, caller, reason) {
      const by = actorOf(caller)
      if (certificate === undefined) return office.revoke(match, by, reason)
      const { authority: name = gateway_authority, ...which } = certificate
      // One that is not known yet, or not any more, is named by its key.
      const authority = authorities.get(name) ?? (name.startsWith('SHA256:') ? name : undefined)
      if (authority === undefined)
        return {
          ok: false,
          code: 'unknown',
          message: 'there is no such authority: identity.ssh_ca',
        }
      return office.revoke({ ...match, certificate: { authority, ...which } }, by, reason)
    },
    restore: (id, caller, reason) => office.restore(id, actorOf(caller), reason),
    revocations: () =>
      office.revocations().map(({ revocation, reason, by, at_us }) => {
        const { id, issuer, subject, credential, certificate, session, ends_us } = revocation
        return {
          id,
          ...(issuer === undefined ? {} : { issuer }),
          ...(subject === undefined ? {} : { subject }),
          ...(credential === undefined ? {} : { credential }),
          ...(certificate === undefined ? {} : { certificate }),
          ...(session === undefined ? {} : { session }),
          ...(ends_us === undefined ? {} : { ends: formatTime(ends_us) }),
          reason,
          by: { subject: by.subject, issuer: by.issuer },
          revoked: formatTime(at_us),
        }
      }),
  }
}

const actorOf = ({ subject, issuer = '', token = '' }: ApiCaller): Actor => ({
  subject,
  issuer,
  credential: token,
})

function viewOf({ file, state }: ShownGrant): GrantView {
  const { request, given, window, reviewed } = file
  const { id, digest, subject, issuer, target, account, reason, break_glass } = request
  return {
    ...{ id, digest, state, subject, issuer, target, account, reason, break_glass },
    scope: [...request.scope],
    by: given.map((each) => ({ subject: each.subject, issuer: each.issuer })),
    requested: formatTime(request.requested_us),
    ...(window === undefined
      ? {}
      : { starts: formatTime(window.starts_us), ends: formatTime(window.ends_us) }),
    reviewed: break_glass && reviewed,
    review_wanted: break_glass && !reviewed,
  }
}

/** What a provider says is over ends here, and what it issued until then is good for nothing any more. */
export function signOut(
  office: Pick<Office, 'revoke'>,
  providers: readonly Provider[],
): NonNullable<ApiPorts['signedOut']> {
  return async (name, logout_token) => {
    const provider = providers.find(({ settings }) => settings.name === name)
    if (provider === undefined) return undefined
    const verified = await provider.verifyLogout(logout_token)
    if (!verified.ok) return { ok: false, code: 'invalid', message: verified.reason }
    const { issuer, sub, sid, jti, issued_us } = verified.logout
    const done = await office.revoke(
      {
        issuer,
        login: {
          ...(sub === undefined ? {} : { sub }),
          ...(sid === undefined ? {} : { sid }),
          issued_us_max: issued_us,
        },
        // No token that was issued before is accepted so long after.
        ends_us: issued_us + 2 * id_token_age_s_max * 1_000_000,
        message: `your sign-in was ended at ${name}: connect again`,
      },
      { subject: name, issuer, credential: jti },
      'signed out',
    )
    return done.ok ? done : { ok: false, code: 'recording', message: done.message }
  }
}
