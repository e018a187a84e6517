/**
 * What the API needs of the rest of the gateway; `main.ts` wires it.
 *
 * @module
 */
import type { Hold, HoldActor, HoldScope } from '../../storage/evidence/hold.ts'
import type { RetentionRule } from '../../storage/evidence/retention.ts'
import type { ConsolePorts } from '../console/ports.ts'
import type { GrantScope } from '../core/access.ts'
import type {
  ApprovalRequest,
  HoldOutcome,
  PasskeySignature,
  Vote,
  VoteResult,
} from '../core/approval.ts'
import type { Change, DutyRole, EvidencePart } from '../core/duty.ts'
import type { ProviderLogin } from '../core/identity.ts'
import type { EvidenceReader, NamedLog, SessionFacts } from './evidence-ports.ts'

export type * from './evidence-ports.ts'

export interface ApiPorts {
  readonly reader: EvidenceReader
  /** The gateway's own log first, then those of its workers. */
  readonly logs: readonly NamedLog[]
  /** Who a bearer token belongs to. Never rejects; `reason` never repeats the token. */
  authenticate(
    bearer: string,
    source: string,
  ): Promise<
    | { readonly ok: true; readonly caller: ApiCaller }
    | { readonly ok: false; readonly reason: string }
  >
  /** Whether policy lets the caller, whose role may, read this part of a session's evidence. */
  mayRead(caller: ApiCaller, session: SessionFacts, part: EvidencePart): boolean
  /** ... and change this of what the gateway runs with. */
  mayConfigure(caller: ApiCaller, change: Change): boolean
  /** Reads the configuration again; absent where there is none. */
  reload?(caller: ApiCaller): Promise<Reloaded>
  /**
   * Records in the gateway's log that evidence is read. Resolves when that is durable; the answer leaves
   * only then. Rejects when it cannot be, and then nothing is answered.
   */
  evidenceRead(caller: ApiCaller, what: string): Promise<void>
  /** Commands that wait for a person, and somebody's decision about one. Absent where none can wait. */
  requests?(): Promise<readonly ApprovalRequest[]>
  vote?(id: string, vote: Vote): Promise<VoteResult>
  /** The pages, and who is signed in to them. */
  readonly console?: ConsolePorts
  readonly feed?: RequestFeed
  readonly passkeys?: Passkeys
  /** Somebody comes by the link of a message; it is on record when it resolves. */
  openLink?(link: string, caller: ApiCaller): Promise<LinkOpened>
  /** Signs people in, and makes credentials of the gateway's own out of others. Absent where there are none. */
  readonly credentials?: CredentialPorts
  /** Grants and revocations. Absent where nobody can connect. */
  readonly access?: GrantsPort
  /** Legal holds, and what is let go. Absent where nothing is recorded. */
  readonly keeping?: KeepingPort
  /** The provider of this name says that a sign-in is over. Undefined when there is none. */
  signedOut?(
    provider: string,
    logout_token: string,
  ): Promise<
    | { readonly ok: true }
    | { readonly ok: false; readonly code: 'invalid' | 'recording'; readonly message: string }
    | undefined
  >
  health(): Health
  /** What this process and its workers count, as text for a scraper. */
  metrics(): Promise<{ readonly text: string; readonly content_type: string }>
  /** An answer of 500 and above, for the gateway's own log. The error names no payload. */
  failed?(error: Error): void
  /**
   * Host names besides those of loopback that a request may carry. A page of another site reaches a
   * loopback listener by DNS rebinding, and then says its own name here.
   */
  readonly hosts: readonly string[]
}

export type Reloaded =
  | { readonly ok: true; readonly policy_hash: string; readonly sessions_ended: number }
  /** One line: where in the file, and what is wrong. What was in use stays. */
  | { readonly ok: false; readonly reason: string }

/** Passkeys of people, by who vouches for them and their name. Answers of browsers are theirs, and were not looked at. */
export interface Passkeys {
  list(caller: ApiCaller): readonly PasskeyFacts[]
  /** What a browser is asked for a new one: `create`, and where the caller has one already `get`, which has to sign too. */
  begin(caller: ApiCaller): Promise<{ readonly create: unknown; readonly get: unknown } | undefined>
  /** It is on record and kept when it resolves. */
  finish(caller: ApiCaller, created: unknown, assertion: unknown): Promise<PasskeyAdded>
  /** Whether a passkey of the caller signed this digest. */
  check(
    caller: ApiCaller,
    digest: string,
    assertion: unknown,
  ): Promise<
    | { readonly ok: true; readonly passkey: PasskeySignature }
    | { readonly ok: false; readonly reason: string }
  >
  /** Whether there was one. */
  remove(by: ApiCaller, credential: string): Promise<boolean>
}

