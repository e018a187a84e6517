/**
 * `GET|POST /api/holds`, `POST /api/holds/:id/lift`, `GET /api/retention`, `POST /api/retention/apply|shred`: what is kept although
 * its time has come, what is let go because it has, and what is erased before.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { parseTime } from '../../storage/replay/time.ts'
import { recordReading, refuseErased } from './evidence.ts'
import { type ApiEnv, mayChange } from './guard.ts'
import type { ApiCaller, ApiPorts, HoldResult } from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

/** A sentence for those who look later: a hold outlives who set it. */
const reason_characters_max = 500
const body_bytes_max = 8 * 1024
/** Of a plan; what is behind these comes when they are gone. */
const planned_max = 1000

const name = z.string().regex(/^[^\p{C}]{1,1024}$/u)
const reason = z
  .string()
  .min(1)
  .max(reason_characters_max)
  .regex(/^[^\p{C}]*$/u)
const time = z
  .string()
  .max(40)
  .refine((text) => parseTime(text) !== undefined, 'expected RFC 3339, or a date')
const shown_time = z.string().openapi({ format: 'date-time' })
const scope = {
  session: z.uuid().optional(),
  subject: name.optional(),
  issuer: name.optional(),
  target: name.optional(),
}

const holdSchema = z
  .object({
    id: z.string(),
    scope: z.object({
      ...scope,
      since: shown_time.optional(),
      until: shown_time.optional(),
    }),
    reason: z.string(),
    by: z.object({ subject: z.string(), issuer: z.string() }),
    set: shown_time,
  })
  .openapi('Hold')

const dueSchema = z
  .object({
    session: z.uuid(),
    subject: z.string(),
    target: z.string(),
    ended: shown_time,
    days: z.int(),
    fate: z.enum(['due', 'held', 'kept']),
    hold: z.string().optional(),
    until: shown_time.optional(),
  })
  .openapi('DueSession')

const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } })

const routes = {
  list: createRoute({
    method: 'get',
    path: '/api/holds',
    tags: ['Retention'],
    summary: 'Legal holds in force',
    responses: {
      200: {
        description: 'All of them',
        content: json(z.object({ holds: z.array(holdSchema) })),
      },
      ...problemsOf(401, 403, 404, 503),
    },
  }),
  set: createRoute({
    method: 'post',
    path: '/api/holds',
    tags: ['Retention'],
    summary: 'Keep what fits, whatever the retention says, until the hold is lifted',
    request: {
      body: {
        required: true,
        content: json(
          z
            .strictObject({ ...scope, since: time.optional(), until: time.optional(), reason })
            .refine(
              ({ session, subject, target, since, until }) =>
                [session, subject, target, since, until].some((each) => each !== undefined),
              { path: ['session', 'subject', 'target', 'since', 'until'] },
            ),
        ),
      },
    },
    responses: {
      200: {
        description: 'It is on record, and counts',
        content: json(z.object({ id: z.string() })),
      },
      ...problemsOf(400, 401, 403, 404, 413, 429, 503),
    },
  }),
  lift: createRoute({
    method: 'post',
    path: '/api/holds/{id}/lift',
    tags: ['Retention'],
    summary: 'Let the retention go on',
    request: {
      params: z.object({ id: z.string().regex(/^[0-9a-z]{1,32}$/) }),
      body: { required: true, content: json(z.strictObject({ reason })) },
    },
    responses: {
      200: { description: 'It is on record', content: json(z.object({ id: z.string() })) },
      202: {
        description: 'It waits for an approval by somebody else, under the name of that request',
        content: json(z.object({ id: z.string(), request: z.string() })),
      },
      ...problemsOf(400, 401, 403, 404, 409, 413, 429, 503),
    },
  }),
  plan: createRoute({
    method: 'get',
    path: '/api/retention',
    tags: ['Retention'],
    summary: 'Sessions whose time has come, and what becomes of them',
    responses: {
      200: {
        description: 'The oldest first, a thousand at most',
        content: json(
          z.object({
            rules: z.array(z.object({ labels: z.record(z.string(), z.string()), days: z.int() })),
            sessions: z.array(dueSchema),
          }),
        ),
      },
      ...problemsOf(401, 403, 404, 503),
    },
  }),
  apply: createRoute({
    method: 'post',
    path: '/api/retention/apply',
    tags: ['Retention'],
    summary: 'Erase those whose time has come now, rather than within hours',
    responses: {
      200: {
        description: 'So many of this process; its workers were told',
        content: json(z.object({ sessions: z.int() })),
      },
      ...problemsOf(401, 403, 404, 503),
    },
  }),
  shred: createRoute({
    method: 'post',
    path: '/api/retention/shred',
    tags: ['Retention'],
    summary:
      "Erase a session before its time, and the key of its copies under lock: they can't be read any more",
    request: {
      body: {
        required: true,
        content: json(z.strictObject({ session: z.uuid(), reason })),
      },
    },
    responses: {
      200: {
        description: 'It is on record, and is being done',
        content: json(z.object({ session: z.uuid() })),
      },
      202: {
        description: 'It waits for an approval by somebody else, under the name of that request',
        content: json(z.object({ session: z.uuid(), request: z.string() })),
      },
      ...problemsOf(400, 401, 403, 404, 409, 413, 429, 503),
    },
  }),
} as const

