/**
 * Group commit: what was appended since the last one becomes durable together, and only then do its
 * releases and acknowledgements leave, in the order in which they were made.
 *
 * @module
 */
import type { Journal } from '../../storage/journal/journal.ts'
import type { Entry } from '../../storage/journal/segment.ts'
import type { RecorderError } from '../core/errors.ts'
import { commit_bytes_max } from '../core/limits.ts'
import type { Acknowledged, Committed, FromRecorder, Released } from './messages.ts'

export interface GroupPorts {
  readonly journal: Journal
  /** The second argument is what is transferred. */
  post(message: FromRecorder, transfer: ArrayBuffer[]): void
  /** Everything that was appended is durable. */
  durable(): void
  /** Nothing since the last {@link durable} is; nothing of it leaves. */
  failed(error: unknown): void
  /** Holds this thread up, and with it all output. */
  pause(delay_ms: number): void
}

export class Group {
  readonly #ports: GroupPorts
  #items: Committed[] = []
  /** Raw output buffers that were read, to be filled again. */
  #spent: ArrayBuffer[] = []
  #lsn = 0
  #bytes = 0
  #scheduled = false

  constructor(ports: GroupPorts) {
    this.#ports = ports
  }

  append(entry: Entry): void {
    this.#lsn = this.#ports.journal.append(entry)
    this.#bytes += entry.bytes.length
    this.#schedule()
  }

  release(released: Released): void {
    this.#items.push(released)
    this.#schedule()
  }

  ack(ack: number, opened?: Acknowledged['opened']): void {
    this.#items.push({ kind: 'ack', ack, ...(opened === undefined ? {} : { opened }) })
    this.#schedule()
  }

  /** Answers at once: what failed needs no disk. */
  refuse(ack: number, { code, message }: RecorderError): void {
    const items = [{ kind: 'ack', ack, error: { code, message } }] as const
    this.#ports.post({ kind: 'committed', lsn: 0, items, spent: [] }, [])
  }

  spend(buffer: ArrayBuffer): void {
    this.#spent.push(buffer)
  }

  /** Commits when the group is large enough; call between two messages, when every fact is whole. */
  commitIfFull(): void {
    if (this.#bytes >= commit_bytes_max) this.commit()
  }

  commit(): void {
    const { journal, post, durable, failed, pause } = this.#ports
    this.#scheduled = false
    this.#bytes = 0
    const items = this.#items
    this.#items = []
    try {
      journal.commit()
    } catch (error) {
      failed(error)
      return
    }
    durable()
    const delay_ms = lagDelay(journal.backlog_bytes / journal.backlog_bytes_max)
    if (delay_ms > 0) pause(delay_ms)
    const spent = this.#spent
    this.#spent = []
    const transfer = [...spent]
    // The recorder made it, alone in its buffer.
    for (const item of items)
      if (item.kind === 'release') transfer.push(item.bytes.buffer as ArrayBuffer)
    post({ kind: 'committed', lsn: this.#lsn, items, spent }, transfer)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After the messages that are already queued: they share one sync.
    setImmediate(() => {
      if (this.#scheduled) this.commit()
    })
  }
}

/**
 * A store that lags slows output down before the journal is full: nothing below half of the limit, a
 * second for each group at the limit.
 */
function lagDelay(lag: number): number {
  return lag < 0.5 ? 0 : Math.min(1, (lag - 0.5) * 2) ** 2 * 1000
}
