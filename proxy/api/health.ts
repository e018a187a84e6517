/**
 * `GET /healthz`: whether this gateway can do its work. For probes, so without a token.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'

const healthSchema = z
  .object({ status: z.enum(['ok', 'failing']), reasons: z.array(z.string()) })
  .openapi('Health')

const content = { 'application/json': { schema: healthSchema } }
const route = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['Health'],
  summary: 'Whether the gateway can do its work',
  security: [],
  responses: {
    200: { description: 'It can', content },
    503: { description: 'It cannot, and why', content },
  },
})

export function addHealth(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.openapi(route, (context) => {
    const { status, reasons } = ports.health()
    return context.json({ status, reasons: [...reasons] }, status === 'ok' ? 200 : 503)
  })
}
