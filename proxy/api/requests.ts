/**
 * `GET /api/requests` and `POST /api/requests/:id/approve|deny|cancel`: commands, grants and releases of evidence that wait
 * for a person.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { formatTime } from '../../storage/replay/time.ts'
import type { ApprovalRequest, Decider, HoldOutcome, VoteRefusal } from '../core/approval.ts'
import { type ApiEnv, isPerson, readableSubject } from './guard.ts'
import { assertionSchema } from './passkeys.ts'
import type { ApiCaller, ApiPorts, EndedRequest } from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

/** A sentence for the requester. */
const comment_characters_max = 500

/** A decision, its comment, and what a passkey signed. */
const body_bytes_max = 16 * 1024

/** How long an answer waits for news: less than what proxies allow, and than a phone sleeps. */
const news_ms = 20_000

/** Each holds a connection and nothing else; who is one too many hears at once how things are. */
const waiting_max = 500

/** Of one answer; each request may have a command of 128 KiB. */
const listed_default = 200
const listed_max = 2_000

const person = z.object({ subject: z.string(), issuer: z.string() })
const requestSchema = z
  .object({
    id: z.string(),
    digest: z.string(),
    session: z.string(),
    release: z.enum(['lift_hold', 'shred']).optional().openapi({
      description: 'what of the evidence is to be let go; `target` is the gateway then',
    }),
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
    spans: z
      .array(z.object({ at: z.int(), length: z.int(), rule: z.string() }))
      .openapi({ description: 'which part of the command, in UTF-16 code units, is which mask' }),
    environment: z
      .record(z.string(), z.string())
      .openapi({ description: 'what of the environment of the client goes with it, masked' }),
    passkey: z.boolean().openapi({ description: 'who approves signs the digest with a passkey' }),
    own: z
      .boolean()
      .openapi({ description: 'the caller made it: they may give it up, and not decide' }),
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

const endedSchema = requestSchema
  .extend({
    outcome: z.enum(['approved', 'denied', 'expired', 'cancelled']),
    by: z.array(person),
    comment: z.string().openapi({ description: 'of who denied it, masked' }),
    ended: z.string().openapi({ format: 'date-time' }),
  })
  .openapi('EndedRequest')

const listRoute = createRoute({
  method: 'get',
  path: '/api/requests',
  tags: ['Requests'],
  summary: 'What waits for an approval, the oldest first: commands, grants, releases of evidence',
  request: {
    query: z.object({
      after: z
        .string()
        .max(64)
        .optional()
        .openapi({
          description: `a version that was seen: the answer waits for another one, ${news_ms / 1_000} s at most`,
        }),
      limit: z.coerce.number().int().min(1).max(listed_max).optional(),
    }),
  },
  responses: {
    200: {
      description:
        'What the caller may see. `ended`: the last of those that wait no more, the newest first',
      content: {
        'application/json': {
          schema: z.object({
            version: z.string(),
            now: z.string().openapi({ format: 'date-time' }),
            requests: z.array(requestSchema),
            more: z.int().openapi({ description: 'that wait besides those listed' }),
            ended: z.array(endedSchema),
          }),
        },
      },
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
  passkey: assertionSchema
    .optional()
    .openapi({ description: 'of a registered passkey of the caller, over the digest' }),
})

const verbs = {
  approve: 'Let the command run',
  deny: 'Do not let the command run',
  cancel: 'Give up a request of your own',
} as const

const decide = (verb: keyof typeof verbs) =>
  createRoute({
    method: 'post',
    path: `/api/requests/{id}/${verb}`,
    tags: ['Requests'],
    summary: verbs[verb],
    request: {
      params: z.object({ id: z.string().regex(/^[0-9a-z]{1,32}$/) }),
      body: { required: true, content: { 'application/json': { schema: decisionBody } } },
    },
    responses: {
      200: {
        description: 'It counts, and is on record. `waiting`: more approvals are needed',
        content: {
          'application/json': {
            schema: z.object({
              id: z.string(),
              state: z.enum(['approved', 'denied', 'cancelled', 'waiting']),
            }),
          },
        },
      },
      ...problemsOf(400, 401, 403, 404, 409, 413, 503),
    },
  })

const linkRoute = createRoute({
  method: 'post',
  path: '/api/requests/link',
  tags: ['Requests'],
  summary: 'Open the request of a link in a message, once; nothing is decided by it',
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.strictObject({ link: z.string().max(256) }) } },
    },
  },
  responses: {
    200: {
      description: 'It is on record who opened it',
      content: { 'application/json': { schema: z.object({ id: z.string() }) } },
    },
    ...problemsOf(400, 401, 403, 404, 410, 413, 503),
  },
})

