/**
 * `GET /api/sessions/:id/cast`: one channel as an asciicast, for any player.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { castOf } from '../../storage/replay/cast.ts'
import { findChannel } from '../../storage/replay/channels.ts'
import { timeline } from '../../storage/replay/timeline.ts'
import { openSession, storedRecords } from './evidence.ts'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { notFound, problemsOf } from './problem.ts'
import { sessionParameter } from './sessions.ts'
import type { StreamGate } from './stream.ts'

const media_type = 'application/x-asciicast'

const route = createRoute({
  method: 'get',
  path: '/api/sessions/{id}/cast',
  tags: ['Sessions'],
  summary: 'A recording as asciicast v3, active escapes filtered',
  request: {
    params: sessionParameter,
    query: z.object({
      channel: z.coerce
        .number()
        .int()
        .min(0)
        .optional()
        .openapi({ description: 'without it the first terminal, or else the first channel' }),
    }),
  },
  responses: {
    200: {
      description: 'The recording',
      content: { [media_type]: { schema: z.string() } },
    },
    ...problemsOf(400, 401, 403, 404, 410, 503),
  },
})

export function addCast(app: OpenAPIHono<ApiEnv>, ports: ApiPorts, gate: StreamGate): void {
  app.openapi(route, async (context) => {
    const { id } = context.req.valid('param')
    const wanted = context.req.valid('query').channel
    const session = await openSession(ports, context.get('caller'), id, 'cast')
    const channel = await findChannel(timeline(storedRecords(ports.reader, id)), wanted)
    if (channel === undefined) throw notFound()
    const title = `${session.subject} as ${session.account}@${session.target}`
    const pieces = castOf(timeline(storedRecords(ports.reader, id)), { channel, title })
    return gate.respond(context.req.raw, pieces, media_type)
  })
}
