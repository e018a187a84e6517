/**
 * `GET /login/device?login=ID`: what a person reads before they sign in for an SSH connection that waits: whose it
 * is. The code of a device authorization can be sent to somebody else by whoever began it (RFC 8628, section 5.4);
 * this page shows where that one sits and what they would reach. It cannot keep a person from signing in all the
 * same, nor keep who began it from reading this page and passing on the link behind it.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { html, raw } from 'hono/html'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts, WaitingLogin } from './ports.ts'

const style =
  'body{font:16px/1.5 sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}' +
  'dt{color:#555}dd{margin:0 0 .7rem;font-weight:bold;overflow-wrap:anywhere}' +
  'a{display:inline-block;padding:.5rem 1rem;border:1px solid}'

/** Nothing but its own style: no script, no form, no frame. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export function addLogin(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.get('/login/device', async (context) => {
    const login = await ports.waitingLogin?.(context.req.query('login') ?? '')
    context.header('content-security-policy', policy)
    const body = login === undefined ? over : about(login)
    return context.html(page(await body), login === undefined ? 404 : 200)
  })
}

type Html = ReturnType<typeof html>

const over: Html = html`<h1>Nobody waits here</h1>
<p>This sign-in is over, or has never begun. Connect again, and open the address that your terminal shows then.</p>`

const about = (login: WaitingLogin): Html =>
  login.purpose === 'login' ? aboutLogin(login) : aboutConnection(login)

const aboutLogin = (login: WaitingLogin): Html => html`<h1>Is this you?</h1>
<p>Somebody has typed <code>sluice login</code> and wants to be you for hours, at everything that you may reach:</p>
<dl>
<dt>from the address</dt><dd>${login.source}</dd>
<dt>with the code</dt><dd>${login.user_code}</dd>
</dl>
${onward(login)}`

const aboutConnection = (login: WaitingLogin): Html => html`<h1>Is this you?</h1>
<p>Somebody has opened an SSH connection and wants to be you on it:</p>
<dl>
<dt>from the address</dt><dd>${login.source}</dd>
<dt>to the target</dt><dd>${login.target === '' ? 'this gateway, to go on from it' : visible(login.target)}</dd>
<dt>as the account</dt><dd>${visible(login.account)}</dd>
<dt>with the code</dt><dd>${login.user_code}</dd>
</dl>
${onward(login)}`

const onward = (
  login: WaitingLogin,
): Html => html`<p><strong>If you did not just type this yourself, close the page.</strong> Nobody else has a reason to send you
here, whoever they say they are: with your sign-in, they would be you.</p>
<p><a href="${login.url}" rel="noreferrer noopener">It is me: go on to ${login.provider}</a></p>`

/** A client chooses these names: none of them may turn the text around it. */
const visible = (name: string): string => name.replace(/\p{C}/gu, '\ufffd')

const page = (body: Awaited<Html>): Html => html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to Sluice</title>
<meta name="viewport" content="width=device-width"><style>${raw(style)}</style></head>
<body>${body}</body></html>
`
