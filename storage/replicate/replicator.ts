/**
 * Keeps a bucket behind a store: proves the bucket, sends rounds, waits and tries again while it cannot, and says how
 * far it is.
 *
 * @module
 */
import type { Hold } from '../evidence/hold.ts'
import { daysOfLog, type RetentionRule } from '../evidence/retention.ts'
import { partialTiles, tilePath } from '../evidence/tile.ts'
import type { Backlog, Snapshot } from '../store/backlog.ts'
import { StoreError } from '../store/errors.ts'
import { readCosignedNote } from './cosigned.ts'
import { isPassing, ReplicaError } from './errors.ts'
import { checkpoint_hint, cosignedKey, prefixOf } from './keys.ts'
import { Lag } from './lag.ts'
import {
  cosigned_ms,
  day_ms,
  receipts_logged_max,
  retain_margin_ms,
  retry_ms,
  retry_ms_max,
  round_bytes,
  round_ms,
} from './limits.ts'
import { Placing } from './placing.ts'
import { proveContinuity, proveLock } from './prove.ts'
import type { Receipt, Receipts } from './receipts.ts'
import { runRound, tileBody } from './round.ts'
import type { Bucket } from './s3.ts'
import { Shredding } from './shredding.ts'

export interface ReplicatorParts {
  readonly bucket: Bucket
  readonly backlog: Backlog
  readonly receipts: Receipts
  /** The newest checkpoint that each witness cosigned: signed notes, in no order. */
  readonly cosigned: () => readonly Uint8Array[]
  /** Of the log, `NAME+HASH+KEY`; the name is its origin. */
  readonly verifier_key: string
  readonly retention: readonly RetentionRule[]
  /** Keys of erased sessions are erased in the bucket from here, and not by its owner. */
  readonly is_shredding?: boolean
  /** UTC. */
  readonly now_ms: () => number
  /** Resolves after the time, or when it is told to hurry. */
  readonly pause: (delay_ms: number) => Promise<void>
  /** 0 to 1. */
  readonly random: () => number
}

export interface Status {
  /** The bucket was found to lock, and to hold this log's past. */
  readonly proven: boolean
  /** Why nothing is sent now; absent while all is well. */
  readonly reason?: string
  /** When the oldest of what is not in the bucket became durable, UTC in milliseconds; absent when all is there. */
  readonly behind_since_ms?: number
  /** Why the bucket does not take legal holds; absent while it does. */
  readonly unheld?: string
  /** Why it does not let the keys of erased sessions be deleted; absent while it does. */
  readonly unshredded?: string
  /** Records that wait. */
  readonly queued_bytes: number
  /** Since the start. */
  readonly sent_bytes: number
  readonly sent_objects: number
}

export interface ReplicatorEvents {
  status(status: Status): void
  /** Everything up to this journal entry is in the bucket. */
  replicated(lsn: number): void
  /** For the log; {@link Replicator.logged} when it has them. */
  receipts(receipts: readonly Receipt[]): void
  /** The bucket and this data directory contradict each other, or it keeps nothing: no further try helps. */
  refused(error: ReplicaError): void
}

/** The mutable files of C2SP tlog-tiles are for clients of that standard; verification does without. */
const hint_ms = 60_000

export class Replicator {
  readonly #parts: ReplicatorParts
  readonly #on: ReplicatorEvents
  readonly #lag = new Lag()
  readonly #origin: string
  #proven = false
  #refused = false
  #reason: string | undefined
  #failures = 0
  #stopping = false
  #until_ms = Number.POSITIVE_INFINITY
  #sent_bytes = 0
  #sent_objects = 0
  #counted_to = 0
  #queued_bytes = 0
  #hint = { size: 0, at_ms: 0 }
  /** What was sent last of each witness. */
  readonly #cosigned = new Map<string, { readonly size: number; readonly at_ms: number }>()
  #asked: readonly Receipt[] = []
  readonly #placing: Placing
  readonly #shredding: Shredding

