/**
 * Shreds a session by hand: what is here of it is erased, and the key that its objects in the bucket are encrypted under. A
 * fact of the log first, by which the store erases, and whoever replicates; so a crash in between changes nothing.
 *
 * @module
 */
import type { Shredding } from '../../storage/evidence/erasure.ts'
import { type Hold, type HoldActor, isOver } from '../../storage/evidence/hold.ts'
import type { Release } from '../../storage/evidence/release.ts'
import type { Reader, SessionRow } from '../../storage/store/reader.ts'
import type { ShredResult } from '../api/ports.ts'
import type { Log } from '../log.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { keepsStart, startFactsOf } from './retention.ts'

export interface ShreddingParts {
  readonly reader: Pick<Reader, 'session'>
  readonly recorder: Pick<RecorderClient, 'note' | 'mask'>
  /** Undefined while they are not known: nothing is erased then. */
  readonly holds: () => readonly Hold[] | undefined
  readonly log: Log
}

/** Never rejects for what cannot be recorded. Rejects with a `StoreError`. */
export async function shredSession(
  { reader, recorder, holds, log }: ShreddingParts,
  id: string,
  by: HoldActor,
  asked: string,
  release?: Release,
): Promise<ShredResult> {
  const session = await reader.session(id)
  if (session === undefined) return { ok: false, code: 'unknown', message: 'no such session' }
  try {
    const reason = await recorder.mask(asked)
    const held = holds()
    if (held === undefined)
      return { ok: false, code: 'recording', message: 'it is not known yet what is held' }
    const refusal = whyNotShredded(session, held)
    if (refusal !== undefined) return { ok: false, code: 'refused', message: refusal }
    const facts = startFactsOf(session)
    const keeps_start = keepsStart(facts, held) ? { keeps_start: true } : {}
    // Between the look at the holds and here nobody can set one: who does later is behind it in the log.
    await recorder.note('session.shredded', {
      ...({ session: id, ...keeps_start, reason, by } satisfies Shredding),
      ...(release === undefined ? {} : { release }),
    })
  } catch {
    const message = 'it cannot be recorded now, so nothing is erased'
    return { ok: false, code: 'recording', message }
  }
  log('warn', 'session_shredded', { session: id, by: by.subject })
  return { ok: true }
}

/** Undefined when it may be. */
export function whyNotShredded(session: SessionRow, held: readonly Hold[]): string | undefined {
  const { id, keyed, manifest_digest } = session
  if (keyed !== true)
    return `session ${id} has no key of its own: evidence.shred was off when it began, or it is not replicated`
  if (manifest_digest === undefined) return `session ${id} has not ended`
  const facts = startFactsOf(session)
  const hold = held.find(({ scope }) => isOver(scope, facts))
  return hold === undefined ? undefined : `legal hold ${hold.id} is over session ${id}`
}