export interface PasskeyFacts {
  /** base64url */
  readonly credential: string
  readonly created_us: number
}

export type PasskeyAdded =
  | ({ readonly ok: true } & PasskeyFacts)
  | { readonly ok: false; readonly reason: string }

export type LinkOpened =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly status: 403 | 410; readonly detail: string }
export interface GrantsPort {
  request(
    caller: ApiCaller,
    asked: {
      readonly target: string
      readonly account: string
      readonly scope: readonly GrantScope[]
      readonly duration_ms: number
      readonly reason: string
      readonly break_glass: boolean
    },
  ): Promise<
    | {
        readonly ok: true
        readonly id: string
        readonly state: 'waiting' | 'given'
        readonly says: string
      }
    | GrantFailure
  >
  grants(): readonly GrantView[]
  revokeGrant(id: string, caller: ApiCaller, reason: string): Promise<GrantResult>
  review(id: string, caller: ApiCaller, comment: string): Promise<GrantResult>
  /** Resolves when it counts; what it fits ends within seconds. */
  revoke(
    match: {
      readonly issuer?: string
      readonly subject?: string
      readonly credential?: string
      readonly certificate?: NamedCertificate
      readonly session?: string
      /** For those whose sessions end. */
      readonly message: string
    },
    caller: ApiCaller,
    reason: string,
  ): Promise<{ readonly ok: true; readonly id?: string } | GrantFailure>
  restore(id: string, caller: ApiCaller, reason: string): Promise<GrantResult>
  revocations(): readonly RevocationView[]
}

/** By its authority: a name, or the `SHA256:` fingerprint of its key; the gateway's own unless given. */
export interface NamedCertificate {
  readonly authority?: string
  /** Decimal. */
  readonly serial?: string
  readonly key_id?: string
}

export type GrantRefusal = 'denied' | 'unknown' | 'own' | 'limit' | 'recording'

interface GrantFailure {
  readonly ok: false
  readonly code: GrantRefusal
  readonly message: string
}

export type GrantResult = { readonly ok: true } | GrantFailure

/** Times are ISO 8601 in UTC. */
export interface GrantView {
  readonly id: string
  readonly digest: string
  readonly state: 'waiting' | 'denied' | 'cancelled' | 'given' | 'revoked' | 'expired' | 'ended'
  readonly subject: string
  readonly issuer: string
  readonly target: string
  readonly account: string
  readonly scope: readonly GrantScope[]
  readonly reason: string
  readonly break_glass: boolean
  readonly by: readonly { readonly subject: string; readonly issuer: string }[]
  readonly requested: string
  readonly starts?: string
  readonly ends?: string
  readonly reviewed: boolean
  readonly review_wanted: boolean
}

export interface RevocationView {
  readonly id: string
  readonly issuer?: string
  readonly subject?: string
  readonly credential?: string
  readonly session?: string
  readonly ends?: string
  readonly reason: string
  readonly by: { readonly subject: string; readonly issuer: string }
  readonly revoked: string
}

export interface KeepingPort {
  readonly holds: HoldsPort
  /** Sessions whose time has come, the oldest end first. */
  plan(count_max: number): Promise<{
    readonly rules: readonly RetentionRule[]
    readonly sessions: readonly DueView[]
  }>
  /** Lets them go; resolves with how many did in this process. Rejects when it cannot be recorded. */
  apply(): Promise<number>
  /**
   * Erases a session before its time, and its key; it is on record when it resolves, unless it waits for somebody else.
   * `reason` is masked.
   */
  shred(session: string, by: HoldActor, reason: string): Promise<ShredResult>
}

export type ShredResult =
  | { readonly ok: true; readonly request?: string }
  | {
      readonly ok: false
      /** `refused`: it is held, has not ended, has no key of its own, or waits for an approval already. */
      readonly code: 'unknown' | 'refused' | 'limit' | 'recording'
      readonly message: string
    }

export interface HoldsPort {
  /** It is on record and counts when it resolves. `reason` is masked. */
  set(scope: HoldScope, by: HoldActor, reason: string): Promise<HoldResult>
  /** ... unless it waits for somebody else. */
  lift(id: string, by: HoldActor, reason: string): Promise<HoldResult>
  list(): readonly HoldView[]
}