  constructor(parts: ReplicatorParts, on: ReplicatorEvents) {
    this.#parts = parts
    this.#on = on
    this.#origin = parts.verifier_key.split('+')[0] ?? ''
    this.#placing = new Placing({ ...parts, prefix: prefixOf(this.#origin) })
    this.#shredding = new Shredding({ ...parts, prefix: prefixOf(this.#origin) })
    const { place } = parts.receipts
    this.#counted_to = place.chunk_no
    // What a stopped gateway left unsent has waited since the last round that ended.
    const { watermark_lsn } = parts.backlog.snapshot()
    this.#lag.replicated(place.watermark_lsn)
    const since_ms = place.at_ms > 0 ? Math.min(place.at_ms, parts.now_ms()) : parts.now_ms()
    this.#lag.durable(watermark_lsn, since_ms)
  }

  /** One attempt to prove the bucket. Rejects with `ReplicaError`. */
  async prove(): Promise<void> {
    const { bucket, backlog, receipts, verifier_key, now_ms } = this.#parts
    await proveLock(bucket, this.#origin, now_ms())
    await proveContinuity(bucket, verifier_key, backlog, receipts)
    this.#proven = true
    this.#tell()
  }

  /** Sends rounds until it is stopped or refused. Never rejects. */
  async run(): Promise<void> {
    const { now_ms, pause, random } = this.#parts
    while (!this.#isOver()) {
      const begun_ms = now_ms()
      try {
        if (!this.#proven) await this.prove()
        const is_behind = await this.#round()
        this.#failures = 0
        this.#reason = undefined
        this.#tell()
        if (this.#stopping && !is_behind) return
        if (!is_behind) await pause(Math.max(0, round_ms - (now_ms() - begun_ms)))
      } catch (error) {
        const known = asReplicaError(error)
        this.#reason = `${known.code}: ${known.message}`
        this.#tell()
        if (known.code !== 'not_append_only' && !isPassing(known)) {
          this.#refused = true
          this.#on.refused(known)
          return
        }
        // What cannot be sent now waits on the disk for the next start.
        if (this.#stopping) return
        this.#proven &&= isPassing(known)
        const limit_ms = Math.min(retry_ms_max, retry_ms * 2 ** Math.min(this.#failures++, 20))
        // Jitter: many gateways lose the same store at the same moment.
        await pause(limit_ms * (0.5 + random() / 2))
      }
    }
  }

  /** Journal entries up to `lsn` are on the disk. */
  durable(lsn: number): void {
    this.#lag.durable(lsn, this.#parts.now_ms())
  }

  /** The log has the receipts that were last asked for. */
  logged(): void {
    this.#parts.receipts.logged(this.#asked)
    this.#asked = []
  }

  /** Legal holds in force. */
  holds(holds: readonly Hold[]): void {
    this.#placing.use(holds)
  }

  /** Sends what is there, until `until_ms` at the latest. */
  stop(until_ms: number): void {
    this.#stopping = true
    this.#until_ms = until_ms
  }

  #isOver(): boolean {
    return this.#refused || this.#parts.now_ms() >= this.#until_ms
  }

  /** Returns whether another round should follow at once. */
  async #round(): Promise<boolean> {
    const { receipts, backlog, now_ms } = this.#parts
    const snapshot = backlog.snapshot()
    this.#count(snapshot)
    const { place } = receipts
    const has_news =
      snapshot.chunk_no > place.chunk_no ||
      snapshot.log_size > place.log_size ||
      (snapshot.checkpoint?.size ?? 0) > place.checkpoint_size ||
      receipts.planned().length > 0
    if (has_news)
      await runRound(
        {
          ...this.#parts,
          prefix: prefixOf(this.#origin),
          failures: this.#failures,
          sent: (bytes) => {
            this.#sent_bytes += bytes
            this.#sent_objects++
            this.#queued_bytes = Math.max(0, this.#queued_bytes - bytes)
            this.#tell()
          },
        },
        snapshot,
      )
    else receipts.advance({ watermark_lsn: snapshot.watermark_lsn, at_ms: now_ms() })
    this.#lag.replicated(snapshot.watermark_lsn)
    this.#on.replicated(snapshot.watermark_lsn)
    await this.#publish()
    await this.#publishCosigned()
    const has_unheld = await this.#placing.step()
    if (this.#parts.is_shredding === true) await this.#shredding.step()
    this.#askForLog()
    const next = backlog.snapshot()
    this.#count(next)
    return (
      has_unheld ||
      this.#queued_bytes >= round_bytes ||
      (this.#stopping && next.log_size > snapshot.log_size)
    )
  }

  /** The newest signed checkpoint where C2SP tlog-tiles has it, and the tiles that its end needs. */
  async #publish(): Promise<void> {
    const { backlog, bucket, receipts, now_ms } = this.#parts
    const size = receipts.place.checkpoint_size
    const is_due = this.#stopping || now_ms() - this.#hint.at_ms >= hint_ms
    const note = size > this.#hint.size && is_due ? backlog.checkpoint(size) : undefined
    if (note === undefined) return
    const prefix = prefixOf(this.#origin)
    const tiles = partialTiles(size).map(async (tile) =>
      bucket.put(`${prefix}${tilePath(tile)}`, await tileBody(backlog, tile)),
    )
    for (const outcome of await Promise.allSettled(tiles))
      if (outcome.status === 'rejected') throw outcome.reason
    await bucket.put(`${prefix}${checkpoint_hint}`, note)
    this.#hint = { size, at_ms: now_ms() }
  }

  /** Only what the bucket has all of: else it would show less of the log than a witness saw. */
  async #publishCosigned(): Promise<void> {
    const { bucket, receipts, retention, now_ms } = this.#parts
    for (const each of this.#parts.cosigned()) {
      const seen = readCosignedNote(each, this.#origin)
      if (seen === undefined || seen.size > receipts.place.checkpoint_size) continue
      const { note, key_id, size } = seen
      const last = this.#cosigned.get(key_id)
      const is_due = this.#stopping || now_ms() - (last?.at_ms ?? 0) >= cosigned_ms
      if (!is_due || size <= (last?.size ?? -1)) continue
      const until_ms = now_ms() + daysOfLog(retention) * day_ms + retain_margin_ms
      await bucket.put(`${prefixOf(this.#origin)}${cosignedKey(key_id, size)}`, note, until_ms)
      this.#cosigned.set(key_id, { size, at_ms: now_ms() })
    }
  }

  #askForLog(): void {
    if (this.#asked.length > 0 || this.#stopping) return
    this.#asked = this.#parts.receipts.unlogged(receipts_logged_max)
    if (this.#asked.length > 0) this.#on.receipts(this.#asked)
  }

  #count(snapshot: Snapshot): void {
    const { backlog, receipts } = this.#parts
    const from = receipts.place.chunk_no
    if (from >= this.#counted_to) {
      this.#queued_bytes = 0
      this.#counted_to = from
    }
    this.#queued_bytes += backlog.bytesBehind(this.#counted_to, snapshot.chunk_no)
    this.#counted_to = Math.max(this.#counted_to, snapshot.chunk_no)
  }

  #tell(): void {
    const since = this.#lag.since_ms
    const unheld = this.#placing.reason
    const unshredded = this.#shredding.reason
    this.#on.status({
      proven: this.#proven,
      queued_bytes: this.#queued_bytes,
      sent_bytes: this.#sent_bytes,
      sent_objects: this.#sent_objects,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(unheld === undefined ? {} : { unheld }),
      ...(unshredded === undefined ? {} : { unshredded }),
      ...(since === undefined ? {} : { behind_since_ms: since }),
    })
  }
}

function asReplicaError(error: unknown): ReplicaError {
  if (error instanceof ReplicaError) return error
  if (error instanceof StoreError)
    return new ReplicaError('store_io', error.message, { cause: error })
  const name = error instanceof Error ? error.name : 'unknown'
  return new ReplicaError('store_io', `an unexpected ${name}`, { cause: error })
}
