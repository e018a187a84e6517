/** How fast spare segments are prepared: at once while they are few, and beside what people wait for when enough are there. */
import { expect, jest, test } from 'bun:test'
import { prepare_idle_ms, prepare_slice_pause_ms, zero_slice_pause_ms } from '../core/limits.ts'
import { startPreparing } from './preparing.ts'

test('slices follow each other quickly while spares are few, slowly while used ones are filled, and rarely behind that', () => {
  jest.useFakeTimers()
  try {
    let slices = 0
    const told: boolean[] = []
    const journal = { isShort: true, ready: false, more: true }
    const preparing = startPreparing(
      {
        maintainLater(done) {
          slices += 1
          done(journal.more)
        },
        get isShort() {
          return journal.isShort
        },
        get ready() {
          return journal.ready
        },
      },
      (is_failing) => told.push(is_failing),
    )
    const within = (ms: number): number => {
      const before = slices
      jest.advanceTimersByTime(ms)
      return slices - before
    }
    expect(slices).toBe(1)
    expect(within(10 * prepare_slice_pause_ms)).toBe(10)
    Object.assign(journal, { isShort: false, ready: true })
    // The next one was due already.
    expect(within(prepare_slice_pause_ms)).toBe(1)
    expect(within(10 * zero_slice_pause_ms)).toBe(10)
    journal.more = false
    within(zero_slice_pause_ms)
    expect(within(prepare_idle_ms)).toBe(1)
    expect(told.includes(true)).toBe(false)
    journal.ready = false
    within(prepare_idle_ms)
    expect(told.at(-1)).toBe(true)
    preparing.stop()
    expect(within(10 * prepare_idle_ms)).toBe(0)
  } finally {
    jest.useRealTimers()
  }
})