export function addHolds(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  const limited = bodyLimit({
    maxSize: body_bytes_max,
    onError: () => {
      throw new ProblemError({ status: 413, title: 'Content Too Large' })
    },
  })
  app.use('/api/holds', limited)
  app.use('/api/holds/*', limited)
  const keeping = (): NonNullable<ApiPorts['keeping']> => {
    if (ports.keeping !== undefined) return ports.keeping
    throw new ProblemError({ status: 404, title: 'Not Found', detail: 'nothing is recorded here' })
  }
  app.use('/api/retention/*', limited)
  addShred(app, ports, keeping)
  app.openapi(routes.list, async (context) => {
    needs(context.get('caller'), ['auditor', 'admin'])
    await recordReading(ports, context.get('caller'), 'holds')
    return context.json(
      {
        holds: keeping()
          .holds.list()
          .map((each) => ({ ...each })),
      },
      200,
    )
  })
  app.openapi(routes.set, async (context) => {
    const caller = context.get('caller')
    mayChange(ports, caller, 'hold')
    const { reason: why, since, until, ...rest } = context.req.valid('json')
    const wanted = { ...rest, since: iso(since), until: iso(until) }
    const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
    const id = doneAs(await keeping().holds.set(Object.fromEntries(given), actorOf(caller), why))
    return context.json({ id }, 200)
  })
  app.openapi(routes.lift, async (context) => {
    const caller = context.get('caller')
    mayChange(ports, caller, 'lift_hold')
    const { id } = context.req.valid('param')
    const { reason: why } = context.req.valid('json')
    const result = await keeping().holds.lift(id, actorOf(caller), why)
    doneAs(result)
    if (result.ok && result.request !== undefined)
      return context.json({ id, request: result.request }, 202)
    return context.json({ id }, 200)
  })
  app.openapi(routes.plan, async (context) => {
    const caller = context.get('caller')
    needs(caller, ['auditor', 'admin'])
    await recordReading(ports, caller, 'retention')
    const { rules, sessions } = await keeping().plan(planned_max)
    return context.json(
      {
        rules: rules.map(({ labels, days }) => ({ labels: { ...labels }, days })),
        sessions: await readable(ports, caller, sessions),
      },
      200,
    )
  })
  app.openapi(routes.apply, async (context) => {
    mayChange(ports, context.get('caller'), 'apply_retention')
    try {
      return context.json({ sessions: await keeping().apply() }, 200)
    } catch (error) {
      const detail = 'it cannot be recorded now, so nothing is erased'
      throw new ProblemError(
        { status: 503, title: 'Service Unavailable', detail },
        { cause: error },
      )
    }
  })
}

function addShred(
  app: OpenAPIHono<ApiEnv>,
  ports: ApiPorts,
  keeping: () => NonNullable<ApiPorts['keeping']>,
): void {
  app.openapi(routes.shred, async (context) => {
    const caller = context.get('caller')
    mayChange(ports, caller, 'shred')
    const { session, reason: why } = context.req.valid('json')
    const done = await keeping().shred(session, actorOf(caller), why)
    if (done.ok && done.request !== undefined)
      return context.json({ session, request: done.request }, 202)
    if (done.ok) return context.json({ session }, 200)
    const { message: detail } = done
    switch (done.code) {
      case 'unknown':
        await refuseErased(ports, session)
        throw new ProblemError({ status: 404, title: 'Not Found', detail })
      case 'refused':
        throw new ProblemError({ status: 409, title: 'Conflict', detail })
      case 'limit':
        throw new ProblemError({ status: 429, title: 'Too Many Requests', detail })
      case 'recording':
        throw new ProblemError({ status: 503, title: 'Service Unavailable', detail })
    }
  })
}

/** What policy lets the caller read of. */
async function readable<Due extends { readonly session: string }>(
  ports: ApiPorts,
  caller: ApiCaller,
  all: readonly Due[],
): Promise<Due[]> {
  const facts = await Promise.all(all.map(({ session }) => ports.reader.session(session)))
  return all.filter((_, at) => {
    const session = facts[at]
    return session !== undefined && ports.mayRead(caller, session, 'facts')
  })
}

/** As a start document dates a session: a hold is compared with it as text. */
function iso(text: string | undefined): string | undefined {
  const us = text === undefined ? undefined : parseTime(text)
  return us === undefined ? undefined : new Date(Math.floor(us / 1000)).toISOString()
}

const actorOf = ({ subject, issuer = '' }: ApiCaller) => ({ subject, issuer })

function doneAs(result: HoldResult): string {
  if (result.ok) return result.id
  const { code, message: detail } = result
  if (code === 'unknown') throw new ProblemError({ status: 404, title: 'Not Found', detail })
  if (code === 'refused') throw new ProblemError({ status: 409, title: 'Conflict', detail })
  if (code === 'limit') throw new ProblemError({ status: 429, title: 'Too Many Requests', detail })
  throw new ProblemError({ status: 503, title: 'Service Unavailable', detail })
}

function needs({ roles }: ApiCaller, wanted: ApiCaller['roles']): void {
  if (roles.some((role) => wanted.includes(role))) return
  const detail = `this needs the role ${wanted.join(' or ')}`
  throw new ProblemError({ status: 403, title: 'Forbidden', detail })
}
