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
import type {
  Acknowledged,
  Committed,
  FromRecorder,
  Measured,
  Released,
  Stopped,
} from './messages.ts'

export interface GroupPorts {
  readonly journal: Journal
  post(message: FromRecorder): void
  /** Everything that was said so far is appended, and goes into this commit. What is returned is called when it is durable. */
  mark(): () => void
  /** Nothing since what was last durable is; nothing of it leaves. */
  failed(error: unknown): void
  /** A commit by another thread is over, one way or the other: there may be room again. */
  settled(): void
  /** Holds this thread up, and with it all output. */
  pause(delay_ms: number): void
  now_ms(): number
  /** Commits from this size on are written by another thread. */
  readonly later_bytes_min: number
}

export class Group {
  readonly #ports: GroupPorts
  #items: Committed[] = []
  /** Buffers that the other side is to fill again. */
  #spent: ArrayBuffer[] = []
  #lsn = 0
  #bytes = 0
  #scheduled = false
  /** A commit is being written by another thread. */
  #writing = false
  /** Since the last one: masks by rule, and whether the log was signed. */
  #masked: Record<string, number> = {}
  #signed = false

  constructor(ports: GroupPorts) {
    this.#ports = ports
  }

  append(entry: Entry): void {
    if (entry.kind === 'checkpoint') this.#signed = true
    this.#appended(this.#ports.journal.append(entry), entry.bytes.length)
  }

  record(session: string, seq: number, bytes: Uint8Array): void {
    this.#appended(this.#ports.journal.appendRecord(session, seq, bytes), bytes.length)
  }

  /** A record has a mask of that rule. */
  masked(rule: string, times = 1): void {
    this.#masked[rule] = (this.#masked[rule] ?? 0) + times
  }

  release(released: Released | Stopped): void {
    this.#items.push(released)
    this.schedule()
  }

  ack(ack: number, answer: Omit<Acknowledged, 'kind' | 'ack' | 'error'> = {}): void {
    this.#items.push({ kind: 'ack', ack, ...answer })
    this.schedule()
  }

  /** Answers in its place behind what was recorded before. */
  refuseLater(ack: number, { code, message }: RecorderError): void {
    this.#items.push({ kind: 'ack', ack, error: { code, message } })
    this.schedule()
  }

  /** Answers at once: what failed needs no disk. */
  refuse(ack: number, { code, message }: RecorderError): void {
    const items = [{ kind: 'ack', ack, error: { code, message } }] as const
    this.#ports.post({ kind: 'committed', lsn: 0, items, spent: [] })
  }

  spend(buffer: ArrayBuffer): void {
    this.#spent.push(buffer)
  }

  /** A full group waits for the one before it: nothing more should be appended. */
  get isFull(): boolean {
    return this.#writing && this.#bytes >= commit_bytes_max
  }

  get isWriting(): boolean {
    return this.#writing
  }

  /** Commits when the group is large enough; call between two messages, when every fact is whole. */
  commitIfFull(): void {
    if (this.#bytes >= commit_bytes_max) this.commit()
  }

  /** Commits now, or when the commit that is under way is over. */
  commit(): void {
    if (this.#writing) return
    const { journal, mark, settled, later_bytes_min } = this.#ports
    const durable = mark()
    this.#scheduled = false
    const bytes = this.#bytes
    this.#bytes = 0
    const items = this.#items
    this.#items = []
    const lsn = this.#lsn
    const [masked, signed, begun_ms] = [this.#masked, this.#signed, this.#ports.now_ms()]
    this.#masked = {}
    this.#signed = false
    const settle = (error: unknown): void => {
      const took_ms = this.#ports.now_ms() - begun_ms
      if (error === undefined) this.#leave(items, lsn, durable, { took_ms, signed, masked })
      else this.#fail(error)
    }
    try {
      // What another thread writes is in nobody's way, but takes longer to come back than a key should.
      if (bytes < later_bytes_min) {
        journal.commit()
        settle(undefined)
        return
      }
      this.#writing = true
      journal.commitLater((error) => {
        this.#writing = false
        settle(error)
        if (this.#scheduled) this.commit()
        settled()
      })
    } catch (error) {
      this.#writing = false
      settle(error)
    }
  }

  #leave(items: readonly Committed[], lsn: number, durable: () => void, measured: Measured): void {
    const { journal, post, pause } = this.#ports
    durable()
    const delay_ms = lagDelay(journal.backlog_bytes / journal.backlog_bytes_max)
    if (delay_ms > 0) pause(delay_ms)
    const spent = this.#spent
    this.#spent = []
    post({ kind: 'committed', lsn, items, spent, measured })
  }

  /** What was appended meanwhile stood on it, and is gone with it. */
  #fail(error: unknown): void {
    this.#items = []
    this.#bytes = 0
    // Its number is no entry's: a reader that was told of it would take what the disk has there for one.
    this.#lsn = 0
    this.#ports.failed(error)
  }

  #appended(lsn: number, bytes: number): void {
    this.#lsn = lsn
    this.#bytes += bytes
    this.schedule()
  }

  /** A commit is due. */
  schedule(): void {
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
