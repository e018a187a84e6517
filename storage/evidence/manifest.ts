/**
 * The facts in the documents of a session's log entries: how it started, how far it has come, how it
 * ended. Normative: FORMAT.md, section 3.
 *
 * @module
 */
import { isCount, isDigest, isObject, isSessionId, type JsonObject } from './bytes.ts'
import { auditors_max, leaf_lists_max } from './limits.ts'
import { isTime } from './log-entry.ts'

export interface SessionFacts {
  /** UUIDv7. */
  readonly session: string
  readonly gateway: string
  /** When it started. */
  readonly time: string
  readonly protocol: string
  readonly account: string
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  /** `IP:PORT` of the client. */
  readonly source: string
  /** Wire facts, such as the client's version. */
  readonly context: Readonly<Record<string, string>>
  readonly identity: {
    readonly issuer: string
    readonly subject: string
    readonly groups: readonly string[]
    readonly method: string
    readonly credential: string
  }
  /** `SHA-256(salt || proof)`, both in the envelope. */
  readonly proof_hash: string
  /** SHA-256 of the sealed envelope. */
  readonly envelope: string
  /** RFC 7638 thumbprints of the auditors that it is sealed to. */
  readonly recipients: readonly string[]
  readonly policy_hash: string
  readonly rules_hash: string
  readonly module_hash: string
}

export interface SessionEnd {
  readonly ended: string
  readonly end_reason: string
  /** Count and Merkle root of the session's records. */
  readonly records: number
  readonly root: string
  /** Digests of the leaf lists (`leaf-list.ts`); absent where there are none. */
  readonly leaves?: readonly string[]
}

export type StartDocument = SessionFacts & { readonly v: 1; readonly type: 'session.started' }
export type Manifest = SessionFacts & SessionEnd & { readonly v: 1; readonly type: 'session.ended' }

/** How far the sessions have come that have new records since the last such document. */
export interface RunningDocument {
  readonly v: 1
  readonly type: 'session.running'
  readonly sessions: readonly {
    readonly session: string
    readonly records: number
    readonly root: string
  }[]
}

export function startDocument(facts: SessionFacts): StartDocument {
  return { v: 1, type: 'session.started', ...facts }
}

export function manifest(facts: SessionFacts, end: SessionEnd): Manifest {
  return { v: 1, type: 'session.ended', ...facts, ...end }
}

/** Undefined when the facts are not those of a started session. */
export function readStartDocument(facts: JsonObject): StartDocument | undefined {
  if (facts['v'] !== 1 || facts['type'] !== 'session.started' || !hasSessionFacts(facts))
    return undefined
  return facts as unknown as StartDocument // All members were checked.
}

export function readManifest(facts: JsonObject): Manifest | undefined {
  if (facts['v'] !== 1 || facts['type'] !== 'session.ended' || !hasSessionFacts(facts))
    return undefined
  const { ended, end_reason, records, root, leaves } = facts as Record<string, unknown>
  if (!isTime(ended) || typeof end_reason !== 'string') return undefined
  if (!isCount(records) || !isDigest(root)) return undefined
  if (leaves !== undefined && !isListOf(leaves, leaf_lists_max, isDigest)) return undefined
  return facts as unknown as Manifest // All members were checked.
}

export function readRunningDocument(facts: JsonObject): RunningDocument | undefined {
  if (facts['v'] !== 1 || facts['type'] !== 'session.running') return undefined
  const isState = (state: unknown): boolean =>
    isObject(state) &&
    isSessionId(state['session']) &&
    isCount(state['records']) &&
    isDigest(state['root'])
  if (!isListOf(facts['sessions'], Number.POSITIVE_INFINITY, isState)) return undefined
  return facts as unknown as RunningDocument // All members were checked.
}

/** Whether a manifest tells of a session what its start document told. */
export function repeatsStart(start: StartDocument, end: Manifest): boolean {
  return sessionMembers.every((name) => JSON.stringify(start[name]) === JSON.stringify(end[name]))
}

const texts = [
  'gateway',
  'protocol',
  'account',
  'target',
  'source',
  'policy_hash',
  'rules_hash',
  'module_hash',
] as const

const sessionMembers: readonly (keyof SessionFacts)[] = [
  ...texts,
  'session',
  'time',
  'labels',
  'context',
  'identity',
  'proof_hash',
  'envelope',
  'recipients',
]

function hasSessionFacts(facts: JsonObject): boolean {
  const { session, time, labels, context, identity, proof_hash, envelope, recipients } =
    facts as Record<string, unknown>
  return (
    isSessionId(session) &&
    isTime(time) &&
    texts.every((name) => isText(facts[name])) &&
    isTextMap(labels) &&
    isTextMap(context) &&
    isObject(identity) &&
    (['issuer', 'subject', 'method', 'credential'] as const).every((name) =>
      isText(identity[name]),
    ) &&
    isListOf(identity['groups'], Number.POSITIVE_INFINITY, isText) &&
    isDigest(proof_hash) &&
    isDigest(envelope) &&
    isListOf(recipients, auditors_max, isText)
  )
}

const isText = (value: unknown): boolean => typeof value === 'string'

const isTextMap = (value: unknown): boolean => isObject(value) && Object.values(value).every(isText)

const isListOf = (value: unknown, length_max: number, check: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length <= length_max && value.every(check)