export type HoldResult =
  /** `request`: it waits under that name for an approval. */
  | { readonly ok: true; readonly id: string; readonly request?: string }
  | {
      readonly ok: false
      /** `refused`: it waits for an approval already. */
      readonly code: 'unknown' | 'refused' | 'limit' | 'recording'
      readonly message: string
    }

export interface HoldView extends Hold {
  readonly set: string
}

/** Times are ISO 8601 in UTC. */
export interface DueView {
  readonly session: string
  readonly subject: string
  readonly target: string
  readonly ended: string
  /** For which it had to be kept. */
  readonly days: number
  readonly fate: 'due' | 'held' | 'kept'
  readonly hold?: string
  /** By the rules of today. */
  readonly until?: string
}

/** What happened to requests. */
export interface RequestFeed {
  /** Another one after each change, and after a restart. */
  readonly version: string
  /** Resolves at the next change, and after `wait_ms` in any case. */
  changedAfter(version: string, wait_ms: number): Promise<void>
  /** The last few that ended, the newest first. */
  ended(): readonly EndedRequest[]
}

export interface EndedRequest {
  readonly request: ApprovalRequest
  readonly outcome: HoldOutcome
  readonly ended_us: number
}

export interface Health {
  readonly status: 'ok' | 'failing'
  /** One line each, for an operator. No payload, no names of people. */
  readonly reasons: readonly string[]
  /** Of this process; absent where evidence is local. */
  readonly replication?: ReplicationHealth | undefined
}

export interface ReplicationHealth {
  readonly mode: 'required' | 'queued'
  /** The bucket was found to keep what is locked, by trying. */
  readonly append_only: boolean
  /** How long the oldest record has waited that is not in the bucket, in seconds. */
  readonly lag_s: number
  readonly queued_bytes: number
  /** Since the start. */
  readonly sent_bytes: number
  readonly sent_objects: number
}

export interface CredentialPorts {
  /** Where people can sign in by a browser; none where there is no provider. */
  readonly providers: readonly string[]
  /** RFC 8628. The rest never reject; `reason` is one line and repeats nothing that was sent. */
  beginLogin(
    provider: string,
    source: string,
  ): Promise<Made<{ device_code: string; user_code: string; url: string; expires_s: number }>>
  pollLogin(device_code: string, source: string): Promise<Made<IssuedToken>>
  /** RFC 8693. */
  exchange(
    token: string,
    audience: 'sluice-api' | 'sluice-database',
    source: string,
    /** One for databases is bound to it: base64url of its SHA-256. */
    certificate?: string,
  ): Promise<Made<IssuedToken>>
  certify(
    caller: ApiCaller,
    public_key: string,
    lifetime_s: number | undefined,
  ): Promise<Made<IssuedCertificate>>
  /** How to reach what the caller may reach. */
  sshPlaces(caller: ApiCaller): SshPlaces
}

/** `code` of RFC 8628, section 3.5, RFC 6749, section 5.2, and RFC 8693, section 2.2.2. */
export type Made<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly reason: string }

export interface IssuedToken {
  readonly jwt: string
  readonly expires_s: number
}

export interface IssuedCertificate {
  /** `ALGORITHM BASE64` */
  readonly line: string
  readonly serial: string
  readonly key_id: string
  readonly principals: readonly string[]
  /** UTC in microseconds. */
  readonly valid_before_us: number
}

export interface SshPlaces {
  readonly gateway: string
  /** Undefined where SSH is off. */
  readonly port: number | undefined
  /** Public keys, `ALGORITHM BASE64`: the gateway's own, and what signs those of targets. */
  readonly host_keys: readonly string[]
  readonly host_authority: string
  readonly targets: readonly { readonly name: string; readonly accounts: readonly string[] }[]
}

export interface ApiCaller {
  /** The provider that vouches for the subject: another's person of the same name is somebody else. */
  readonly issuer?: string
  readonly subject: string
  readonly groups?: readonly string[]
  /** Names the token in a log. */
  readonly token?: string
  /** UTC in microseconds: when what they do ends, where it is bound to the token's end. */
  readonly ends_us?: number
  /** The sign-in that it is of. */
  readonly login?: ProviderLogin
  readonly roles: readonly DutyRole[]
}
