/**
 * The web pages for people: they sign in here, and a page of theirs asks the same API as a program does.
 *
 * @module
 */
import { Hono } from 'hono'
import { html } from 'hono/html'
import { addApprovals } from './approvals.ts'
import { sessionOf } from './cookie.ts'
import { addDevice } from './device.ts'
import { assets, pageResponse } from './frame.ts'
import type { ConsolePorts, ConsoleSession } from './ports.ts'
import { addSaml } from './saml.ts'
import { addSignIn } from './sign-in.ts'

export type * from './ports.ts'

export function consoleApp(ports: ConsolePorts): Hono {
  const app = new Hono()
  for (const [path, file] of Object.entries(assets))
    app.get(path, () => new Response(Bun.file(file)))
  addSignIn(app, ports)
  addDevice(app, ports)
  addSaml(app, ports)
  app.get('/', (context) => context.redirect('/console', 303))
  addApprovals(app, ports)
  addPage(app, ports, '/console', (session) => pageResponse(homePage(session)))
  return app
}

/** A page for people who are signed in: whoever is not does that first, and comes back. */
export function addPage(
  app: Hono,
  ports: ConsolePorts,
  path: string,
  show: (session: ConsoleSession, request: Request) => Response | Promise<Response>,
): void {
  app.get(path, (context) => {
    const session = sessionOf(context, ports)
    if (session !== undefined) return show(session, context.req.raw)
    const { pathname, search } = new URL(context.req.url)
    return context.redirect(`/login?to=${encodeURIComponent(`${pathname}${search}`)}`, 303)
  })
}

const homePage = (session: ConsoleSession): Parameters<typeof pageResponse>[0] => {
  const { subject, issuer, groups = [], roles } = session.caller
  return {
    title: 'Sluice',
    session,
    body: html`<dl>
<dt>You are</dt><dd>${subject}</dd>
<dt>says</dt><dd>${issuer ?? ''}</dd>
<dt>in the groups</dt><dd>${groups.length === 0 ? 'none' : groups.join(', ')}</dd>
<dt>with the roles</dt><dd>${roles.join(', ')}</dd>
<dt>until</dt><dd>${new Date(session.ends_us / 1000).toISOString()}</dd>
</dl>`,
  }
}
