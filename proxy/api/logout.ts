/**
 * `POST /login/NAME/backchannel-logout`: a provider tells that somebody's sign-in is over (OpenID Connect Back-Channel
 * Logout 1.0, section 2.5). Its signed token is all the authentication there is.
 *
 * @module
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { ProblemError } from './problem.ts'

/** A token, encoded for a form. */
const body_bytes_max = 64 * 1024

export function addLogout(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  const path = '/login/:name/backchannel-logout'
  app.use(
    path,
    bodyLimit({
      maxSize: body_bytes_max,
      onError: () => {
        throw new ProblemError({ status: 413, title: 'Content Too Large' })
      },
    }),
  )
  app.post(path, async (context) => {
    const form = new URLSearchParams(await context.req.text())
    const result = await ports.signedOut?.(
      context.req.param('name'),
      form.get('logout_token') ?? '',
    )
    if (result === undefined) throw new ProblemError({ status: 404, title: 'Not Found' })
    if (result.ok) return context.body(null, 200)
    throw result.code === 'recording'
      ? new ProblemError({ status: 503, title: 'Service Unavailable', detail: result.message })
      : new ProblemError({ status: 400, title: 'Bad Request', detail: result.message })
  })
}
