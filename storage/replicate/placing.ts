/**
 * Legal holds in the bucket: every object of a session that a hold is over is under S3's own legal hold, and none that no hold is
 * over any more. A little after each round, beside what is sent; what was placed is on the disk, so that a crash repeats at
 * most a request that changes nothing.
 *
 * @module
 */
import { type Hold, isOver } from '../evidence/hold.ts'
import type { Backlog } from '../store/backlog.ts'
import { ReplicaError } from './errors.ts'
import { placed_objects_max, placed_requests_max } from './limits.ts'
import type { Receipts } from './receipts.ts'
import type { Bucket } from './s3.ts'

export interface PlacingParts {
  readonly bucket: Bucket
  readonly backlog: Pick<Backlog, 'heldFacts' | 'isErased'>
  readonly receipts: Pick<Receipts, 'placeable' | 'placed'>
  /** Of the log's keys. */
  readonly prefix: string
}

export class Placing {
  readonly #parts: PlacingParts
  #holds: readonly Hold[] | undefined
  /** Objects up to here are as the holds want them. */
  #done_no = 0
  #reason: string | undefined

  constructor(parts: PlacingParts) {
    this.#parts = parts
  }

  /** Why the bucket does not take them; undefined while it does. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** These are in force from now on. Until it is called nothing is placed, and nothing lifted. */
  use(holds: readonly Hold[]): void {
    this.#holds = holds
    this.#done_no = 0
  }

  /** Some of what is to be done; resolves with whether there may be more. Never rejects for what the bucket says. */
  async step(): Promise<boolean> {
    const holds = this.#holds
    if (holds === undefined) return false
    const { bucket, backlog, receipts, prefix } = this.#parts
    const objects = receipts.placeable(this.#done_no, placed_objects_max)
    const known = new Map<string, boolean | undefined>()
    let requests = 0
    try {
      for (const { no, key, version, subject, held } of objects) {
        // It is on its way: the next round knows its version.
        if (version === null) return false
        if (!known.has(subject)) known.set(subject, isHeld(holds, backlog, subject))
        const wanted = known.get(subject)
        if (wanted !== undefined && wanted !== (held === 1)) {
          if (requests++ >= placed_requests_max) return true
          await bucket.hold(`${prefix}${key}`, version, wanted)
          receipts.placed(no, wanted)
        }
        // Others came meanwhile: all are looked at again.
        if (holds !== this.#holds) return true
        this.#done_no = no
      }
      this.#reason = undefined
      return objects.length === placed_objects_max
    } catch (error) {
      if (!(error instanceof ReplicaError)) throw error
      this.#reason = `${error.code}: ${error.message}`
      return false
    }
  }
}

/**
 * Undefined of a session that is not in the store any more, where the log does not say why, or a hold stands that may be over
 * it: what is left of it stays as it is.
 */
function isHeld(
  holds: readonly Hold[],
  backlog: PlacingParts['backlog'],
  session: string,
): boolean | undefined {
  const facts = backlog.heldFacts(session)
  if (facts !== undefined) return holds.some(({ scope }) => isOver(scope, facts))
  // Whose it was is not known any more.
  const is_free = holds.every(({ scope }) => (scope.session ?? session) !== session)
  return is_free && backlog.isErased(session) ? false : undefined
}
