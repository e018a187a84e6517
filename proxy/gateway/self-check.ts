/**
 * The gateway's continuous look at itself: every few minutes a canary, verified from the store and from the bucket, and
 * all the time whether the log is signed.
 *
 * @module
 */
import { type Proven, proveDocument, proveEntry } from '../../storage/bundle/prove.ts'
import { verifySession } from '../../storage/bundle/session.ts'
import type { LoggedDocument } from '../../storage/evidence/logged.ts'
import type { Trust } from '../../storage/evidence/trust.ts'
import { openBucketPart } from '../../storage/replicate/bucket-source.ts'
import { type BucketSettings, openBucket } from '../../storage/replicate/s3.ts'
import type { StoreClient } from '../../storage/store/client.ts'
import { RetentionBook } from '../../storage/verify/kept.ts'
import type { Report } from '../../storage/verify/report.ts'
import type { EvidenceSource } from '../../storage/verify/source.ts'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { canary_labels, type Planted, plant, runCanary, whyUnmasked } from './canary.ts'
import {
  canary_poll_ms,
  canary_projected_ms,
  canary_retry_ms,
  canary_sent_ms,
  signing_lag_ms_max,
  signing_look_ms,
} from './limits.ts'

export interface SelfCheckOptions {
  /** 0: no canaries. */
  readonly every_s: number
  readonly recorder: Pick<RecorderClient, 'open' | 'rules'>
  readonly store: StoreClient
  /** The log of this process and its auditors, and nothing else. */
  readonly trust: Trust
  readonly remote: Config['evidence']['remote']
  /** Since the log was last signed, in seconds. */
  readonly signed_ago_s: () => number
  readonly checked: (outcome: 'passed' | 'failed') => void
  readonly log: Log
  readonly changed: () => void
  /** Monotonic. */
  readonly now_ms: () => number
}

export interface SelfCheck {
  /** One line each. */
  failing(): readonly string[]
  /** When a canary was last found to be right, UTC in seconds. */
  readonly verified_s: number | undefined
  /** Resolves when no canary is under way. */
  stop(): Promise<void>
}

export function startSelfCheck(options: SelfCheckOptions): SelfCheck {
  const { log, changed, checked, every_s } = options
  const reasons: { canary?: string | undefined; signing?: string | undefined } = {}
  const started_ms = options.now_ms()
  let verified_s: number | undefined
  let is_stopped = false
  let running: Promise<void> = Promise.resolve()
  let timer: ReturnType<typeof setTimeout> | undefined

  const say = (check: 'canary' | 'signing', reason: string | undefined): void => {
    const before = reasons[check]
    if (before === reason) return
    reasons[check] = reason
    if (reason === undefined) log('info', 'self_check_passed', { check })
    else log('error', 'self_check_failed', { check, reason })
    changed()
  }

  const lookAtSigning = (): void => {
    // It cannot have been signed by this process before that.
    const ago_ms = Math.min(options.signed_ago_s() * 1000, options.now_ms() - started_ms)
    const is_late = ago_ms > signing_lag_ms_max
    say('signing', is_late ? 'the log is no longer signed' : undefined)
  }
  const watch = setInterval(lookAtSigning, signing_look_ms)

  const look = async (): Promise<void> => {
    const why = await checkCanary(options, () => is_stopped).catch((error: unknown) =>
      // An error of the bucket or the store says what it is in its code alone.
      error instanceof Error && 'code' in error ? `${error.name} ${String(error.code)}` : 'a fault',
    )
    if (is_stopped) return
    if (why === undefined) verified_s = Date.now() / 1000
    checked(why === undefined ? 'passed' : 'failed')
    say('canary', why === undefined ? undefined : `the canary failed: ${why}`)
    later(why === undefined ? every_s * 1000 : Math.min(every_s * 1000, canary_retry_ms))
  }
  const later = (delay_ms: number): void => {
    timer = setTimeout(() => {
      running = look()
    }, delay_ms)
  }
  if (every_s > 0) later(every_s * 1000)

  return {
    failing: () => Object.values(reasons).filter((reason) => reason !== undefined),
    get verified_s() {
      return verified_s
    },
    async stop() {
      is_stopped = true
      clearInterval(watch)
      clearTimeout(timer)
      await running
    },
  }
}

