/**
 * The sessions of this process, of all protocols: each runs until it is over, its identity is, or what it rests on is
 * taken away; and all end when the gateway does. Whoever takes something away has them looked at again.
 *
 * @module
 */
import type { TimedGrant } from '../core/access.ts'
import type { Greeting } from '../core/connector.ts'
import type { EndReason } from '../core/ports.ts'
import type { Login } from '../identity/sign-in-watch.ts'
import { endWhenExpired, endWithGrant } from '../session/expiry.ts'
import { type Session, type SessionPorts, startSession } from '../session/session.ts'

/** Why a session may not go on, with the line that its user sees. */
export interface Ending {
  readonly reason: EndReason
  readonly message: string
}

export interface Running {
  readonly greeting: Greeting
  readonly session: Session
}

export interface Sessions {
  readonly size: number
  /** Sign-ins that those which run rest on. */
  logins(): readonly Login[]
  /** Resolves when the session is over. */
  run(greeting: Greeting, ports: SessionPorts): Promise<void>
  /** Ends each of those that run for which there is a reason. Returns how many. */
  end(why: (running: Running) => Ending | undefined): number
  /** Ends what still runs after `drain_ms`. Resolves when nothing runs, or will not end. */
  stop(drain_ms: number): Promise<void>
}

/** How long sessions that were told to end may take to write their last record. */
const end_ms = 3_000

/**
 * `granted`: something in a session is allowed by a grant. `why`: asked of each session as it begins, as what it rests on may have
 * gone since its client was let in.
 */
export function createSessions(
  now_us: () => number,
  why: (running: Running) => Ending | undefined = () => undefined,
  granted: (greeting: Greeting, grant: TimedGrant) => void = () => {},
): Sessions {
  const sessions = new Set<Running>()
  const endIf = (running: Running, ask: typeof why): boolean => {
    const ending = ask(running)
    if (ending !== undefined) running.session.end(ending.reason, ending.message)
    return ending !== undefined
  }
  return {
    get size() {
      return sessions.size
    },
    async run(greeting, ports) {
      const session = startSession(greeting, {
        ...ports,
        granted(of, grant) {
          endWithGrant(of, grant, now_us)
          endIf({ greeting, session: of }, why)
          granted(greeting, grant)
        },
      })
      const running = { greeting, session }
      sessions.add(running)
      const { ends_us } = greeting.identity
      if (ends_us !== undefined) endWhenExpired(session, ends_us, now_us)
      endIf(running, why)
      await session.ended.finally(() => sessions.delete(running))
    },
    logins: () =>
      [...sessions].flatMap(({ greeting: { identity } }) =>
        identity.login === undefined ? [] : { issuer: identity.issuer, login: identity.login },
      ),
    end: (ask) => [...sessions].filter((running) => endIf(running, ask)).length,
    async stop(drain_ms) {
      const ended = Promise.all([...sessions].map(({ session }) => session.ended.catch(() => {})))
      await Promise.race([ended, Bun.sleep(drain_ms)])
      for (const { session } of sessions) session.end('drained', 'the gateway is being stopped')
      await Promise.race([ended, Bun.sleep(end_ms)])
    },
  }
}
