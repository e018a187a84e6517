/**
 * Sends planned objects, several at a time, and keeps what the bucket answers.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Backlog } from '../store/backlog.ts'
import { sha256Hex } from './body.ts'
import { ReplicaError } from './errors.ts'
import {
  day_ms,
  receipts_batch,
  requests_max,
  retain_margin_ms,
  sending_bytes_max,
} from './limits.ts'
import type { Plan, Receipts } from './receipts.ts'
import type { Bucket } from './s3.ts'

export interface UploadParts {
  readonly bucket: Bucket
  readonly receipts: Receipts
  readonly backlog: Backlog
  /** `NAME/LOGID/`. */
  readonly prefix: string
  readonly now_ms: () => number
  /** Rounds that failed one after the other before this: a line that was too slow is given less at a time. */
  readonly failures: number
  /** So much more has arrived. */
  readonly sent: (bytes: number) => void
}

/** An object whose body is at hand, borrowed until it is sent. */
export interface Body {
  readonly plan: Plan
  readonly body: Uint8Array | Blob
}

export function bodyOf(plan: Omit<Plan, 'sha256' | 'bytes'>, body: Uint8Array): Body {
  return { plan: { ...plan, sha256: sha256Hex(body), bytes: body.length }, body }
}

/** The body is these parts, one after the other; each has memory of its own, and gives it up. */
export function joinedBody(
  plan: Omit<Plan, 'sha256' | 'bytes'>,
  parts: readonly Uint8Array[],
): Body {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  // Copied once, here: a request copies every other body again.
  const body = new Blob(parts as Uint8Array<ArrayBuffer>[]) // None is shared between threads.
  // The next part gets this memory, still warm; left to the collector, it would cost as much as to copy it.
  for (const { buffer, byteLength } of parts)
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
  return { plan: { ...plan, sha256: hash.digest('hex'), bytes: body.size }, body }
}

export class Uploads {
  readonly #parts: UploadParts
  readonly #running = new Set<Promise<void>>()
  #running_bytes = 0
  #versions = new Map<string, string>()
  #failure: unknown

  constructor(parts: UploadParts) {
    this.#parts = parts
  }

  /** Nothing is on its way. */
  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /**
   * Plans and begins to send; resolves when the last of them is on its way. Objects that were planned before are left
   * out: {@link resend} is for them. Rejects when one failed, of these or of those before.
   */
  async add(bodies: readonly Body[]): Promise<void> {
    const { receipts } = this.#parts
    // A session may have been erased since its body was made: then nothing under its key leaves any more.
    const isShredded = ({ subject, secret }: Plan): boolean =>
      secret !== undefined && receipts.keys.isShredded(subject)
    // Several objects of a session may each bring its key.
    const all = new Map(bodies.map((body) => [body.plan.key, body])).values()
    const fresh = [...all].filter(({ plan }) => !receipts.knows(plan.key) && !isShredded(plan))
    if (fresh.length === 0) return
    receipts.plan(fresh.map(({ plan }) => plan))
    for (const body of fresh) await this.#begin(body)
  }

  /** Sends what was planned and has no receipt, with the bytes that were planned. */
  async resend(read: (plan: Plan) => Promise<Uint8Array | undefined>): Promise<void> {
    const { receipts, backlog } = this.#parts
    for (const plan of receipts.planned()) {
      const body = await read(plan)
      // What is erased is sent no more, its key included.
      const is_gone = body === undefined || plan.secret !== undefined
      if (is_gone && backlog.isErased(plan.subject)) {
        receipts.drop(plan.key)
        continue
      }
      if (body === undefined || sha256Hex(body) !== plan.sha256)
        throw new ReplicaError(
          'store_contradicts',
          `${plan.key}: the store no longer has the bytes that were planned for the bucket`,
        )
      await this.#begin({ plan, body })
    }
    await this.settle()
  }

  /** Resolves when all have arrived and their receipts are on the disk. When one failed, the others have theirs. */
  async settle(): Promise<void> {
    await Promise.all(this.#running)
    this.#keep()
    this.#check()
  }

  async #begin(body: Body): Promise<void> {
    const { bytes } = body.plan
    const share = 2 ** -this.#parts.failures
    const isFull = (): boolean =>
      this.#running.size > 0 &&
      (this.#running.size >= requests_max * share ||
        this.#running_bytes + bytes > sending_bytes_max * share)
    while (isFull()) await Promise.race(this.#running)
    this.#check()
    this.#running_bytes += bytes
    if (this.#versions.size >= receipts_batch) this.#keep()
    const sending: Promise<void> = this.#send(body).finally(() => {
      this.#running.delete(sending)
      this.#running_bytes -= bytes
    })
    this.#running.add(sending)
  }

  /** Never rejects. */
  async #send({ plan, body }: Body): Promise<void> {
    const { bucket, prefix, now_ms, sent } = this.#parts
    const { key, retain_days, sha256, bytes } = plan
    const until_ms =
      retain_days === undefined ? undefined : now_ms() + retain_days * day_ms + retain_margin_ms
    try {
      this.#versions.set(key, await bucket.put(`${prefix}${key}`, body, until_ms, sha256))
      sent(bytes)
    } catch (error) {
      this.#failure ??= error
    }
  }

  #keep(): void {
    if (this.#versions.size === 0) return
    const versions = this.#versions
    this.#versions = new Map()
    this.#parts.receipts.received(versions)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
