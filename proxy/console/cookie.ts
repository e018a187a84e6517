/**
 * The cookies of a browser: who is signed in, what a sign-in under way has to match, and who has signed in for a terminal.
 *
 * @module
 */
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { ConsolePorts, ConsoleSession } from './ports.ts'

type CookieKind = 'session' | 'login' | 'terminal'

/** A cookie that is believed has at most so many characters; those of a sign-in are the longer ones. */
const cookie_characters_max = 4096

/** RFC 6265bis: `Lax` comes along when a person follows a link, from a provider or a chat; a post of another site has it not. */
const attributes = { httpOnly: true, sameSite: 'Lax', path: '/' } as const

export function readCookie(context: Context, ports: ConsolePorts, kind: CookieKind): string {
  const value = getCookie(context, nameOf(ports, kind)) ?? ''
  return value.length <= cookie_characters_max ? value : ''
}

export function keepCookie(
  context: Context,
  ports: ConsolePorts,
  kind: CookieKind,
  value: string,
): void {
  setCookie(context, nameOf(ports, kind), value, { ...attributes, secure: isSecure(ports) })
}

export function dropCookie(context: Context, ports: ConsolePorts, kind: CookieKind): void {
  deleteCookie(context, nameOf(ports, kind), { ...attributes, secure: isSecure(ports) })
}

/** Who is signed in there. */
export function sessionOf(context: Context, ports: ConsolePorts): ConsoleSession | undefined {
  const cookie = readCookie(context, ports, 'session')
  return cookie === '' ? undefined : ports.sessions.find(cookie)
}

/**
 * `__Host-` (RFC 6265bis, section 4.1.3.2): no other host and no plaintext answer can put one there. Cookies
 * know no ports, so on loopback, where that prefix is not to be had, the name keeps two gateways apart.
 */
function nameOf(ports: ConsolePorts, kind: CookieKind): string {
  return isSecure(ports)
    ? `__Host-sluice-${kind}`
    : `sluice-${kind}-${new URL(ports.origin()).port}`
}

const isSecure = (ports: ConsolePorts): boolean => ports.origin().startsWith('https:')
