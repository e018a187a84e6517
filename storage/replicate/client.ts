/**
 * The owner's side of the replicating Worker.
 *
 * @module
 */
import type { Hold } from '../evidence/hold.ts'
import { durable_told_ms } from '../store/limits.ts'
import { isPassing, ReplicaError } from './errors.ts'
import { restart_ms_min, retry_ms_max, stop_ms } from './limits.ts'
import type { FromReplica, ReplicaSetup, ToReplica } from './messages.ts'
import type { Receipt } from './receipts.ts'
import type { Status } from './replicator.ts'

export interface ReplicaClient {
  readonly status: Status
  /** Everything up to here is in the journal, on the disk. */
  durable(lsn: number): void
  /** Legal holds in force: the bucket is told of them. */
  holds(holds: readonly Hold[]): void
  /** The log has the receipts that were last told. */
  logged(): void
  /** Sends what is there, for a few seconds at most, and ends the Worker. */
  stop(): Promise<void>
}

export interface ReplicaEvents {
  /** The journal may forget everything up to here, as far as the bucket is concerned. */
  replicated(lsn: number): void
  /** For the log; answer with {@link ReplicaClient.logged}. */
  receipts(receipts: readonly Receipt[]): void
  /** Something changed that {@link ReplicaClient.status} tells. */
  status?(status: Status): void
  /** Nothing is sent any more, and no waiting helps. */
  refused?(error: ReplicaError): void
}

const newWorker = (): Worker => new Worker(new URL('./worker.ts', import.meta.url).href)

/**
 * Starts the Worker on a data directory whose store is open. Rejects with `ReplicaError` when the bucket does not lock,
 * or contradicts the directory; a bucket that only does not answer is tried again for as long as it takes. A Worker that dies
 * later is started anew: what it had not sent waits on the disk. `start` makes one.
 */
export function startReplica(
  setup: ReplicaSetup,
  on: ReplicaEvents,
  start: () => Worker = newWorker,
): Promise<ReplicaClient> {
  let status: Status = {
    ...{ proven: false, reason: 'the bucket was not reached yet' },
    ...{ queued_bytes: 0, sent_bytes: 0, sent_objects: 0 },
  }
  /** Of the Workers before: each counts for itself. */
  let before = { sent_bytes: 0, sent_objects: 0 }
  let durable_lsn = 0
  let holds: readonly Hold[] | undefined
  let told: ReturnType<typeof setTimeout> | undefined
  let worker: Worker | undefined
  let restart: ReturnType<typeof setTimeout> | undefined
  let restart_ms = restart_ms_min
  let is_opened = false
  /** Nothing is sent any more: it was stopped, or refused for good. */
  let is_over = false
  let stopped = (): void => {}
  const send = (message: ToReplica): void => worker?.postMessage(message)
  const tell = (): void => {
    told = undefined
    send({ kind: 'durable', lsn: durable_lsn })
  }
  const say = (next: Status): void => {
    status = next
    on.status?.(status)
  }
  const drop = (): void => {
    const dead = worker
    worker = undefined
    dead?.terminate()
  }
  const end = (): void => {
    is_over = true
    clearTimeout(told)
    clearTimeout(restart)
    drop()
    stopped()
  }
  const client: ReplicaClient = {
    get status() {
      return status
    },
    durable(lsn) {
      durable_lsn = lsn
      told ??= setTimeout(tell, durable_told_ms)
    },
    holds(next) {
      holds = next
      send({ kind: 'holds', holds })
    },
    logged: () => send({ kind: 'logged' }),
    stop: () =>
      new Promise((resolve) => {
        if (worker === undefined) {
          end()
          resolve()
          return
        }
        const timer = setTimeout(end, stop_ms + 1000)
        stopped = () => {
          clearTimeout(timer)
          resolve()
        }
        is_over = true
        tell()
        send({ kind: 'stop', within_ms: stop_ms })
      }),
  }
  return new Promise((resolve, reject) => {
    const refuse = (error: ReplicaError): void => {
      // It can be started again after what passes by itself; what it found wrong with the bucket stays wrong.
      if (!is_opened || !isPassing(error)) is_over = true
      reject(error)
      on.refused?.(error)
      say({ ...status, proven: false, reason: `${error.code}: ${error.message}` })
    }
    const died = (dead: Worker, error: ReplicaError): void => {
      if (dead !== worker) return
      drop()
      refuse(error)
      if (is_over) {
        end()
        return
      }
      before = { sent_bytes: status.sent_bytes, sent_objects: status.sent_objects }
      // Whatever was durable waits from here on, so that a Worker that never comes back is told by its lag.
      say({ ...status, behind_since_ms: status.behind_since_ms ?? Date.now() })
      restart = setTimeout(open, restart_ms)
      restart_ms = Math.min(restart_ms * 2, retry_ms_max)
    }
    const open = (): void => {
      const made = start()
      worker = made
      made.onmessage = ({ data }: MessageEvent<FromReplica>) => {
        if (made === worker) receive(made, data)
      }
      const lost = (cause: unknown): void =>
        died(made, new ReplicaError('store_io', 'replication stopped', { cause }))
      made.onerror = lost
      made.addEventListener('close', lost)
      made.postMessage({ kind: 'open', ...setup })
      if (holds !== undefined) send({ kind: 'holds', holds })
      if (durable_lsn > 0) tell()
    }
    const receive = (from: Worker, data: FromReplica): void => {
      switch (data.kind) {
        case 'opened':
          is_opened = true
          resolve(client)
          return
        case 'refused': {
          const error = new ReplicaError(data.code, data.message)
          if (is_opened && isPassing(error) && !is_over) died(from, error)
          else refuse(error)
          return
        }
        case 'status':
          restart_ms = restart_ms_min
          say({
            ...data.status,
            sent_bytes: before.sent_bytes + data.status.sent_bytes,
            sent_objects: before.sent_objects + data.status.sent_objects,
          })
          return
        case 'replicated':
          on.replicated(data.lsn)
          return
        case 'receipts':
          on.receipts(data.receipts)
          return
        case 'stopped':
          end()
      }
    }
    open()
  })
}
