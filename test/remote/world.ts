/**
 * Evidence in a real bucket: a store made of plain data, sent to Ceph by the replicator itself, and what an attacker
 * does there.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import type { RetentionRule } from '../../storage/evidence/retention.ts'
import type { Trust } from '../../storage/evidence/trust.ts'
import { openBucketSource } from '../../storage/replicate/bucket-source.ts'
import type { ReplicaError } from '../../storage/replicate/errors.ts'
import { Receipts } from '../../storage/replicate/receipts.ts'
import { Replicator, type Status } from '../../storage/replicate/replicator.ts'
import { type Bucket, openBucket } from '../../storage/replicate/s3.ts'
import type { Listed } from '../../storage/replicate/xml.ts'
import { Backlog } from '../../storage/store/backlog.ts'
import { readCosigned } from '../../storage/store/cosigned.ts'
import { openDatabase } from '../../storage/store/database.ts'
import { Batch } from '../../storage/store/fold.ts'
import { database_name, receipts_name } from '../../storage/store/layout.ts'
import { Projector } from '../../storage/store/project.ts'
import { Queries } from '../../storage/store/queries.ts'
import type { EvidenceWriter, SessionWriter, StoredEvidence } from '../../storage/verify/fixture.ts'
import { smallEvidence } from '../../storage/verify/fixture.ts'
import type { Report } from '../../storage/verify/report.ts'
import { verify } from '../../storage/verify/verify.ts'
import type { Account, Ceph } from '../fixture/ceph.ts'

export const retention: readonly RetentionRule[] = [
  { labels: { env: 'prod' }, days: 30 },
  { labels: {}, days: 10 },
]

/** As the gateway, or as another hand. */
export function bucketOf(ceph: Ceph, bucket: string, as: Account = ceph.gateway): Bucket {
  return openBucket({
    ...{ endpoint: ceph.endpoint, bucket, region: 'us-east-1', path_style: true },
    ...{ access_key: as.access_key, secret_key: as.secret_key },
  })
}

/** A folder that goes with the test. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'sluice-remote-'));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Small evidence whose log names the retention, as a gateway with a bucket writes it. */
export async function keptEvidence(seed: string): ReturnType<typeof smallEvidence> {
  const small = await smallEvidence({ seed })
  small.writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1', retention })
  small.writer.heartbeat()
  small.writer.sign()
  return small
}

/** Adds what a store at `data` does not have yet. */
export function project(data: string, stored: StoredEvidence): void {
  const database = openDatabase(join(data, database_name))
  try {
    const projector = new Projector(database)
    const queries = new Queries(database)
    const batch = new Batch()
    let lsn = projector.watermark_lsn
    const add = (entry: Parameters<Batch['add']>[1]): void => batch.add(++lsn, entry)
    const types = new Map(
      stored.entries.map((bytes) => {
        const entry = decodeLogEntry(bytes)
        return [entry?.digest ?? '', entry?.type ?? '']
      }),
    )
    for (const [digest, bytes] of stored.documents)
      if (queries.document(digest) === undefined)
        add({ kind: 'document', digest, type: types.get(digest) ?? 'envelope', bytes })
    for (const [session, records] of stored.sessions) {
      const known = queries.sessionTableRow(session)?.records ?? 0
      for (const [seq, bytes] of records.entries())
        if (seq >= known) add({ kind: 'record', session, seq, bytes })
    }
    for (const [index, bytes] of stored.entries.entries())
      if (index >= queries.logSize()) add({ kind: 'log_entry', index, bytes })
    if (stored.checkpoint !== undefined) add({ kind: 'checkpoint', bytes: stored.checkpoint })
    projector.apply(batch)
  } finally {
    database.connection.close()
  }
}

/** What a gateway's own store does as it reads that a session was erased. */
export function erase(
  { stored }: EvidenceWriter,
  { id }: SessionWriter,
  keeps_start = false,
): void {
  stored.sessions.delete(id)
  for (const bytes of stored.entries) {
    const entry = decodeLogEntry(bytes)
    if (entry?.id !== id || !/^session\.(?:started|ended)$/.test(entry.type)) continue
    const text = Buffer.from(stored.documents.get(entry.digest)?.subarray(32) ?? '{}').toString()
    const { envelope = '', leaves = [] } = JSON.parse(text) as Record<string, never>
    const own = keeps_start && entry.type === 'session.started' ? [] : [entry.digest]
    for (const digest of [...own, envelope, ...leaves]) stored.documents.delete(digest)
  }
}

