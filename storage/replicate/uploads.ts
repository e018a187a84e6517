/**
 * Sends planned objects, several at a time, and keeps what the bucket answers.
 *
 * @module
 */
import type { Backlog } from '../store/backlog.ts'
import { sha256Hex } from './body.ts'
import { ReplicaError } from './errors.ts'
import { day_ms, requests_max, retain_margin_ms } from './limits.ts'
import type { Plan, Receipts } from './receipts.ts'
import type { Bucket } from './s3.ts'

export interface UploadParts {
  readonly bucket: Bucket
  readonly receipts: Receipts
  readonly backlog: Backlog
  /** `NAME/LOGID/`. */
  readonly prefix: string
  readonly now_ms: () => number
  /** So much more has arrived. */
  readonly sent: (bytes: number) => void
}

/** An object whose body is at hand, borrowed until it is sent. */
export interface Body {
  readonly plan: Plan
  readonly body: Uint8Array
}

export function bodyOf(plan: Omit<Plan, 'sha256' | 'bytes'>, body: Uint8Array): Body {
  return { plan: { ...plan, sha256: sha256Hex(body), bytes: body.length }, body }
}

/**
 * Plans and sends; resolves when all have arrived and their receipts are on the disk. When one fails, those that
 * arrived have theirs all the same. Objects that were planned before are left out: {@link resend} is for them.
 */
export async function send(bodies: readonly Body[], parts: UploadParts): Promise<void> {
  const fresh = bodies.filter(({ plan }) => !parts.receipts.knows(plan.key))
  if (fresh.length === 0) return
  parts.receipts.plan(fresh.map(({ plan }) => plan))
  await upload(fresh, parts)
}

/** Sends what was planned and has no receipt, with the bytes that were planned. */
export async function resend(
  parts: UploadParts,
  read: (plan: Plan) => Promise<Uint8Array | undefined>,
): Promise<void> {
  const planned = parts.receipts.planned()
  for (let at = 0; at < planned.length; at += requests_max) {
    const bodies: Body[] = []
    for (const plan of planned.slice(at, at + requests_max)) {
      const body = await read(plan)
      if (body === undefined || sha256Hex(body) !== plan.sha256)
        throw new ReplicaError(
          'store_contradicts',
          `${plan.key}: the store no longer has the bytes that were planned for the bucket`,
        )
      bodies.push({ plan, body })
    }
    await upload(bodies, parts)
  }
}

async function upload(bodies: readonly Body[], parts: UploadParts): Promise<void> {
  const { bucket, receipts, prefix, now_ms, sent } = parts
  const versions = new Map<string, string>()
  let failure: unknown
  let next = 0
  const worker = async (): Promise<void> => {
    for (
      let one = bodies[next++];
      one !== undefined && failure === undefined;
      one = bodies[next++]
    ) {
      const { key, retain_days, bytes } = one.plan
      try {
        versions.set(
          key,
          await bucket.put(
            `${prefix}${key}`,
            one.body,
            retain_days === undefined
              ? undefined
              : now_ms() + retain_days * day_ms + retain_margin_ms,
          ),
        )
        sent(bytes)
      } catch (error) {
        failure ??= error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(requests_max, bodies.length) }, worker))
  if (versions.size > 0) receipts.received(versions)
  if (failure !== undefined) throw failure
}
