/**
 * A policy that can be replaced while sessions run: whoever holds it is answered by the newest.
 *
 * @module
 */
import type { StaticPolicy } from './policy.ts'

export interface LivePolicy extends StaticPolicy {
  readonly current: StaticPolicy
  /** All questions from now on are answered by this one. */
  use(next: StaticPolicy): void
}

export function createLivePolicy(first: StaticPolicy): LivePolicy {
  let current = first
  return {
    get current() {
      return current
    },
    get text() {
      return current.text
    },
    get hash() {
      return current.hash
    },
    connect: (...asked) => current.connect(...asked),
    channel: (...asked) => current.channel(...asked),
    capability: (...asked) => current.capability(...asked),
    get demandsTelling() {
      return current.demandsTelling
    },
    judgesTyped: (...asked) => current.judgesTyped(...asked),
    typed: (...asked) => current.typed(...asked),
    get readsObjects() {
      return current.readsObjects
    },
    get epoch() {
      return current.epoch
    },
    statement: (...asked) => current.statement(...asked),
    grantTerms: (...asked) => current.grantTerms(...asked),
    approve: (...asked) => current.approve(...asked),
    reading: (...asked) => current.reading(...asked),
    configuring: (...asked) => current.configuring(...asked),
    use(next) {
      current = next
    },
  }
}
