/**
 * Who may wait to be authenticated. When the room is full the oldest goes, those first who have said nothing:
 * ten thousand connections that are opened and left alone do not keep a user out.
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

export function createAdmission<T>(max: number, isSilent: (who: T) => boolean): Admission<T> {
  // Sets iterate in the order of insertion: the first is the oldest.
  const waiting = new Set<T>()
  const oldest = (): T | undefined => {
    for (const who of waiting) if (isSilent(who)) return who
    for (const who of waiting) return who
    return undefined
  }
  return {
    enter(who) {
      const dropped = waiting.size >= max ? oldest() : undefined
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
