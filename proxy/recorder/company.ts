/**
 * How many sessions are shown something at about the same time: those of the last moments, by windows of time, so that it costs
 * an entry of a set each.
 *
 * @module
 */
import { company_window_ms } from '../core/limits.ts'

export class Company {
  readonly #seen = new Set<number>()
  /** Of the window before. */
  #before = 0
  #since_ms = Number.NEGATIVE_INFINITY

  add(session: number, now_ms: number): void {
    const passed_ms = now_ms - this.#since_ms
    if (passed_ms >= company_window_ms) {
      // Of those before a pause nobody is there any more.
      this.#before = passed_ms < 2 * company_window_ms ? this.#seen.size : 0
      this.#seen.clear()
      this.#since_ms = now_ms
    }
    this.#seen.add(session)
  }

  get size(): number {
    return Math.max(this.#before, this.#seen.size)
  }
}
