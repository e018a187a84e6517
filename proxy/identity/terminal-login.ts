/**
 * People who have signed in with a browser for a connection that waits in a terminal, and have not said yet that it is
 * theirs: they see its source, target and code beside their own name, and decide.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Proven } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import type { Vouched } from './issuers.ts'
import { device_login_ms, terminal_logins_max } from './limits.ts'
import { mayConnect } from './signed-in.ts'

export interface TerminalLogins {
  /** Gives what the browser keeps; nothing when too many wait. */
  hold(terminal: string, signed_in: Vouched): string | undefined
  held(cookie: string): HeldLogin | undefined
  /** Ends it. `yes`: the connection is theirs. Never rejects; `message` is one line for the person. */
  decide(
    cookie: string,
    yes: boolean,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>
}

export interface HeldLogin {
  /** The connection that they have signed in for, and no other. */
  readonly terminal: string
  readonly subject: string
  readonly csrf_token: string
}

export interface TerminalLoginPorts {
  /** UTC in microseconds. */
  readonly now_us: () => number
  /** Tells the connection who it is; false when nothing waits there any more. */
  readonly settle: (terminal: string, result: Proven | Denial) => Promise<boolean>
}

export function createTerminalLogins({ now_us, settle }: TerminalLoginPorts): TerminalLogins {
  /** In the order of their coming, so of their ends. */
  const waiting = new Map<string, HeldLogin & { signed_in: Vouched; until_us: number }>()
  const forget = (): void => {
    for (const [cookie, { until_us }] of waiting) {
      if (until_us > now_us()) return
      waiting.delete(cookie)
    }
  }
  const random = (): string => randomBytes(32).toString('base64url')
  return {
    hold(terminal, signed_in) {
      forget()
      if (waiting.size >= terminal_logins_max) return undefined
      const cookie = random()
      waiting.set(cookie, {
        terminal,
        subject: signed_in.identity.subject,
        csrf_token: random(),
        signed_in,
        until_us: now_us() + device_login_ms * 1000,
      })
      return cookie
    },
    held(cookie) {
      forget()
      return waiting.get(cookie)
    },
    async decide(cookie, yes) {
      forget()
      const held = waiting.get(cookie)
      waiting.delete(cookie)
      if (held === undefined) return { ok: false, message: 'this sign-in is over' }
      const result = yes ? mayConnect(held.signed_in) : refused
      const is_there = await settle(held.terminal, result)
      if ('allowed' in result) return { ok: false, message: result.message }
      return is_there ? { ok: true } : { ok: false, message: 'nobody waits there any more' }
    },
  }
}

const refused: Denial = {
  allowed: false,
  rule: 'identity.sign_in.refused',
  message: 'the sign-in was refused in the browser',
}
