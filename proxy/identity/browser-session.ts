/**
 * Browsers in which somebody is signed in. What they are is kept here; a browser has no more than a random name for
 * it, which ends with the session, with the process, or when its person says so.
 *
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import {
  browser_session_idle_ms,
  browser_sessions_max,
  browser_sessions_per_person_max,
} from './limits.ts'
import type { Caller, Role } from './token.ts'

export interface BrowserSessions {
  /** Gives what the browser keeps, once; nothing when too many people are signed in. */
  open(who: SignedInBrowser): string | undefined
  /** Who it is now. Being asked for keeps it alive. */
  find(cookie: string): BrowserSession | undefined
  /** Idempotent. */
  close(cookie: string): void
}

export interface SignedInBrowser {
  readonly identity: Identity
  readonly roles: readonly Role[]
  /** At most; what the identity ends by itself ends it earlier. */
  readonly page_session_s: number
}

export interface BrowserSession {
  readonly caller: Caller
  /** Pages of the gateway's own know it, and have to send it with whatever changes something. */
  readonly csrf_token: string
  /** UTC in microseconds. */
  readonly ends_us: number
}

export interface BrowserSessionLimits {
  readonly sessions_max?: number
  readonly per_person_max?: number
}

interface Kept extends BrowserSession {
  used_us: number
}

/** `now_us`: UTC in microseconds. */
export function createBrowserSessions(
  now_us: () => number,
  limits: BrowserSessionLimits = {},
): BrowserSessions {
  const { sessions_max = browser_sessions_max, per_person_max = browser_sessions_per_person_max } =
    limits
  /** By digest, in the order of their opening: who reads this memory, or times a look-up, learns no cookie. */
  const kept = new Map<string, Kept>()

  const isOver = ({ ends_us, used_us }: Kept): boolean => {
    const now = now_us()
    return now >= ends_us || now >= used_us + browser_session_idle_ms * 1000
  }
  const makeRoom = ({ issuer, subject }: Identity): boolean => {
    const own: string[] = []
    for (const [name, session] of kept) {
      if (isOver(session)) kept.delete(name)
      else if (session.caller.issuer === issuer && session.caller.subject === subject)
        own.push(name)
    }
    for (const name of own.slice(0, Math.max(0, own.length - per_person_max + 1))) kept.delete(name)
    return kept.size < sessions_max
  }

  return {
    open({ identity, roles, page_session_s }) {
      if (!makeRoom(identity)) return undefined
      const { issuer, subject, groups, credential, login } = identity
      const now = now_us()
      const cookie = randomBytes(32).toString('base64url')
      kept.set(digest(cookie), {
        caller: {
          ...{ issuer, subject, groups, roles, token: credential },
          ...(login === undefined ? {} : { login }),
        },
        csrf_token: randomBytes(32).toString('base64url'),
        ends_us: Math.min(now + page_session_s * 1_000_000, identity.ends_us ?? Infinity),
        used_us: now,
      })
      return cookie
    },
    find(cookie) {
      const name = digest(cookie)
      const session = kept.get(name)
      if (session === undefined) return undefined
      if (isOver(session)) {
        kept.delete(name)
        return undefined
      }
      session.used_us = now_us()
      return session
    },
    close: (cookie) => void kept.delete(digest(cookie)),
  }
}

const digest = (cookie: string): string => createHash('sha256').update(cookie).digest('base64')