export function addRequests(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  let waiting = 0
  app.openapi(listRoute, async (context) => {
    const caller = context.get('caller')
    const { after, limit = listed_default } = context.req.valid('query')
    if (after !== undefined && waiting < waiting_max) {
      waiting++
      await ports.feed?.changedAfter(after, news_ms).finally(() => waiting--)
    }
    // Before the list is made: what changes meanwhile is asked for again.
    const version = ports.feed?.version ?? ''
    const all = (await ports.requests?.()) ?? []
    const seen = all
      .filter((request) => maySee(caller, request))
      .toSorted((a, b) => a.requested_us - b.requested_us)
    const ended = (ports.feed?.ended() ?? []).filter(({ request }) => maySee(caller, request))
    return context.json(
      {
        version,
        now: formatTime(Date.now() * 1_000),
        requests: seen.slice(0, limit).map((request) => requestJson(request, caller)),
        more: Math.max(0, seen.length - limit),
        ended: ended.map((each) => endedJson(each, caller)),
      },
      200,
    )
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
  app.openapi(linkRoute, async (context) => {
    const { link } = context.req.valid('json')
    const opened = await ports.openLink?.(link, context.get('caller'))
    if (opened === undefined) throw new ProblemError({ status: 404, title: 'Not Found' })
    if (opened.ok) return context.json({ id: opened.id }, 200)
    const { status, detail } = opened
    throw new ProblemError({ status, title: status === 410 ? 'Gone' : 'Forbidden', detail })
  })
  for (const verb of ['approve', 'deny', 'cancel'] as const)
    app.openapi(decide(verb), async (context) => {
      const { id } = context.req.valid('param')
      const { digest, comment, passkey: assertion } = context.req.valid('json')
      const caller = context.get('caller')
      const { subject, issuer, groups, roles, token } = caller
      const signed =
        assertion === undefined || digest === undefined
          ? undefined
          : await ports.passkeys?.check(caller, digest, assertion)
      if (signed?.ok === false) throw refusal('passkey', signed.reason)
      const result = await ports.vote?.(id, {
        decision: verb,
        approver: {
          ...{ subject, issuer: issuer ?? '', groups: groups ?? [], roles },
          ...(token === undefined ? {} : { credential: token }),
        },
        comment: comment ?? '',
        ...(digest === undefined ? {} : { digest }),
        ...(signed === undefined ? {} : { passkey: signed.passkey }),
      })
      if (result === undefined) throw new ProblemError({ status: 404, title: 'Not Found' })
      if (!result.ok) throw refusal(result.code, result.message)
      return context.json({ id, state: result.state }, 200)
    })
}

/** Who may decide or read evidence sees all; a person sees what they asked for. */
function maySee(caller: ApiCaller, request: ApprovalRequest): boolean {
  if (caller.roles.includes('approver')) return true
  const readable = readableSubject(caller)
  return readable === 'everyone' || isPerson(readable.only, request)
}

function refusal(code: VoteRefusal, detail: string): ProblemError {
  switch (code) {
    case 'unknown':
      return new ProblemError({ status: 404, title: 'Not Found', detail })
    case 'own':
    case 'other':
    case 'role':
    case 'policy':
    case 'passkey':
    case 'group':
      return new ProblemError({ status: 403, title: 'Forbidden', detail })
    case 'twice':
    case 'digest':
    case 'over':
      return new ProblemError({ status: 409, title: 'Conflict', detail })
    case 'recording':
      return new ProblemError({ status: 503, title: 'Service Unavailable', detail })
  }
}

function endedJson(
  { request, outcome, ended_us }: EndedRequest,
  caller: ApiCaller,
): z.infer<typeof endedSchema> {
  return {
    ...requestJson(request, caller),
    outcome: outcome.kind,
    by: deciders(outcome).map(({ subject, issuer }) => ({ subject, issuer })),
    comment: outcome.kind === 'denied' ? outcome.comment : '',
    ended: formatTime(ended_us),
  }
}

const deciders = (outcome: HoldOutcome): readonly Decider[] => ('by' in outcome ? outcome.by : [])

function requestJson(request: ApprovalRequest, caller: ApiCaller): z.infer<typeof requestSchema> {
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
    spans: [...(command.spans ?? [])],
    environment: { ...command.environment },
    own: isPerson(caller, request),
    approvals: approvals.map(({ group, quorum, given }) => ({
      group,
      quorum,
      given: given.map(({ subject, issuer }) => ({ subject, issuer })),
    })),
    requested: formatTime(requested_us),
    expires: formatTime(expires_us),
  }
}
