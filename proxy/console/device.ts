/**
 * `GET /login/device?login=ID`: what a person reads before they sign in for a connection that waits in a terminal: whose
 * it is. A code can be sent to somebody else by whoever began it (RFC 8628, section 5.4); this page shows where that one
 * sits and what they would reach. Where the provider sends browsers back here, the person confirms it once more, beside
 * their own name. It cannot keep a person from doing all that for somebody else's terminal.
 *
 * @module
 */
import type { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { html } from 'hono/html'
import { dropCookie, readCookie } from './cookie.ts'
import { type Html, type Page, pageResponse } from './frame.ts'
import { whyForeign } from './own-request.ts'
import type { ConsolePorts, HeldLogin, WaitingLogin } from './ports.ts'

/** A token and a word. */
const form_bytes_max = 1024

export function addDevice(app: Hono, ports: ConsolePorts): void {
  const { terminals } = ports
  app.get('/login/device', async (context) => {
    const id = context.req.query('login') ?? ''
    const login = await terminals.waiting(id)
    if (login === undefined) return pageResponse(over, 404)
    const held = terminals.held(readCookie(context, ports, 'terminal'))
    return pageResponse(held?.terminal === id ? confirm(login, held) : about(login))
  })

  const limit = bodyLimit({
    maxSize: form_bytes_max,
    onError: () => new Response(null, { status: 413 }),
  })
  app.post('/login/device/answer', limit, async (context) => {
    const cookie = readCookie(context, ports, 'terminal')
    const held = terminals.held(cookie)
    if (held === undefined) return pageResponse(over, 404)
    const form = new URLSearchParams(await context.req.text())
    const token = form.get('csrf_token') ?? ''
    const why = whyForeign(context.req.raw, ports.origin(), held, token)
    if (why !== undefined) return pageResponse(refused(why), 403)
    dropCookie(context, ports, 'terminal')
    const decided = await terminals.decide(cookie, form.get('answer') === 'yes')
    const response = decided.ok
      ? await pageResponse(done)
      : await pageResponse(refused(decided.message), 403)
    for (const set of context.res.headers.getSetCookie()) response.headers.append('set-cookie', set)
    return response
  })
}

const over: Page = {
  title: 'Nobody waits here',
  body: html`<p>This sign-in is over, or has never begun. Connect again, and open the address that your terminal shows then.</p>`,
}

const done: Page = {
  title: 'You are signed in',
  body: html`<p>You are signed in. Go back to your terminal and press Enter.</p>`,
}

const refused = (message: string): Page => ({
  title: 'Nobody was signed in',
  body: html`<p role="alert">${message}</p><p>To try again, connect again.</p>`,
})

const about = (login: WaitingLogin): Page => ({
  title: 'Is this you?',
  body: html`<p>${
    login.purpose === 'login'
      ? html`Somebody has typed <code>sluice login</code> and wants to be you for hours, at everything that you may reach:`
      : 'Somebody has opened a connection and wants to be you on it:'
  }</p>
${facts(login)}
${warning}
<p><a href="${login.url}" class="button" rel="noreferrer noopener">It is me: go on to ${login.provider}</a></p>`,
})

const confirm = (login: WaitingLogin, { subject, csrf_token }: HeldLogin): Page => ({
  title: 'Does your terminal show this code?',
  body: html`<p>${login.provider} says that you are <strong>${subject}</strong>. ${
    login.purpose === 'login'
      ? 'Whoever typed this would be you for hours:'
      : 'This connection would be yours:'
  }</p>
${facts(login)}
${warning}
<form method="post" action="/login/device/answer"><input type="hidden" name="csrf_token" value="${csrf_token}">
<button name="answer" value="yes">Yes, it is mine</button>
<button name="answer" value="no">No, this is not mine</button></form>`,
})

const facts = (login: WaitingLogin): Html => html`<dl>
<dt>from the address</dt><dd>${login.source}</dd>
${login.purpose === 'login' ? '' : place(login)}<dt>with the code</dt><dd>${login.user_code}</dd>
</dl>`

const place = (
  login: WaitingLogin,
): Html => html`<dt>to the target</dt><dd>${login.target === '' ? 'this gateway, to go on from it' : visible(login.target)}</dd>
<dt>as the account</dt><dd>${visible(login.account)}</dd>
`

const warning: Html = html`<p><strong>If you did not just type this yourself, close the page.</strong> Nobody else has a reason to send you
here, whoever they say they are: with your sign-in, they would be you.</p>`

/** A client chooses these names: none of them may turn the text around it. */
const visible = (name: string): string => name.replace(/\p{C}/gu, '\ufffd')
