/**
 * One data directory at work: its lock, its store, its journal and its log. Whoever holds it may record.
 *
 * @module
 */
import type { JsonWebKey } from 'node:crypto'
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { thumbprint } from '../../storage/evidence/envelope.ts'
import type { Hold, HoldActor } from '../../storage/evidence/hold.ts'
import { noteSigner, noteVerifier } from '../../storage/evidence/note.ts'
import type { Release } from '../../storage/evidence/release.ts'
import { backlog_segments_default } from '../../storage/journal/limits.ts'
import { type StoreClient, type StoreEvents, startStore } from '../../storage/store/client.ts'
import { type DataLock, lockDataDirectory } from '../../storage/store/lock.ts'
import type { ShredResult } from '../api/ports.ts'
import type { Config } from '../config.ts'
import type { LogKeys } from '../identity/gateway-keys.ts'
import type { Log } from '../log.ts'
import type { Family } from '../metrics/family.ts'
import type { Meter } from '../metrics/meter.ts'
import { type RecorderClient, startRecorder } from '../recorder/client.ts'
import { Refusal } from './refusal.ts'
import { type Limits, openReplication, type ReplicaFacts, type Replication } from './replication.ts'
import { startRetention } from './retention.ts'
import { type SelfCheck, startSelfCheck } from './self-check.ts'
import { shredSession } from './shredding.ts'
import { startTimestamping, type Timestamping } from './timestamping.ts'
import { startWitnessing, type Witnessing } from './witnessing.ts'

export interface EvidenceOptions {
  readonly data: string
  /** Where the store is encrypted at rest. */
  readonly key: Uint8Array | undefined
  /** Held by the caller, who has read the keys under it. Released by {@link Evidence.stop}. */
  readonly lock: Lock
  readonly config: Config
  readonly log_keys: LogKeys
  /** Public JWKs that every envelope is sealed to. */
  readonly auditors: readonly JsonWebKey[]
  readonly ruleset: Ruleset
  readonly policy_hash: string
  /** Verifier keys of the logs of workers, which the log of this directory then names. */
  readonly worker_logs?: readonly string[]
  readonly log: Log
  readonly meter: Meter
  /** What is in the way changed: one line for each thing. */
  readonly changed?: (reasons: readonly string[]) => void
  /** Legal holds; undefined while they are not known. */
  readonly holds: () => readonly Hold[] | undefined
  readonly now_us: () => number
}

export interface Evidence {
  readonly store: StoreClient
  readonly recorder: RecorderClient
  /** Why nothing can be recorded, projected or replicated now, one line each; empty while all is well. */
  failing(): readonly string[]
  /** Lets those sessions go whose time has come; resolves with their number. */
  retain(): Promise<number>
  /** Erases a session of this directory before its time. */
  shred(session: string, by: HoldActor, reason: string, release?: Release): Promise<ShredResult>
  /** Undefined where evidence is local. */
  replica(): ReplicaFacts | undefined
  /** What this process counts, where so many commands wait for a person. */
  families(holds: number): readonly Family[]
  /** Signs, commits, projects, and lets the data directory go. */
  stop(): Promise<void>
}

export type Lock = Extract<DataLock, { ok: true }>

/** Throws {@link Refusal} when another process has the directory. */
export function lockData(data: string): Lock {
  const lock = lockDataDirectory(data)
  if (!lock.ok) throw new Refusal(1, lock.reason)
  return lock
}