/** Why it is not as it must be; undefined when it is. */
async function checkCanary(
  options: SelfCheckOptions,
  isStopped: () => boolean,
): Promise<string | undefined> {
  const { recorder, store, remote, trust } = options
  const run = await runCanary(recorder, plant(recorder.rules))
  if (!run.ok) return run.reason
  const { id: session, planted } = run
  const soon = within(canary_projected_ms, isStopped)
  const row = await soon(async () => {
    const found = await store.session(session)
    return found?.manifest_digest === undefined ? undefined : found
  })
  if (row?.manifest_digest === undefined) return 'its end is not in the store'
  const prove = (type: string, digest: string, at_us: number): Promise<Proven | undefined> =>
    soon(async () => {
      const not_before = new Date(Math.floor(at_us / 1000)).toISOString()
      const found = await proveDocument(store, { type, id: session, digest, not_before })
      return found.ok || found.is_early !== true ? found : undefined
    })
  const start = await prove('session.started', row.start_digest, row.started_us)
  const manifest = await prove('session.ended', row.manifest_digest, row.ended_us ?? 0)
  if (start?.ok !== true || manifest?.ok !== true) return 'the log does not prove it'
  const logged = { session, start: start.logged, manifest: manifest.logged }
  const local = await verifySession(store, logged, trust)
  const why = whyFailed(local) ?? (await whyWrong(store, session, planted))
  if (why !== undefined || remote === undefined) return why
  const from_bucket = await checkBucket(remote, store, logged, trust, planted, isStopped)
  return from_bucket === undefined ? undefined : `from the bucket, ${from_bucket}`
}

interface Logged {
  readonly session: string
  readonly start: LoggedDocument
  readonly manifest: LoggedDocument
}

/** The same from the bucket: its records, its documents, its entries of the log and a checkpoint over them. */
async function checkBucket(
  remote: NonNullable<Config['evidence']['remote']>,
  store: StoreClient,
  { session, start, manifest }: Logged,
  trust: Trust,
  planted: Planted,
  isStopped: () => boolean,
): Promise<string | undefined> {
  const origin = trust.logs[0]?.name ?? ''
  const bucket = openBucket(settingsOf(remote))
  const part = { session, from: start.index, to: manifest.index }
  const soon = within(remote.lag_max_s * 1000 + canary_sent_ms, isStopped)
  const found = await soon(() => openBucketPart(bucket, origin, part))
  if (found === undefined) return 'it has not arrived'
  // The hashes of the tree may come from anywhere: they lead to a signed root, or prove nothing.
  const source: EvidenceSource = {
    sessions: (query) => found.sessions(query),
    records: (id, from_seq) => found.records(id, from_seq),
    document: (digest) => found.document(digest),
    log: () => found.log(),
    logEntries: (from, to) => found.logEntries(from, to),
    logHashes: (indexes) => store.logHashes(indexes),
    objects: () => found.objects(),
  }
  const start_again = await proveAt(source, start)
  const manifest_again = await proveAt(source, manifest)
  if (!start_again.ok || !manifest_again.ok) return 'its log does not prove it'
  const book = new RetentionBook()
  book.changed(new Date(0).toISOString(), remote.retention)
  book.started(session, canary_labels)
  const proof = { session, start: start_again.logged, manifest: manifest_again.logged }
  const report = await verifySession(source, proof, trust, book)
  return whyFailed(report) ?? (await whyWrong(source, session, planted))
}

/** The entry is where the store has it; its document is read anew. */
async function proveAt(source: EvidenceSource, { index, entry }: LoggedDocument): Promise<Proven> {
  // Read before it is asked for: what lies where is learned from the entries.
  await source.log()
  const digest = /"digest":"([0-9a-f]{64})"/.exec(new TextDecoder().decode(entry))?.[1] ?? ''
  return proveEntry(source, index, digest)
}

const whyFailed = ({ findings }: Report): string | undefined =>
  findings.find(({ severity }) => severity === 'failure')?.code

async function whyWrong(
  source: EvidenceSource,
  session: string,
  planted: Planted,
): Promise<string | undefined> {
  const { records } = await source.records(session)
  return whyUnmasked(records, planted)
}

function settingsOf(remote: NonNullable<Config['evidence']['remote']>): BucketSettings {
  const { endpoint, bucket, region, path_style, access_key, secret_key } = remote
  const keys = { access_key: access_key.reveal(), secret_key: secret_key.reveal() }
  return { endpoint, bucket, region, path_style, ...keys }
}

/** Asks again until there is an answer; undefined when there is none in time. */
function within(
  patience_ms: number,
  isStopped: () => boolean,
): <T>(ask: () => Promise<T | undefined>) => Promise<T | undefined> {
  const until_ms = performance.now() + patience_ms
  return async (ask) => {
    for (;;) {
      const found = await ask()
      if (found !== undefined || isStopped() || performance.now() > until_ms) return found
      await Bun.sleep(canary_poll_ms)
    }
  }
}
