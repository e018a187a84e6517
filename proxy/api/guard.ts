/**
 * What every request passes before a handler sees it: the host that it names, the caller, the headers of
 * the answer.
 *
 * @module
 */
import { createMiddleware } from 'hono/factory'
import { sessionOf } from '../console/cookie.ts'
import { whyForeign } from '../console/own-request.ts'
import { type Change, changersOf, readableBy } from '../core/duty.ts'
import type { ApiCaller, ApiPorts } from './ports.ts'
import { ProblemError } from './problem.ts'

export interface ApiEnv {
  /** `IP:PORT` of the client, which may be a proxy. */
  Bindings: { source: string }
  Variables: { caller: ApiCaller }
}

type Middleware = ReturnType<typeof createMiddleware<ApiEnv>>

const loopback_hosts: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** Answers are for programs: no browser may frame, sniff, store or lend them. */
const security_headers: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

export function withSecurityHeaders(): Middleware {
  return createMiddleware<ApiEnv>(async (context, next) => {
    await next()
    // A page says what it needs.
    for (const [name, value] of Object.entries(security_headers))
      if (!context.res.headers.has(name)) context.res.headers.set(name, value)
  })
}

/** Refuses a request for another host (RFC 9110, section 15.5.20). */
export function onlyForHosts(hosts: readonly string[]): Middleware {
  const accepted = new Set([...loopback_hosts, ...hosts].map((host) => host.toLowerCase()))
  return createMiddleware<ApiEnv>(async (context, next) => {
    const host = context.req.header('host') ?? new URL(context.req.url).host
    const name = /^(\[[^\]]*\]|[^:]*)(?::[0-9]{1,5})?$/.exec(host.toLowerCase())?.[1]
    if (name === undefined || !accepted.has(name))
      throw new ProblemError({ status: 421, title: 'Misdirected Request' })
    await next()
  })
}

/**
 * A bearer token (RFC 6750), or else the session of a browser. A query parameter never carries a token here: it would be
 * logged.
 */
export function onlyKnownCallers(ports: ApiPorts): Middleware {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const authorization = context.req.header('authorization')
    const session =
      authorization === undefined && ports.console !== undefined
        ? sessionOf(context, ports.console)
        : undefined
    if (session !== undefined && ports.console !== undefined) {
      const token = context.req.header('x-csrf-token') ?? ''
      const why = whyForeign(context.req.raw, ports.console.origin(), session, token)
      if (why !== undefined)
        throw new ProblemError({ status: 403, title: 'Forbidden', detail: why })
      context.set('caller', session.caller)
    } else context.set('caller', await bearerOf(authorization ?? '', context.env.source, ports))
    await next()
  })
}

async function bearerOf(
  authorization: string,
  source: string,
  ports: ApiPorts,
): Promise<ApiCaller> {
  const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1]
  if (bearer === undefined)
    throw unauthorized(
      'a bearer token is needed, an ID token of a provider or one that `sluice token` makes, or a browser that has signed in at /login',
      '',
    )
  const authenticated = await ports.authenticate(bearer, source)
  if (authenticated.ok) return authenticated.caller
  throw unauthorized(authenticated.reason, ', error="invalid_token"')
}

/** As a session names them. Without an issuer, which is a token of the gateway's own, whoever vouched for them. */
export interface Person {
  readonly subject: string
  readonly issuer?: string
}

/** Whether somebody is this person: by their name and by who vouches for it, as two providers may have the same one. */
export const isPerson = ({ subject, issuer }: Person, named: Required<Person>): boolean =>
  subject === named.subject && (issuer === undefined || issuer === named.issuer)

/** Who may read what: auditors everything, people their own sessions, nobody without a role. */
export function readableSubject(caller: ApiCaller): 'everyone' | { readonly only: Person } {
  const readable = readableBy(caller.roles)
  if (readable === 'everyone') return readable
  if (readable === 'own') return { only: caller }
  throw new ProblemError({
    status: 403,
    title: 'Forbidden',
    detail: 'you have no role that may read evidence',
  })
}

/** What only some roles change, and only what policy leaves to this one of them. */
export function mayChange(ports: ApiPorts, caller: ApiCaller, change: Change): void {
  const roles = changersOf(change)
  const detail = !caller.roles.some((role) => roles.includes(role))
    ? `this needs the role ${roles.join(' or ')}`
    : ports.mayConfigure(caller, change)
      ? undefined
      : 'policy does not leave that to you: Action::"configure"'
  if (detail !== undefined) throw new ProblemError({ status: 403, title: 'Forbidden', detail })
}

function unauthorized(detail: string, parameters: string): ProblemError {
  return new ProblemError({
    status: 401,
    title: 'Unauthorized',
    detail,
    headers: { 'www-authenticate': `Bearer realm="sluice"${parameters}` },
  })
}
