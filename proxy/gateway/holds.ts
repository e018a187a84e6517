/**
 * Legal holds of the whole gateway: read from its log at the start, and kept in it.
 *
 * @module
 */
import { openDocument } from '../../storage/evidence/document.ts'
import {
  type Hold,
  type HoldActor,
  type HoldScope,
  readHold,
  readLift,
} from '../../storage/evidence/hold.ts'
import type { Release } from '../../storage/evidence/release.ts'
import type { Reader } from '../../storage/store/reader.ts'
import type { HoldResult, HoldsPort, HoldView } from '../api/ports.ts'
import type { Log } from '../log.ts'
import { newId } from '../policy/request-id.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { holds_max } from './limits.ts'

export interface HoldParts {
  readonly store: Pick<Reader, 'documents'>
  readonly recorder: Pick<RecorderClient, 'note' | 'mask'>
  readonly now_us: () => number
  /** Called with those in force: before one that is set is on record, and after one that is lifted is. */
  changed(holds: readonly Hold[]): void
  readonly log: Log
}

interface KnownHold extends Hold {
  readonly at_us: number
}

export interface Holds extends HoldsPort {
  standing(): readonly Hold[]
  /** `release`: who agreed. */
  lift(id: string, by: HoldActor, reason: string, release?: Release): Promise<HoldResult>
}

/** Rejects with a `StoreError`. */
export async function openHolds(parts: HoldParts): Promise<Holds> {
  const { recorder, log, now_us } = parts
  const holds = await readHolds(parts)
  const tell = (): void => parts.changed([...holds.values()])
  tell()
  const not_recorded = {
    ok: false,
    code: 'recording',
    message: 'it cannot be recorded now, so nothing has changed',
  } as const

  const set = async (scope: HoldScope, by: HoldActor, asked: string) => {
    if (holds.size >= holds_max)
      return { ok: false, code: 'limit', message: `there are ${holds_max} legal holds` } as const
    const id = newId(holds, 7, 'h')
    const at_us = now_us()
    try {
      const reason = await recorder.mask(asked)
      // Whoever erases respects it from here on: what the log has behind it was not erased in spite of it.
      holds.set(id, { id, scope, reason, by, at_us })
      tell()
      await recorder.note('hold.set', { hold: id, scope, reason, by, at_us })
    } catch {
      holds.delete(id)
      tell()
      return not_recorded
    }
    log('info', 'hold_set', { hold: id, by: by.subject })
    return { ok: true, id } as const
  }
  const lift: Holds['lift'] = async (id, by, asked, release) => {
    if (!holds.has(id))
      return { ok: false, code: 'unknown', message: 'no such legal hold' } as const
    try {
      const reason = await recorder.mask(asked)
      const at_us = now_us()
      await recorder.note('hold.lifted', {
        ...{ hold: id, reason, by, at_us },
        ...(release === undefined ? {} : { release }),
      })
    } catch {
      return not_recorded
    }
    holds.delete(id)
    tell()
    log('warn', 'hold_lifted', { hold: id, by: by.subject })
    return { ok: true, id } as const
  }
  return {
    set,
    lift,
    list: () => [...holds.values()].map(viewOf),
    standing: () => [...holds.values()],
  }
}

async function readHolds({ store, log }: HoldParts): Promise<Map<string, KnownHold>> {
  const holds = new Map<string, KnownHold>()
  for (const { bytes, digest } of await store.documents('hold.set')) {
    const facts = openDocument(bytes) ?? {}
    const hold = readHold(facts)
    const at_us = facts['at_us']
    if (hold === undefined) log('error', 'hold_unreadable', { digest })
    else holds.set(hold.id, { ...hold, at_us: typeof at_us === 'number' ? at_us : 0 })
  }
  for (const { bytes } of await store.documents('hold.lifted')) {
    const lift = readLift(openDocument(bytes) ?? {})
    if (lift !== undefined) holds.delete(lift.hold)
  }
  return holds
}

const viewOf = ({ id, scope, reason, by, at_us }: KnownHold): HoldView => ({
  ...{ id, scope, reason, by },
  set: new Date(Math.floor(at_us / 1000)).toISOString(),
})
