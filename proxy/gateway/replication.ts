/**
 * What a bucket that falls behind means for sessions. `required`: beyond the limit new ones are refused and running
 * ones wait. `queued`: new ones are refused when the queue is full. In both, health says so.
 *
 * @module
 */
import type { Hold } from '../../storage/evidence/hold.ts'
import { type ReplicaClient, startReplica } from '../../storage/replicate/client.ts'
import { ReplicaError } from '../../storage/replicate/errors.ts'
import type { Receipt } from '../../storage/replicate/receipts.ts'
import type { Status } from '../../storage/replicate/replicator.ts'
import type { Remote } from '../config.ts'
import { replica_look_ms } from '../core/limits.ts'
import type { Log } from '../log.ts'
import { receipts_retry_ms } from './limits.ts'
import { Refusal } from './refusal.ts'

export interface Limits {
  /** Why no new session may start. */
  readonly refuse?: string
  /** Running sessions wait. */
  readonly hold: boolean
}

/** What a probe or an operator is told. */
export interface ReplicaFacts {
  readonly mode: Remote['replication']
  /** The bucket was found to keep what is locked, by trying. */
  readonly append_only: boolean
  /** How long the oldest record has waited that is not in the bucket; 0 when all are. */
  readonly lag_s: number
  readonly queued_bytes: number
  readonly sent_bytes: number
  readonly sent_objects: number
}

export interface ReplicationOptions {
  readonly remote: Remote
  readonly data: string
  /** Where the store is encrypted at rest. */
  readonly key: Uint8Array | undefined
  /** Of the log: `NAME+HASH+KEY`. */
  readonly verifier_key: string
  readonly log: Log
  replicated(lsn: number): void
  receipts(receipts: readonly Receipt[]): Promise<void>
  limit(limits: Limits): void
  /** Legal holds in force; undefined while they are not known. */
  holds(): readonly Hold[] | undefined
  /** Something changed that {@link Replication.failing} tells. */
  changed(): void
}

export interface Replication {
  durable(lsn: number): void
  /** One line each; empty while all is well. */
  failing(): readonly string[]
  facts(): ReplicaFacts
  stop(): Promise<void>
}

/** Throws {@link Refusal} when the bucket does not lock, or knows more of this log than the data directory. */
export async function openReplication(options: ReplicationOptions): Promise<Replication> {
  const { remote, log } = options
  const { retention, endpoint, bucket, region, path_style } = remote
  const keys = { access_key: remote.access_key.reveal(), secret_key: remote.secret_key.reveal() }
  const setup = {
    data: options.data,
    key: options.key,
    bucket: { endpoint, bucket, region, path_style, ...keys },
    verifier_key: options.verifier_key,
    retention,
    is_shredding: remote.shred === 'gateway',
  }
  const client = await startReplica(setup, {
    replicated: options.replicated,
    receipts: (receipts) => void logReceipts(receipts),
    refused: ({ code, message }) => log('error', 'replication_refused', { code, message }),
  }).catch((error: unknown) => {
    if (error instanceof ReplicaError) throw new Refusal(1, `evidence.s3: ${error.message}`)
    throw error
  })
  async function logReceipts(receipts: readonly Receipt[]): Promise<void> {
    while (!is_stopping)
      try {
        await options.receipts(receipts)
        client.logged()
        return
      } catch {
        // The recorder fails, which it says itself.
        await Bun.sleep(receipts_retry_ms)
      }
  }
  let is_stopping = false
  let told = ''
  let placed: readonly Hold[] | undefined
  const look = (): void => {
    const holds = options.holds()
    if (holds !== undefined && holds !== placed) client.holds(holds)
    placed = holds
    const now_ms = Date.now()
    const state = judge(remote, client.status, now_ms)
    const text = JSON.stringify([state.refuse, state.hold, state.reasons.map(withoutNumbers)])
    if (text === told) return
    told = text
    const [reason] = state.reasons
    if (reason === undefined) log('info', 'replication', { state: 'ok' })
    else log('error', 'replication_behind', { reason })
    options.limit(state)
    options.changed()
  }
  look()
  const timer = setInterval(look, replica_look_ms)
  return {
    durable: (lsn) => client.durable(lsn),
    failing: () => judge(remote, client.status, Date.now()).reasons,
    facts: () => factsOf(remote, client, Date.now()),
    async stop() {
      is_stopping = true
      clearInterval(timer)
      await client.stop()
    },
  }
}

/** Pure. `now_ms` is UTC. */
export function judge(
  { replication, lag_max_s, queue_bytes_max }: Remote,
  status: Status,
  now_ms: number,
): Limits & { readonly reasons: readonly string[] } {
  const lag_s = lagOf(status, now_ms)
  const late =
    lag_s > lag_max_s
      ? `replication is ${Math.floor(lag_s)} s behind, and at most ${lag_max_s} s are allowed`
      : undefined
  const full =
    status.queued_bytes > queue_bytes_max
      ? `${status.queued_bytes} bytes wait for the bucket, and at most ${queue_bytes_max} may`
      : undefined
  const unproven = status.proven ? undefined : 'the bucket is not proven to be append-only'
  const why = status.reason === undefined ? '' : ` (${status.reason})`
  const unheld =
    status.unheld === undefined ? [] : [`the bucket takes no legal holds (${status.unheld})`]
  const unshredded =
    status.unshredded === undefined
      ? []
      : [`keys of erased sessions are still in the bucket (${status.unshredded})`]
  // A bucket that was reached once and is away is told by its lag; one that never was, at once.
  const reasons = [late, full, unproven].flatMap((reason) =>
    reason === undefined ? [] : `${reason}${why}`,
  )
  const is_required = replication === 'required'
  const refuse = is_required ? (late ?? full ?? unproven) : full
  return {
    reasons: [...reasons, ...unheld, ...unshredded],
    hold: is_required && late !== undefined,
    ...(refuse === undefined ? {} : { refuse }),
  }
}

const lagOf = ({ behind_since_ms }: Status, now_ms: number): number =>
  behind_since_ms === undefined ? 0 : Math.max(0, now_ms - behind_since_ms) / 1000

const withoutNumbers = (reason: string): string => reason.replaceAll(/\d+/g, '')

function factsOf(remote: Remote, { status }: ReplicaClient, now_ms: number): ReplicaFacts {
  return {
    mode: remote.replication,
    append_only: status.proven,
    lag_s: Math.round(lagOf(status, now_ms)),
    queued_bytes: status.queued_bytes,
    sent_bytes: status.sent_bytes,
    sent_objects: status.sent_objects,
  }
}
