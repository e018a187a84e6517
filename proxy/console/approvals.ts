/**
 * `/approvals`: the page for who decides about commands that wait, and for who waits; `/passkeys`: where who decides
 * registers the keys that sign. They show nothing by themselves: their scripts ask the API.
 *
 * @module
 */
import type { Hono } from 'hono'
import { html } from 'hono/html'
import { sessionOf } from './cookie.ts'
import { type Page, pageResponse } from './frame.ts'
import type { ConsolePorts } from './ports.ts'

const token_form = html`<form id="ask" hidden>
<p><label>A bearer token, as <code>bun run sluice token --role approver</code> prints one
<input type="password" autocomplete="off" spellcheck="false" required></label></p>
<p><button>Open</button></p>
<p>It stays in this page and is gone when you leave it.</p>
<p class="problem" role="alert"></p>
</form>`

const lists = html`<noscript><p>This page needs JavaScript. <code>sluice requests</code> lists the same.</p></noscript>
<p id="link" class="problem" role="alert"></p>
<p id="status" role="status"></p>
<section aria-labelledby="waiting-title"><h2 id="waiting-title">Waiting</h2><ol id="waiting"></ol></section>
<section aria-labelledby="ended-title"><h2 id="ended-title">Lately</h2><ol id="ended"></ol></section>`

const passkeys = html`<p>Some approvals are signed with a passkey: what you approve is then proven by a key that
this gateway does not have.</p>
<ul id="passkeys"></ul>
<form id="add" hidden><button>Register a passkey</button></form>
<p id="status" role="status"></p>
<p id="problem" class="problem" role="alert"></p>`

export function addApprovals(app: Hono, ports: ConsolePorts): void {
  addOwnPage(app, ports, '/approvals', {
    title: 'Approvals',
    body: lists,
    scripts: ['/console/approvals.js'],
  })
  addOwnPage(app, ports, '/passkeys', {
    title: 'Passkeys',
    body: passkeys,
    scripts: ['/console/passkeys.js'],
  })
}

/** A page whose script asks the API: for who is signed in, and where nobody can sign in for who has a token. */
function addOwnPage(
  app: Hono,
  ports: ConsolePorts,
  path: string,
  page: Pick<Page, 'title' | 'body' | 'scripts'>,
): void {
  app.get(path, async (context) => {
    const session = sessionOf(context, ports)
    const { pathname, search } = new URL(context.req.url)
    // A GET changes nothing, also with the link of a message in it.
    if (session === undefined && ports.logins.providers.length > 0)
      return context.redirect(`/login?to=${encodeURIComponent(`${pathname}${search}`)}`, 303)
    return pageResponse({
      ...page,
      session,
      body: session === undefined ? html`${token_form}${page.body}` : page.body,
      styles: ['/console/approvals.css'],
    })
  })
}