export interface ReplicaOptions {
  readonly data: string
  readonly bucket: Bucket
  readonly writer: EvidenceWriter
  readonly retention?: readonly RetentionRule[]
  readonly now_ms?: () => number
  /** How long a pause really takes. */
  readonly pause_ms?: (asked_ms: number) => number
  /** Whether receipts go into the log, as they do in a gateway. */
  readonly is_logging?: boolean
  readonly is_shredding?: boolean
}

export interface Replica {
  readonly replicator: Replicator
  readonly statuses: Status[]
  readonly refused: ReplicaError[]
  /** Sends what is there; resolves when all of it is. */
  finish(within_ms?: number): Promise<void>
  readonly running: () => Promise<void>
  /** Tries the bucket once, which a gateway does at its start. */
  prove(): Promise<void>
  /** Everything is in the bucket. */
  caughtUp(): Promise<void>
}

/** Two rounds, on a machine that is busy. */
const logged_ms_max = 30_000

/** The replicator as its Worker wires it, in this thread. */
export function replicaOf(options: ReplicaOptions): Replica {
  const { data, bucket, writer, now_ms = Date.now, pause_ms = (asked) => asked } = options
  const backlog = Backlog.open(join(data, database_name))
  const receipts = new Receipts(join(data, receipts_name))
  const statuses: Status[] = []
  const refused: ReplicaError[] = []
  let hurry = (): void => {}
  const replicator: Replicator = new Replicator(
    {
      ...{ bucket, backlog, receipts, now_ms, random: Math.random },
      verifier_key: writer.signer.verifier_key,
      cosigned: () => readCosigned(data),
      retention: options.retention ?? retention,
      is_shredding: options.is_shredding === true,
      pause: (asked_ms) =>
        new Promise((resolve) => {
          const timer = setTimeout(resolve, pause_ms(asked_ms))
          hurry = () => {
            clearTimeout(timer)
            resolve()
          }
        }),
    },
    {
      status: (status) => statuses.push(status),
      replicated: () => {},
      receipts: (objects) => {
        if (options.is_logging !== true) return
        writer.log('evidence.replicated', 'edge-1', { objects })
        writer.sign()
        project(data, writer.stored)
        replicator.logged()
      },
      refused: (error) => refused.push(error),
    },
  )
  let running: Promise<void> | undefined
  const run = async (): Promise<void> => {
    try {
      await replicator.run()
    } finally {
      backlog.close()
      receipts.close()
    }
  }
  return {
    replicator,
    statuses,
    refused,
    running: () => (running ??= run()),
    prove: () => replicator.prove(),
    async caughtUp() {
      const isBehind = (): boolean => {
        const status = statuses.at(-1)
        return status === undefined || !status.proven || status.behind_since_ms !== undefined
      }
      while (isBehind()) await Bun.sleep(20)
    },
    async finish(within_ms = 30_000) {
      running ??= run()
      // A round logs its receipts, and the next one sends what that wrote.
      const isLogged = (): boolean => {
        const status = statuses.at(-1)
        const is_behind = !(status?.proven ?? false) || status?.behind_since_ms !== undefined
        return !is_behind && receipts.unlogged(1).length === 0
      }
      const end_ms = Date.now() + logged_ms_max
      while (options.is_logging === true && !isLogged() && Date.now() < end_ms) await Bun.sleep(50)
      replicator.stop(now_ms() + within_ms)
      hurry()
      await running
    },
  }
}

export async function verifyBucket(
  bucket: Bucket,
  origin: string,
  trust: Trust | undefined,
): Promise<Report> {
  return verify(await openBucketSource(bucket, origin), trust)
}

/** All objects of one bucket in another, each changed on the way, or left out for undefined. */
export async function copyObjects(
  from: Bucket,
  to: Bucket,
  change: (key: string, bytes: Uint8Array) => Uint8Array | undefined,
  retain_days: (key: string) => number | undefined = () => 30,
): Promise<void> {
  const copy = async ({ key, version }: Listed): Promise<void> => {
    const found = await from.get(key, version)
    const changed = found === undefined ? undefined : change(key, found.bytes)
    if (changed === undefined) return
    const days = found?.mode === undefined ? undefined : retain_days(key)
    const until_ms = days === undefined ? undefined : Date.now() + days * 86_400_000 + 3_600_000
    await to.put(key, changed, until_ms)
  }
  const all = await Array.fromAsync(from.versions(''))
  const listed = all.filter(({ kind }) => kind === 'version')
  // In the order in which a gateway sends: what signs comes behind what it signs.
  const isCheckpoint = ({ key }: Listed): boolean => key.includes('/checkpoint')
  await Promise.all(listed.filter((one) => !isCheckpoint(one)).map(copy))
  await Promise.all(listed.filter(isCheckpoint).map(copy))
}
