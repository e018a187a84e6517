/**
 * `GET /api/sessions` and `/api/sessions/:id`: who did something where, and when.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { formatTime, parseTime } from '../../storage/replay/time.ts'
import { openSession, recordReading } from './evidence.ts'
import { type ApiEnv, type Person, readableSubject } from './guard.ts'
import type { ApiCaller, ApiPorts, SessionFacts, SessionQuery } from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

const limit_default = 50
const limit_max = 200
/** Looked through for one answer where policy hides what is found: some thousand sessions. */
const pages_max = 20

const sessionSchema = z
  .object({
    id: z.uuid(),
    subject: z.string(),
    issuer: z.string(),
    method: z.string(),
    groups: z.array(z.string()),
    protocol: z.string(),
    account: z.string(),
    target: z.string(),
    source: z.string(),
    labels: z.record(z.string(), z.string()),
    started: z.string().openapi({ format: 'date-time' }),
    ended: z.string().optional().openapi({ format: 'date-time' }),
    end_reason: z.string().optional(),
    records: z.int(),
    output_bytes: z.int(),
    start_digest: z.string(),
    envelope_digest: z.string(),
    manifest_digest: z.string().optional(),
  })
  .openapi('Session')

const word = z.string().min(1).max(200)
const time = z
  .string()
  .max(40)
  .refine((text) => parseTime(text) !== undefined, 'expected RFC 3339, or a date')
  .openapi({ format: 'date-time' })

const listRoute = createRoute({
  method: 'get',
  path: '/api/sessions',
  tags: ['Sessions'],
  summary: 'Sessions, newest first',
  request: {
    query: z.object({
      subject: word.optional(),
      group: word.optional(),
      target: word.optional(),
      program: word
        .optional()
        .openapi({ description: 'first word of a command, without its path' }),
      text: word.optional().openapi({ description: 'words of a command or a typed line' }),
      since: time.optional(),
      until: time.optional(),
      canaries: z
        .enum(['hidden', 'only'])
        .default('hidden')
        .openapi({ description: 'Sessions of the gateway with itself' }),
      cursor: z.string().min(1).max(500).optional(),
      limit: z.coerce.number().int().min(1).max(limit_max).default(limit_default),
    }),
  },
  responses: {
    200: {
      description: 'One page; `cursor` leads to the next',
      content: {
        'application/json': {
          schema: z.object({ sessions: z.array(sessionSchema), cursor: z.string().optional() }),
        },
      },
    },
    ...problemsOf(400, 401, 403, 503),
  },
})

export const sessionParameter: z.ZodObject<{ id: z.ZodUUID }> = z.object({ id: z.uuid() })

const oneRoute = createRoute({
  method: 'get',
  path: '/api/sessions/{id}',
  tags: ['Sessions'],
  summary: 'One session',
  request: { params: sessionParameter },
  responses: {
    200: {
      description: 'Its facts',
      content: { 'application/json': { schema: sessionSchema } },
    },
    ...problemsOf(400, 401, 403, 404, 410, 503),
  },
})

export function addSessions(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.openapi(listRoute, async (context) => {
    const caller = context.get('caller')
    const readable = readableSubject(caller)
    const { since, until, ...rest } = context.req.valid('query')
    // Someone else's name asked for by a user finds nothing, as if there were nothing.
    const is_others =
      readable !== 'everyone' && (rest.subject ?? readable.only.subject) !== readable.only.subject
    const query: SessionQuery = {
      ...defined(rest),
      ...defined({ since: micros(since), until: micros(until) }),
      ...(readable === 'everyone' ? {} : personOf(readable.only)),
    }
    await recordReading(ports, caller, 'sessions')
    const { sessions, cursor } = is_others
      ? { sessions: [], cursor: undefined }
      : await readablePage(ports, caller, query)
    return context.json({ sessions: sessions.map(sessionJson), ...defined({ cursor }) }, 200)
  })
  app.openapi(oneRoute, async (context) => {
    const { id } = context.req.valid('param')
    const session = await openSession(ports, context.get('caller'), id, 'facts')
    return context.json(sessionJson(session), 200)
  })
}

/** The first page with anything that the caller may read, or what `cursor` leads on from. */
async function readablePage(
  ports: ApiPorts,
  caller: ApiCaller,
  query: SessionQuery,
): Promise<{ readonly sessions: readonly SessionFacts[]; readonly cursor: string | undefined }> {
  let { cursor } = query
  for (let pages = 0; pages < pages_max; pages++) {
    const asked: SessionQuery = cursor === undefined ? query : { ...query, cursor }
    const page = await ports.reader.sessions(asked).catch(refuseCursor)
    const sessions = page.sessions.filter((session) => ports.mayRead(caller, session, 'facts'))
    cursor = page.cursor
    if (sessions.length > 0 || cursor === undefined) return { sessions, cursor }
  }
  return { sessions: [], cursor }
}

const personOf = ({ subject, issuer }: Person): SessionQuery => ({
  subject,
  ...defined({ issuer }),
})

/** A cursor is only what an earlier page gave. */
function refuseCursor(error: unknown): never {
  if (!(error instanceof RangeError)) throw error
  throw new ProblemError(
    { status: 400, title: 'Bad Request', detail: 'not of its form: cursor' },
    { cause: error },
  )
}

/** Member by member: what a store adds to its rows is not thereby published. */
function sessionJson(session: SessionFacts): z.infer<typeof sessionSchema> {
  const { id, subject, issuer, method, groups, protocol, account, target, source, labels } = session
  const { records, output_bytes, start_digest, envelope_digest, manifest_digest } = session
  const { started_us, ended_us, end_reason } = session
  return {
    id,
    subject,
    issuer,
    method,
    groups: [...groups],
    protocol,
    account,
    target,
    source,
    labels: { ...labels },
    started: formatTime(started_us),
    ...defined({ ended: ended_us === undefined ? undefined : formatTime(ended_us), end_reason }),
    records,
    output_bytes,
    start_digest,
    envelope_digest,
    ...defined({ manifest_digest }),
  }
}

function micros(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseTime(text)
}

/** Without the members that are undefined. */
function defined<T extends Readonly<Record<string, unknown>>>(
  value: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, member]) => member !== undefined)
  // Object.fromEntries forgets which member had which type.
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
