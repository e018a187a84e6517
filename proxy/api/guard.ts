/**
 * What every request passes before a handler sees it: the host that it names, the caller, the headers of
 * the answer.
 *
 * @module
 */
import { createMiddleware } from 'hono/factory'
import type { ApiCaller, ApiPorts } from './ports.ts'
import { ProblemError } from './problem.ts'

export interface ApiEnv {
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

/** RFC 6750. A query parameter never carries a token here: it would be logged. */
export function onlyWithBearer(ports: ApiPorts): Middleware {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(
      context.req.header('authorization') ?? '',
    )?.[1]
    if (bearer === undefined)
      throw unauthorized(
        'a bearer token is needed: an ID token of a provider, or one that `sluice token` makes',
        '',
      )
    const authenticated = await ports.authenticate(bearer)
    if (!authenticated.ok) throw unauthorized(authenticated.reason, ', error="invalid_token"')
    context.set('caller', authenticated.caller)
    await next()
  })
}

/** As a session names them. Without an issuer, which is a token of the gateway's own, whoever vouched for them. */
export interface Person {
  readonly subject: string
  readonly issuer?: string
}

/** Who may read what: auditors everything, people their own sessions, nobody without a role. */
export function readableSubject(caller: ApiCaller): 'everyone' | { readonly only: Person } {
  if (caller.roles.includes('auditor') || caller.roles.includes('admin')) return 'everyone'
  if (caller.roles.includes('user') || caller.roles.includes('approver')) return { only: caller }
  throw new ProblemError({
    status: 403,
    title: 'Forbidden',
    detail: 'the token has no role that may read evidence',
  })
}

function unauthorized(detail: string, parameters: string): ProblemError {
  return new ProblemError({
    status: 401,
    title: 'Unauthorized',
    detail,
    headers: { 'www-authenticate': `Bearer realm="sluice"${parameters}` },
  })
}
