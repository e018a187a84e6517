/**
 * Who may wait to be authenticated. When the room is full the one that has come the least far goes, and of
 * those the oldest: ten thousand connections that say nothing, or little, do not keep a user out.
 *
 * @module
 */

export interface Admission<T> {
  /** Admits. Returns who has to go for it. */
  enter(who: T): T | undefined
  /** Authenticated, or gone. */
  leave(who: T): void
  readonly size: number
}

/** `progress`: how far somebody has come; 0 for one that has said nothing. */
export function createAdmission<T>(max: number, progress: (who: T) => number): Admission<T> {
  // Sets iterate in the order of insertion: the first is the oldest.
  const waiting = new Set<T>()
  const least = (): T | undefined => {
    let found: T | undefined
    let found_progress = Number.POSITIVE_INFINITY
    for (const who of waiting) {
      const its_progress = progress(who)
      if (its_progress >= found_progress) continue
      found = who
      found_progress = its_progress
      if (found_progress === 0) break
    }
    return found
  }
  return {
    enter(who) {
      const dropped = waiting.size >= max ? least() : undefined
      if (dropped !== undefined) waiting.delete(dropped)
      waiting.add(who)
      return dropped
    },
    leave: (who) => {
      waiting.delete(who)
    },
    get size() {
      return waiting.size
    },
  }
}
