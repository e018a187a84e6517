/**
 * `GET /saml/NAME/metadata` and `POST /saml/NAME/acs`: what a SAML provider reads of this gateway, and where its page posts
 * to. That post comes from another site, so without the cookies of its browser: a right response goes on as a request of
 * that browser's own, which has them.
 *
 * @module
 */
import type { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ConsolePorts } from './ports.ts'
import { refusalPage } from './refusal.ts'

/** A response in base64 of 256 KiB, written as a form has it, and what is beside it. */
const form_bytes_max = 512 * 1024

export function addSaml(app: Hono, { logins: { saml } }: ConsolePorts): void {
  app.get('/saml/:name/metadata', async (context) => {
    const metadata = await saml.metadata(context.req.param('name'))
    if (metadata === undefined) return context.notFound()
    return new Response(metadata, { headers: { 'content-type': 'application/samlmetadata+xml' } })
  })
  const answer = async (name: string, response: string | undefined): Promise<Response> => {
    const accepted = await saml.accept(name, response)
    if ('allowed' in accepted) return refusalPage(accepted)
    return new Response(null, {
      status: 303,
      headers: { location: `/login/callback${accepted.query}` },
    })
  }
  const limit = bodyLimit({
    maxSize: form_bytes_max,
    onError: (context) => answer(context.req.param('name') ?? '', undefined),
  })
  app.post('/saml/:name/acs', limit, async (context) => {
    const form = new URLSearchParams(await context.req.text())
    return answer(context.req.param('name'), form.get('SAMLResponse') ?? '')
  })
}