/** Recovers what the gateway before left. Rejects with `StoreError` or `RecorderError`. */
export async function openEvidence(options: EvidenceOptions): Promise<Evidence> {
  const { data, config, log, log_keys } = options
  let lagging: string | undefined
  const { remote, retention } = config.evidence
  let replication: Replication | undefined
  let recorder: RecorderClient | undefined
  let witnessing: Witnessing | undefined
  let timestamping: Timestamping | undefined
  let self_check: SelfCheck | undefined
  const failing = (): readonly string[] =>
    [
      recorder?.failing,
      lagging,
      timestamping?.failing(),
      ...(replication?.failing() ?? []),
      ...(witnessing?.failing() ?? []),
      ...(self_check?.failing() ?? []),
    ].filter((reason) => reason !== undefined)
  const changed = (): void => options.changed?.(failing())
  const store_events: StoreEvents = {
    projected: (lsn) => recorder?.projected(lsn),
    recovering: (bytes) => log('info', 'recovering', { mib: Math.round(bytes / 2 ** 20) }),
    lagging: (reason) => {
      lagging = reason
      log(reason === undefined ? 'info' : 'error', 'store_lagging', { reason: reason ?? 'over' })
      changed()
    },
    gone: (error) => {
      lagging = error.message
      log('error', 'store_gone', { reason: error.message })
      changed()
    },
  }
  const store = await startStore(data, store_events, options.key)
  for (const { id, reason } of store.recovered.unreadable)
    log('error', 'session_unreadable', { session: id, reason })
  let limits: Limits = { hold: false }
  /** What was left unsent may arrive before this process records. */
  const started = Promise.withResolvers<RecorderClient>()
  const { verifier_key } = noteSigner(log_keys.origin, log_keys.log_key)
  // Before the log goes on: an older copy of the data directory would make another history of it.
  replication =
    remote === undefined
      ? undefined
      : await openReplication({
          ...{ remote, data, log, changed, key: options.key, holds: options.holds },
          verifier_key,
          replicated: (lsn) => recorder?.replicated(lsn),
          receipts: async (objects) => {
            const { note } = await started.promise
            await note('evidence.replicated', { objects })
          },
          limit: (to) => {
            limits = to
            recorder?.limit(to)
          },
        })
  const running = await startRecorder(
    {
      data,
      segment_bytes: config.journal.segment_bytes,
      backlog_segments_max: backlog_segments_default,
      gateway: config.gateway.name,
      ...log_keys,
      auditors: options.auditors,
      ruleset: options.ruleset,
      idle_ms: config.masking.idle_ms_max,
      policy_hash: options.policy_hash,
      keeps_raw: config.evidence.raw === 'sealed',
      worker_logs: options.worker_logs ?? [],
      is_replicated: remote !== undefined,
      is_keyed: remote?.shred !== undefined,
      ...(retention === undefined ? {} : { retention }),
      release: config.evidence.release,
      recovered: store.recovered,
      key: options.key,
    },
    {
      durable: (lsn) => {
        store.durable(lsn)
        replication?.durable(lsn)
      },
      health: (reason) => {
        if (reason === undefined) log('info', 'recording_resumed', {})
        else log('error', 'recording_failed', { reason })
        changed()
      },
    },
    options.meter,
  )
  recorder = running
  running.limit(limits)
  started.resolve(running)
  const { witnesses, timestamp_url: url } = config.evidence
  witnessing = startWitnessing({ data, witnesses, reader: store, log, changed })
  timestamping = startTimestamping({ url, reader: store, recorder: running, log, changed })
  const stamping = timestamping
  const keeping = startRetention({
    ...{ rules: retention, reader: store, recorder: running, holds: options.holds, log },
    // Where an authority is asked, nobody's clock decides alone.
    sure_us: () =>
      url === undefined ? options.now_us() : Math.min(options.now_us(), stamping.newest_us),
  })
  const own_log = noteVerifier(verifier_key)
  self_check = startSelfCheck({
    every_s: config.evidence.canary_s,
    ...{ recorder: running, store, remote, log, changed },
    trust: {
      logs: own_log === undefined ? [] : [own_log],
      auditors: await Promise.all(options.auditors.map(thumbprint)),
      ...{ checkpoints: [], witnesses: [], authorities: [] },
    },
    signed_ago_s: () => options.meter.signed_ago_s,
    checked: options.meter.checked,
    now_ms: () => performance.now(),
  })
  return {
    store,
    recorder: running,
    failing,
    retain: keeping.apply,
    shred: (session, by, reason, release) =>
      shredSession(
        { reader: store, recorder: running, holds: options.holds, log },
        ...([session, by, reason, release] as const),
      ),
    replica: () => replication?.facts(),
    families: (holds) =>
      options.meter.families({
        holds,
        failing: failing().length,
        replica: replication?.facts(),
        canary_s: self_check?.verified_s,
      }),
    async stop() {
      keeping.stop()
      witnessing?.stop()
      timestamping?.stop()
      await self_check?.stop()
      await running.stop()
      await store.stop()
      await replication?.stop()
      options.lock.release()
    },
  }
}
