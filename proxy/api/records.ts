/**
 * `GET /api/sessions/:id/records`: the stored records themselves, page by page, so that a caller can hash
 * what was hashed here.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { decodeRecord } from '../../storage/evidence/record.ts'
import { openSession } from './evidence.ts'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { problemsOf } from './problem.ts'
import { sessionParameter } from './sessions.ts'

const limit_bytes_default = 256 * 1024
/** Base64 and JSON make about 2.5 times as much of it. */
const limit_bytes_max = 1024 * 1024

const route = createRoute({
  method: 'get',
  path: '/api/sessions/{id}/records',
  tags: ['Sessions'],
  summary: 'Records of a session, masked, as they are stored',
  request: {
    params: sessionParameter,
    query: z.object({
      from: z.coerce.number().int().min(0).default(0).openapi({ description: 'sequence' }),
      limit_bytes: z.coerce.number().int().min(1).max(limit_bytes_max).default(limit_bytes_default),
    }),
  },
  responses: {
    200: {
      description: 'One page; `next` is the sequence to go on with',
      content: {
        'application/json': {
          schema: z.object({
            records: z.array(
              z.object({
                header: z.record(z.string(), z.unknown()).openapi({
                  description: 'for convenience; hash `stored`, never a re-serialised header',
                }),
                stored: z.string().openapi({
                  description: 'base64 of the stored bytes: header, newline, payload',
                }),
              }),
            ),
            next: z.int().optional(),
          }),
        },
      },
    },
    ...problemsOf(400, 401, 403, 404, 410, 503),
  },
})

export function addRecords(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.openapi(route, async (context) => {
    const { id } = context.req.valid('param')
    const { from, limit_bytes } = context.req.valid('query')
    await openSession(ports, context.get('caller'), id, 'records', from)
    const { records, next } = await ports.reader.records(id, from, limit_bytes)
    const shown = records.map((stored) => {
      const decoded = decodeRecord(stored)
      return {
        // What cannot be read is still shown as it is: verification names what is wrong with it.
        header: decoded.ok ? { ...decoded.header } : {},
        stored: Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('base64'),
      }
    })
    return context.json({ records: shown, ...(next === undefined ? {} : { next }) }, 200)
  })
}
