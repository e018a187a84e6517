/**
 * `GET /api/requests` and `POST /api/requests/:id/approve|deny`: commands that wait for a person.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { formatTime } from '../../storage/replay/time.ts'
import type { ApprovalRequest, VoteRefusal } from '../core/approval.ts'
import { type ApiEnv, readableSubject } from './guard.ts'
import type { ApiCaller, ApiPorts } from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

/** A sentence for the requester. */
const comment_characters_max = 500

/** A decision and its comment. */
const body_bytes_max = 8 * 1024

const person = z.object({ subject: z.string(), issuer: z.string() })
const requestSchema = z
  .object({
    id: z.string(),
    digest: z.string(),
    session: z.string(),
    channel: z.int(),
    subject: z.string(),
    issuer: z.string(),
    groups: z.array(z.string()),
    account: z.string(),
    target: z.string(),
    labels: z.record(z.string(), z.string()),
    source: z.string(),
    terminal: z.boolean(),
    command: z.string(),
    masked: z.array(z.string()).openapi({ description: 'rules that masked a part of the command' }),
    rule: z.string(),
    risk: z.string(),
    findings: z.array(z.string()),
    says: z.string(),
    reason: z.string(),
    approvals: z.array(z.object({ group: z.string(), quorum: z.int(), given: z.array(person) })),
    requested: z.string().openapi({ format: 'date-time' }),
    expires: z.string().openapi({ format: 'date-time' }),
  })
  .openapi('Request')

const listRoute = createRoute({
  method: 'get',
  path: '/api/requests',
  tags: ['Requests'],
  summary: 'Commands that wait for an approval, the oldest first',
  responses: {
    200: {
      description: 'All that the caller may see',
      content: { 'application/json': { schema: z.object({ requests: z.array(requestSchema) }) } },
    },
    ...problemsOf(401, 403, 503),
  },
})

const decisionBody = z.strictObject({
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .openapi({ description: 'of the request as it was seen: of another one it is refused' }),
  comment: z
    .string()
    .max(comment_characters_max)
    .regex(/^[^\p{C}]*$/u)
    .optional(),
})

const decide = (verb: 'approve' | 'deny') =>
  createRoute({
    method: 'post',
    path: `/api/requests/{id}/${verb}`,
    tags: ['Requests'],
    summary: verb === 'approve' ? 'Let the command run' : 'Do not let the command run',
    request: {
      params: z.object({ id: z.string().regex(/^[0-9a-z]{1,32}$/) }),
      body: { required: true, content: { 'application/json': { schema: decisionBody } } },
    },
    responses: {
      200: {
        description: 'It counts, and is on record. `waiting`: more approvals are needed',
        content: {
          'application/json': {
            schema: z.object({ id: z.string(), state: z.enum(['approved', 'denied', 'waiting']) }),
          },
        },
      },
      ...problemsOf(400, 401, 403, 404, 409, 413, 503),
    },
  })

export function addRequests(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.openapi(listRoute, async (context) => {
    const caller = context.get('caller')
    const all = (await ports.requests?.()) ?? []
    const seen = all
      .filter((request) => maySee(caller, request))
      .toSorted((a, b) => a.requested_us - b.requested_us)
    return context.json({ requests: seen.map(requestJson) }, 200)
  })
  app.use(
    '/api/requests/*',
    bodyLimit({
      maxSize: body_bytes_max,
      onError: () => {
        throw new ProblemError({ status: 413, title: 'Content Too Large' })
      },
    }),
  )
  for (const verb of ['approve', 'deny'] as const)
    app.openapi(decide(verb), async (context) => {
      const { id } = context.req.valid('param')
      const { digest, comment } = context.req.valid('json')
      const { subject, issuer, groups, roles } = context.get('caller')
      const result = await ports.vote?.(id, {
        decision: verb,
        approver: { subject, issuer: issuer ?? '', groups: groups ?? [], roles },
        comment: comment ?? '',
        ...(digest === undefined ? {} : { digest }),
      })
      if (result === undefined) throw new ProblemError({ status: 404, title: 'Not Found' })
      if (!result.ok) throw refusal(result.code, result.message)
      return context.json({ id, state: result.state }, 200)
    })
}

/** Who may decide or read evidence sees all; a person sees what they asked for. */
function maySee(caller: ApiCaller, { subject }: ApprovalRequest): boolean {
  if (caller.roles.includes('approver')) return true
  const readable = readableSubject(caller)
  return readable === 'everyone' || readable.only.subject === subject
}

function refusal(code: VoteRefusal, detail: string): ProblemError {
  switch (code) {
    case 'unknown':
      return new ProblemError({ status: 404, title: 'Not Found', detail })
    case 'own':
    case 'role':
    case 'policy':
    case 'group':
      return new ProblemError({ status: 403, title: 'Forbidden', detail })
    case 'twice':
    case 'digest':
      return new ProblemError({ status: 409, title: 'Conflict', detail })
    case 'recording':
      return new ProblemError({ status: 503, title: 'Service Unavailable', detail })
  }
}

function requestJson(request: ApprovalRequest): z.infer<typeof requestSchema> {
  const {
    is_terminal,
    command,
    requested_us,
    expires_us,
    groups,
    labels,
    findings,
    approvals,
    ...rest
  } = request
  return {
    ...rest,
    groups: [...groups],
    labels: { ...labels },
    findings: [...findings],
    terminal: is_terminal,
    command: command.text,
    masked: [...command.rules],
    approvals: approvals.map((each) => ({ ...each, given: [...each.given] })),
    requested: formatTime(requested_us),
    expires: formatTime(expires_us),
  }
}
