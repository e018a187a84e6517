/**
 * Spare segments of the journal, prepared in small slices, so that a switch of segments need not wait for one.
 *
 * @module
 */
import type { Journal } from '../../storage/journal/journal.ts'
import { prepare_idle_ms, prepare_slice_pause_ms, zero_slice_pause_ms } from '../core/limits.ts'

export interface Preparing {
  stop(): void
}

/** `prepared` is told after each slice whether none is ready and none can be made now. */
export function startPreparing(
  journal: Pick<Journal, 'maintainLater' | 'isShort' | 'ready'>,
  prepared: (is_failing: boolean) => void,
): Preparing {
  let timer: ReturnType<typeof setTimeout> | undefined
  let is_stopped = false
  const slice = (): void => journal.maintainLater(next)
  const next = (more: boolean): void => {
    if (is_stopped) return
    const pause_ms = journal.isShort ? prepare_slice_pause_ms : zero_slice_pause_ms
    timer = setTimeout(slice, more ? pause_ms : prepare_idle_ms)
    prepared(!journal.ready && !more)
  }
  slice()
  return {
    stop() {
      is_stopped = true
      clearTimeout(timer)
    },
  }
}
