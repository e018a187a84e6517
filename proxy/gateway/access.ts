/**
 * What this process knows of grants and revocations. In a gateway with workers they are its own, and the workers are told.
 *
 * @module
 */
import { gateway_authority } from '../config/revoked-certificates.ts'
import { type AccessGate, fits, isFor, type Revocation, type TimedGrant } from '../core/access.ts'
import type { Greeting } from '../core/connector.ts'
import type { EndReason } from '../core/ports.ts'
import {
  certificate_revoked,
  createRevokedList,
  type RevokedCertificates,
} from '../core/revoked-certificates.ts'
import { rolesOf } from '../identity/claims.ts'
import type { KeyRing } from '../identity/keys.ts'
import type { Provider } from '../identity/provider.ts'
import type { Log } from '../log.ts'
import type { Ending, Running } from './sessions.ts'

export interface AccessState {
  readonly revocations: readonly Revocation[]
  /** Those that are running, and those that will. */
  readonly grants: readonly TimedGrant[]
}

export interface Access extends AccessGate {
  readonly state: AccessState
  use(next: AccessState): void
  /** Certificates that the configuration takes away. */
  useList(list: readonly RevokedCertificates[]): void
}

/** `own_authority`: the fingerprint of what signs the gateway's own certificates. */
export function createAccess(now_us: () => number, own_authority: string): Access {
  let state: AccessState = { revocations: [], grants: [] }
  let isListed = createRevokedList([])
  return {
    get state() {
      return state
    },
    use(next) {
      state = next
    },
    useList(list) {
      isListed = createRevokedList(
        list.map((each) =>
          each.authority === gateway_authority ? { ...each, authority: own_authority } : each,
        ),
      )
    },
    revoked(identity, session) {
      const { certificate } = identity
      if (certificate !== undefined && isListed(certificate))
        return { id: 'configuration', certificate, message: certificate_revoked }
      const now = now_us()
      return state.revocations.find(
        (each) => (each.ends_us ?? Number.MAX_VALUE) > now && fits(each, identity, session),
      )
    },
    grants(identity, target, account) {
      const now = now_us()
      return state.grants.filter((grant) => isFor(grant, identity, target, account, now))
    },
  }
}

/** What the sessions of a process rest on. */
export interface Standing {
  readonly access: Access
  readonly keys: KeyRing
  readonly providers: readonly Provider[]
}

/** Asked when a session begins, and of all that run when one of these has changed. */
export function whyEnded(
  { access, keys, providers }: Standing,
  now_us: () => number,
): (running: Running) => Ending | undefined {
  return ({ greeting: { identity }, session }) => {
    const revocation = access.revoked(identity, session.id)
    if (revocation !== undefined) return ended(revocation.message)
    if (!keys.holds(identity))
      return ended('your key is not registered any more, or not for as much: this session ends')
    const provider = providers.find(({ settings }) => settings.issuer === identity.issuer)
    if (
      provider !== undefined &&
      !rolesOf(provider.settings.roles, identity.groups).includes('user')
    )
      return ended('none of your groups may connect here any more: this session ends')
    // One that has ended by itself ends its session by itself, with words of its own.
    const gone = session.grants.find(
      ({ id, ends_us }) =>
        ends_us > now_us() && !access.state.grants.some((each) => each.id === id),
    )
    return gone === undefined
      ? undefined
      : ended(`grant ${gone.id} was revoked, and this session with it`)
  }
}

/** Loud: each session under one is told to the operator as it begins. */
export const logBreakGlass =
  (log: Log) =>
  ({ identity, target, account, source }: Greeting, { id, break_glass }: TimedGrant): void => {
    const { subject, issuer } = identity
    if (break_glass)
      log('warn', 'break_glass_session', { grant: id, subject, issuer, target, account, source })
  }

const ended = (message: string, reason: EndReason = 'revoked'): Ending => ({ reason, message })
