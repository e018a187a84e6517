/**
 * `GET /healthz`: whether this gateway can do its work. For probes, so without a token.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'

const healthSchema = z
  .object({
    status: z.enum(['ok', 'failing']),
    reasons: z.array(z.string()),
    replication: z
      .object({
        mode: z.enum(['required', 'queued']),
        append_only: z.boolean().openapi({ description: 'The bucket kept what it was tried with' }),
        lag_s: z.int().openapi({ description: 'Age of the oldest record that waits' }),
        queued_bytes: z.int(),
        sent_bytes: z.int(),
        sent_objects: z.int(),
      })
      .optional()
      .openapi({ description: 'Absent where evidence is local' }),
  })
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
    const { status, reasons, replication } = ports.health()
    const remote = replication === undefined ? {} : { replication: { ...replication } }
    return context.json({ status, reasons: [...reasons], ...remote }, status === 'ok' ? 200 : 503)
  })
}
