/**
 * `GET /login`, `GET /login/callback` (and, below it, one for each of several providers), `GET` and `POST /logout`: how a browser comes to a session, and how it loses it. Who
 * signs in for a terminal gets no session, but the question whether it is theirs.
 *
 * @module
 */
import type { Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { html } from 'hono/html'
import { dropCookie, keepCookie, readCookie, sessionOf } from './cookie.ts'
import { pageResponse } from './frame.ts'
import { whyForeign } from './own-request.ts'
import type { ConsolePorts } from './ports.ts'
import { refusalPage, signInLink } from './refusal.ts'

/** A form with a token in it. */
const form_bytes_max = 1024

export function addSignIn(app: Hono, ports: ConsolePorts): void {
  app.get('/login', async (context) => {
    const query = new URL(context.req.url).search
    const elsewhere = otherPlace(context, ports)
    if (elsewhere !== undefined) return context.redirect(`${elsewhere}/login${query}`, 303)
    const to = context.req.query('to') ?? '/console'
    const { providers } = ports.logins
    const name =
      context.req.query('provider') ?? (providers.length === 1 ? providers[0] : undefined)
    if (name === undefined) return providersPage(providers, to)
    const begun = await ports.logins.begin(name, { to, terminal: terminalOf(context) })
    if ('allowed' in begun) return refusalPage(begun)
    keepCookie(context, ports, 'login', begun.ticket)
    return context.redirect(begun.url, 303)
  })

  app.get('/login/callback/:name?', async (context) => {
    const ticket = readCookie(context, ports, 'login')
    // Whatever comes of it: a code is for one time.
    dropCookie(context, ports, 'login')
    const signed_in = await ports.logins.finish(
      ticket,
      new URL(context.req.url).search,
      context.req.param('name'),
    )
    if ('allowed' in signed_in) return withCookies(context, await refusalPage(signed_in))
    if (signed_in.terminal !== undefined) {
      const held = ports.terminals.hold(signed_in.terminal, signed_in)
      if (held === undefined) return withCookies(context, await fullPage())
      keepCookie(context, ports, 'terminal', held)
      return context.redirect(`/login/device?login=${signed_in.terminal}`, 303)
    }
    const cookie = ports.sessions.open(signed_in)
    if (cookie === undefined) return withCookies(context, await fullPage())
    // The one before it is nobody's any more.
    ports.sessions.close(readCookie(context, ports, 'session'))
    keepCookie(context, ports, 'session', cookie)
    return context.redirect(signed_in.to, 303)
  })

  app.get('/logout', (context) => {
    const session = sessionOf(context, ports)
    return session === undefined
      ? pageResponse({ title: 'You are signed out', body: signInLink })
      : pageResponse({
          title: 'Sign out?',
          session,
          body: html`<p>You are signed in as <strong>${session.caller.subject}</strong>. The button above ends
that in this browser.</p>`,
        })
  })

  app.post(
    '/logout',
    bodyLimit({ maxSize: form_bytes_max, onError: () => new Response(null, { status: 413 }) }),
    async (context) => {
      const session = sessionOf(context, ports)
      if (session !== undefined) {
        const form = new URLSearchParams(await context.req.text())
        const token = form.get('csrf_token') ?? ''
        const why = whyForeign(context.req.raw, ports.origin(), session, token)
        if (why !== undefined)
          return pageResponse(
            { title: 'You are still signed in', session, body: html`<p role="alert">${why}</p>` },
            403,
          )
        ports.sessions.close(readCookie(context, ports, 'session'))
      }
      dropCookie(context, ports, 'session')
      return context.redirect('/logout', 303)
    },
  )
}

/**
 * The gateway's own origin, where the browser has come by another name: cookies of `localhost` would not come back to
 * `127.0.0.1`. Behind a TLS proxy the name is what that proxy makes of it, and says nothing.
 */
function otherPlace(context: Context, ports: ConsolePorts): string | undefined {
  const origin = ports.origin()
  const { protocol, host } = new URL(origin)
  return protocol === 'http:' && context.req.header('host') !== host ? origin : undefined
}

/** The connection in a terminal that a sign-in is for, where it is the name of one. */
const terminalOf = (context: Context): string | undefined =>
  /^[\w-]{22}$/.exec(context.req.query('terminal') ?? '')?.[0]

function providersPage(providers: readonly string[], to: string): Promise<Response> {
  if (providers.length === 0)
    return pageResponse(
      {
        title: 'Nobody can sign in here',
        body: html`<p>This gateway knows no identity provider: its administrator names one under
<code>identity.oidc</code>. Programs have bearer tokens: <a href="/api/docs">the API</a>.</p>`,
      },
      404,
    )
  const path = (name: string): string =>
    `/login?provider=${encodeURIComponent(name)}&to=${encodeURIComponent(to)}`
  return pageResponse({
    title: 'Sign in',
    body: html`<p>With your account at:</p>
<ul>${providers.map((name) => html`<li><a href="${path(name)}">${name}</a></li>`)}</ul>`,
  })
}

const fullPage = (): Promise<Response> =>
  refusalPage({ rule: 'identity.sign_in.full', message: 'too many people are signed in' })

/** A response of one's own does not have what was set before it. */
function withCookies(context: Context, response: Response): Response {
  for (const cookie of context.res.headers.getSetCookie())
    response.headers.append('set-cookie', cookie)
  return response
}
