/**
 * What happened to requests, for those who watch: the API, and who tells others of it.
 *
 * @module
 */
import type { EndedRequest, RequestFeed } from '../api/ports.ts'
import type { DeskChange } from '../core/approval.ts'
import { createClock } from '../core/clock.ts'
import { ended_requests_max } from './limits.ts'

export interface Feed extends RequestFeed {
  changed(change: DeskChange): void
  /** Calls with each change from now on. */
  watch(watcher: (change: DeskChange) => void): void
}

export function createFeed(): Feed {
  const { now_us } = createClock(Date.now, () => performance.now())
  // Versions of another process are none of this one's.
  const process_name = crypto.randomUUID().slice(0, 8)
  let changes = 0
  let ended: readonly EndedRequest[] = []
  let waiting = new Set<() => void>()
  const watchers: ((change: DeskChange) => void)[] = []
  const version = (): string => `${process_name}.${changes}`
  return {
    get version() {
      return version()
    },
    ended: () => ended,
    watch: (watcher) => void watchers.push(watcher),
    changed(change) {
      changes++
      if (change.kind === 'ended') {
        const { request, outcome } = change
        ended = [{ request, outcome, ended_us: now_us() }, ...ended].slice(0, ended_requests_max)
      }
      const wake = waiting
      waiting = new Set()
      for (const each of wake) each()
      for (const watcher of watchers) watcher(change)
    },
    changedAfter(seen, wait_ms) {
      if (seen !== version()) return Promise.resolve()
      return new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(timer)
          waiting.delete(end)
          resolve()
        }
        const timer = setTimeout(end, wait_ms)
        waiting.add(end)
      })
    },
  }
}
