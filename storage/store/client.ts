/**
 * The owner's side of the store's Worker.
 *
 * @module
 */
import { StoreError } from './errors.ts'
import { durable_told_ms } from './limits.ts'
import type { Failure, FromStore, Question, ToStore } from './messages.ts'
import type { Reader } from './reader.ts'
import type { RecoveredState } from './recover.ts'

export interface StoreClient extends Reader {
  /** What the gateway before left. */
  readonly recovered: RecoveredState
  /** Why nothing is projected now; undefined while all is well. */
  readonly failing: string | undefined
  /** Everything up to here is in the journal, on the disk. */
  durable(lsn: number): void
  /** Projects what is durable, and ends the Worker. */
  stop(): Promise<void>
}

export interface StoreEvents {
  /** The journal may recycle everything up to here. */
  projected(lsn: number): void
  /**
   * A reason while nothing can be projected, undefined when it goes on. Nothing is lost meanwhile: the
   * journal grows up to its limit.
   */
  lagging?(reason: string | undefined): void
  /** Still at what the gateway before left in the journal: so many bytes are done. */
  recovering?(bytes: number): void
  /** The Worker died. Questions reject from here on. */
  gone?(error: StoreError): void
}

/**
 * Starts the Worker on a data directory, projects what the journal has, and recovers. Call before the
 * journal is opened for writing. Rejects with `StoreError`.
 */
export function startStore(data: string, on: StoreEvents, key?: Uint8Array): Promise<StoreClient> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url).href)
  const waiting = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
  >()
  let id_next = 1
  let gone: StoreError | undefined
  let failing: string | undefined
  let stopped: (() => void) | undefined

  let durable_lsn = 0
  let told: ReturnType<typeof setTimeout> | undefined

  const send = (message: ToStore): void => worker.postMessage(message)
  const tell = (): void => {
    if (told === undefined) return
    clearTimeout(told)
    told = undefined
    send({ kind: 'durable', lsn: durable_lsn })
  }
  const ask = <Method extends keyof Reader>(
    method: Method,
    ...parameters: Parameters<Reader[Method]>
  ): ReturnType<Reader[Method]> =>
    new Promise<unknown>((resolve, reject) => {
      if (gone !== undefined) {
        reject(gone)
        return
      }
      const id = id_next++
      waiting.set(id, { resolve, reject })
      // It answers with what is durable by now.
      tell()
      // The pair is a member of the union by this function's own type.
      send({ kind: 'ask', id, ...({ method, parameters } as Question) })
    }) as ReturnType<Reader[Method]> // The Worker answers with the same method's result.

  const end = (error: StoreError): void => {
    if (gone !== undefined) return
    gone = error
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
    stopped?.()
    worker.terminate()
  }

  const clientOf = (recovered: RecoveredState): StoreClient => ({
    recovered,
    get failing() {
      return gone?.message ?? failing
    },
    due: (query) => ask('due', query),
    erasedBy: (id) => ask('erasedBy', id),
    sessions: (query) => ask('sessions', query),
    session: (id) => ask('session', id),
    records: (id, from_seq, limit_bytes) => ask('records', id, from_seq, limit_bytes),
    document: (digest_hex) => ask('document', digest_hex),
    documents: (type) => ask('documents', type),
    log: () => ask('log'),
    logEntries: (from, to) => ask('logEntries', from, to),
    logHashes: (indexes) => ask('logHashes', indexes),
    durable(lsn) {
      durable_lsn = lsn
      told ??= setTimeout(tell, durable_told_ms)
    },
    stop: () =>
      new Promise((resolve) => {
        if (gone !== undefined) {
          resolve()
          return
        }
        stopped = resolve
        tell()
        send({ kind: 'stop' })
      }),
  })

  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data: message }: MessageEvent<FromStore>) => {
      switch (message.kind) {
        case 'opened':
          resolve(clientOf(message.recovered))
          return
        case 'refused': {
          const error = errorOf(message.error)
          reject(error)
          end(error instanceof StoreError ? error : new StoreError('store_io', error.message))
          return
        }
        case 'recovering':
          on.recovering?.(message.bytes)
          return
        case 'projected':
          on.projected(message.lsn)
          return
        case 'lagging':
          failing = message.reason
          on.lagging?.(failing)
          return
        case 'answer':
          waiting.get(message.id)?.resolve(message.value)
          waiting.delete(message.id)
          return
        case 'unanswered':
          waiting.get(message.id)?.reject(errorOf(message.error))
          waiting.delete(message.id)
          return
        case 'stopped':
          end(new StoreError('store_gone', 'the store was stopped'))
      }
    }
    worker.onerror = (event) => {
      const error = new StoreError('store_gone', 'the store stopped', { cause: event })
      reject(error)
      end(error)
      on.gone?.(error)
    }
    send({ kind: 'open', data, key })
  })
}

function errorOf({ code, message }: Failure): Error {
  return code === 'cursor' ? new RangeError(message) : new StoreError(code, message)
}
