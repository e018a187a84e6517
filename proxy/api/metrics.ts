/**
 * `GET /metrics`: what the gateway counts, for Prometheus. It names nobody, but tells how much happens and what is
 * masked, so it is for auditors: a scraper brings a token.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { type ApiEnv, onlyKnownCallers, readableSubject } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

const route = createRoute({
  method: 'get',
  path: '/metrics',
  tags: ['Health'],
  summary: 'What the gateway and its workers count (Prometheus text format 0.0.4)',
  responses: {
    200: {
      description: 'Metrics',
      content: { 'text/plain': { schema: z.string() } },
    },
    ...problemsOf(401, 403),
  },
})

export function addMetrics(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.use('/metrics', onlyKnownCallers(ports))
  app.openapi(route, async (context) => {
    if (readableSubject(context.get('caller')) !== 'everyone')
      throw new ProblemError({
        status: 403,
        title: 'Forbidden',
        detail: 'metrics are for the roles auditor and admin',
      })
    const { text, content_type } = await ports.metrics()
    return context.text(text, 200, { 'content-type': content_type })
  })
}
