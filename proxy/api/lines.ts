/**
 * `GET /api/sessions/:id/lines`: what a session printed as lines of plain text, each with who and when.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { linesOf } from '../../storage/replay/lines.ts'
import { formatTime } from '../../storage/replay/time.ts'
import { type StoredRecords, timeline } from '../../storage/replay/timeline.ts'
import { openSession, storedRecords } from './evidence.ts'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { problemsOf } from './problem.ts'
import { sessionParameter } from './sessions.ts'
import type { StreamGate } from './stream.ts'

const limit_default = 10_000
const limit_max = 1_000_000

const media_type = 'application/jsonl'
const json_lines =
  'one object a line: time (RFC 3339), subject, seq (record in which the line begins), channel, stream (1 output, 2 error output), text'

const route = createRoute({
  method: 'get',
  path: '/api/sessions/{id}/lines',
  tags: ['Sessions'],
  summary: 'Printed lines, masked, without escapes',
  request: {
    params: sessionParameter,
    query: z.object({
      from: z.coerce
        .number()
        .int()
        .min(0)
        .default(0)
        .openapi({ description: 'sequence of a record' }),
      limit: z.coerce.number().int().min(1).max(limit_max).default(limit_default),
    }),
  },
  responses: {
    200: {
      description:
        'JSON lines. When the limit is reached, the last one is `{"next":SEQ}`: go on with `from`; the line that began there comes again',
      content: { [media_type]: { schema: z.string().openapi({ description: json_lines }) } },
    },
    ...problemsOf(400, 401, 403, 404, 410, 503),
  },
})

export function addLines(app: OpenAPIHono<ApiEnv>, ports: ApiPorts, gate: StreamGate): void {
  app.openapi(route, async (context) => {
    const { id } = context.req.valid('param')
    const { from, limit } = context.req.valid('query')
    const { subject } = await openSession(ports, context.get('caller'), id, 'lines', from)
    const stored = storedRecords(ports.reader, id, from)
    const pieces = jsonLines(stored, subject, limit)
    // The framework's type for anything with "json" in its name is one JSON value.
    return gate.respond(context.req.raw, pieces, media_type) as never
  })
}

async function* jsonLines(
  stored: StoredRecords,
  subject: string,
  limit: number,
): AsyncGenerator<string, void> {
  let left = limit
  for await (const { t_us, seq, channel, stream, text } of linesOf(timeline(stored))) {
    if (left-- === 0) {
      yield `${JSON.stringify({ next: seq })}\n`
      return
    }
    yield `${JSON.stringify({ time: formatTime(t_us), subject, seq, channel, stream, text })}\n`
  }
}
