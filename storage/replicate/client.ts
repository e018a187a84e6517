/**
 * The owner's side of the replicating Worker.
 *
 * @module
 */
import { durable_told_ms } from '../store/limits.ts'
import { ReplicaError } from './errors.ts'
import { stop_ms } from './limits.ts'
import type { FromReplica, ReplicaSetup, ToReplica } from './messages.ts'
import type { Receipt } from './receipts.ts'
import type { Status } from './replicator.ts'

export interface ReplicaClient {
  readonly status: Status
  /** Everything up to here is in the journal, on the disk. */
  durable(lsn: number): void
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

/**
 * Starts the Worker on a data directory whose store is open. Rejects with `ReplicaError` when the bucket does not lock,
 * or contradicts the directory; a bucket that only does not answer is tried again for as long as it takes.
 */
export function startReplica(setup: ReplicaSetup, on: ReplicaEvents): Promise<ReplicaClient> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url).href)
  let status: Status = {
    ...{ proven: false, reason: 'the bucket was not reached yet' },
    ...{ queued_bytes: 0, sent_bytes: 0, sent_objects: 0 },
  }
  let durable_lsn = 0
  let told: ReturnType<typeof setTimeout> | undefined
  let gone = false
  let stopped = (): void => {}
  const send = (message: ToReplica): void => {
    if (!gone) worker.postMessage(message)
  }
  const tell = (): void => {
    told = undefined
    send({ kind: 'durable', lsn: durable_lsn })
  }
  const end = (): void => {
    gone = true
    clearTimeout(told)
    worker.terminate()
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
    logged: () => send({ kind: 'logged' }),
    stop: () =>
      new Promise((resolve) => {
        if (gone) {
          resolve()
          return
        }
        const timer = setTimeout(end, stop_ms + 1000)
        stopped = () => {
          clearTimeout(timer)
          resolve()
        }
        tell()
        send({ kind: 'stop', within_ms: stop_ms })
      }),
  }
  return new Promise((resolve, reject) => {
    const refuse = (error: ReplicaError): void => {
      status = { ...status, proven: false, reason: `${error.code}: ${error.message}` }
      reject(error)
      on.refused?.(error)
      on.status?.(status)
    }
    worker.onmessage = ({ data }: MessageEvent<FromReplica>) => {
      switch (data.kind) {
        case 'opened':
          resolve(client)
          return
        case 'refused':
          refuse(new ReplicaError(data.code, data.message))
          return
        case 'status':
          status = data.status
          on.status?.(status)
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
    worker.onerror = (event) => {
      refuse(new ReplicaError('store_io', 'replication stopped', { cause: event }))
      end()
    }
    worker.postMessage({ kind: 'open', ...setup })
  })
}
