/**
 * The sessions of one listener: each runs until it is over or its identity is, and all end when the gateway does.
 *
 * @module
 */
import type { Greeting } from '../core/connector.ts'
import { endWhenExpired } from '../session/expiry.ts'
import { type Session, type SessionPorts, startSession } from '../session/session.ts'

export interface Sessions {
  readonly size: number
  /** Resolves when the session is over. */
  run(greeting: Greeting, ports: SessionPorts): Promise<void>
  /** Ends what still runs after `drain_ms`. Resolves when nothing runs, or will not end. */
  stop(drain_ms: number): Promise<void>
}

/** How long sessions that were told to end may take to write their last record. */
const end_ms = 3_000

export function createSessions(now_us: () => number): Sessions {
  const sessions = new Set<Session>()
  return {
    get size() {
      return sessions.size
    },
    async run(greeting, ports) {
      const session = startSession(greeting, ports)
      sessions.add(session)
      const { ends_us } = greeting.identity
      if (ends_us !== undefined) endWhenExpired(session, ends_us, now_us)
      await session.ended.finally(() => sessions.delete(session))
    },
    async stop(drain_ms) {
      const ended = Promise.all([...sessions].map((session) => session.ended.catch(() => {})))
      await Promise.race([ended, Bun.sleep(drain_ms)])
      for (const session of sessions) session.end('drained', 'the gateway is being stopped')
      await Promise.race([ended, Bun.sleep(end_ms)])
    },
  }
}
