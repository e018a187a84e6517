/**
 * `/approvals`: the page for who decides about commands that wait, and for who waits. It shows nothing by itself: its
 * script asks the API, as whoever is signed in, or where no provider signs anybody in, with a token that it is given.
 *
 * @module
 */
import type { Hono } from 'hono'
import { html } from 'hono/html'
import { sessionOf } from './cookie.ts'
import { pageResponse } from './frame.ts'
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

export function addApprovals(app: Hono, ports: ConsolePorts): void {
  app.get('/approvals', async (context) => {
    const session = sessionOf(context, ports)
    const { pathname, search } = new URL(context.req.url)
    // A GET changes nothing, also with the link of a message in it.
    if (session === undefined && ports.logins.providers.length > 0)
      return context.redirect(`/login?to=${encodeURIComponent(`${pathname}${search}`)}`, 303)
    return pageResponse({
      title: 'Approvals',
      session,
      body: session === undefined ? html`${token_form}${lists}` : lists,
      scripts: ['/console/approvals.js'],
      styles: ['/console/approvals.css'],
    })
  })
}
