/**
 * `POST /api/requests`, `GET /api/grants`, `POST /api/grants/:id/revoke|review`, `/api/revocations`: access for a time, and
 * access that is taken away.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { grant_scopes } from '../core/access.ts'
import { certificate_revoked, serial_max } from '../core/revoked-certificates.ts'
import { type ApiEnv, isPerson, mayChange, readableSubject } from './guard.ts'
import type {
  ApiCaller,
  ApiPorts,
  GrantRefusal,
  GrantResult,
  GrantView,
  NamedCertificate,
} from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

/** A sentence for those who decide, and for who looks later. */
const text_characters_max = 500
const body_bytes_max = 8 * 1024

const one_line = z
  .string()
  .max(text_characters_max)
  .regex(/^[^\p{C}]*$/u)
const name = z.string().regex(/^[^\p{C}]{1,1024}$/u)
const id_params = z.object({ id: z.string().regex(/^[0-9a-z]{1,32}$/) })
const person = z.object({ subject: z.string(), issuer: z.string() })
const time = z.string().openapi({ format: 'date-time' })
const reason_body = z.strictObject({ reason: one_line.optional() })

const grantSchema = z
  .object({
    id: z.string(),
    digest: z.string(),
    state: z.enum(['waiting', 'denied', 'cancelled', 'given', 'revoked', 'expired', 'ended']),
    subject: z.string(),
    issuer: z.string(),
    target: z.string(),
    account: z.string().openapi({ description: 'empty for every account' }),
    scope: z
      .array(z.enum(grant_scopes))
      .openapi({ description: 'empty for all that policy permits' }),
    reason: z.string(),
    break_glass: z.boolean(),
    by: z.array(person),
    requested: time,
    starts: time.optional(),
    ends: time.optional(),
    reviewed: z.boolean(),
    review_wanted: z.boolean(),
  })
  .openapi('Grant')

const revocationSchema = z
  .object({
    id: z.string(),
    issuer: z.string().optional(),
    subject: z.string().optional(),
    credential: z.string().optional(),
    certificate: z
      .object({
        authority: z.string(),
        serial: z.string().optional(),
        key_id: z.string().optional(),
      })
      .optional(),
    session: z.string().optional(),
    ends: time.optional(),
    reason: z.string(),
    by: person,
    revoked: time,
  })
  .openapi('Revocation')

const json = <Schema extends z.ZodType>(schema: Schema) => ({
  'application/json': { schema },
})
const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: json(schema),
})

const id_answer = z.object({ id: z.string() })

/** 0 is what a certificate without a serial has. */
const namedCertificate = z
  .strictObject({
    authority: name
      .optional()
      .openapi({ description: 'of identity.ssh_ca, "gateway" (default), or SHA256:...' }),
    serial: z
      .string()
      .refine((serial) => /^[1-9]\d{0,19}$/.test(serial) && BigInt(serial) <= serial_max)
      .optional(),
    key_id: name.optional(),
  })
  .refine(({ serial, key_id }) => (serial === undefined) !== (key_id === undefined), {
    path: ['serial', 'key_id'],
  })

const routes = {
  request: createRoute({
    method: 'post',
    path: '/api/requests',
    tags: ['Requests'],
    summary: 'Ask for a grant: access to a target for a time',
    request: {
      body: body(
        z.strictObject({
          target: name,
          account: name.optional(),
          scope: z.array(z.enum(grant_scopes)).max(grant_scopes.length).optional(),
          minutes: z.int().min(1),
          reason: one_line.min(1),
          break_glass: z.boolean().optional(),
        }),
      ),
    },
    responses: {
      200: {
        description: '`given`: it runs already, which only break-glass does',
        content: json(
          z.object({ id: z.string(), state: z.enum(['waiting', 'given']), says: z.string() }),
        ),
      },
      ...problemsOf(400, 401, 403, 404, 413, 429, 503),
    },
  }),
  grants: createRoute({
    method: 'get',
    path: '/api/grants',
    tags: ['Grants'],
    summary: 'Grants that are asked for, running, or wait for a review',
    responses: {
      200: {
        description: 'All that the caller may see',
        content: json(z.object({ grants: z.array(grantSchema) })),
      },
      ...problemsOf(401, 403, 404),
    },
  }),
  revokeGrant: createRoute({
    method: 'post',
    path: '/api/grants/{id}/revoke',
    tags: ['Grants'],
    summary: 'End a grant, and the sessions that rest on it',
    request: { params: id_params, body: body(reason_body) },
    responses: {
      200: { description: 'It is revoked', content: json(id_answer) },
      ...problemsOf(400, 401, 403, 404, 413, 503),
    },
  }),
  review: createRoute({
    method: 'post',
    path: '/api/grants/{id}/review',
    tags: ['Grants'],
    summary: 'Say that a break-glass grant was reviewed',
    request: { params: id_params, body: body(z.strictObject({ comment: one_line.optional() })) },
    responses: {
      200: { description: 'It is on record', content: json(id_answer) },
      ...problemsOf(400, 401, 403, 404, 413, 503),
    },
  }),
  revocations: createRoute({
    method: 'get',
    path: '/api/revocations',
    tags: ['Revocations'],
    summary: 'Who has no access any more',
    responses: {
      200: {
        description: 'Those that count',
        content: json(z.object({ revocations: z.array(revocationSchema) })),
      },
      ...problemsOf(401, 403, 404),
    },
  }),
  revoke: createRoute({
    method: 'post',
    path: '/api/revocations',
    tags: ['Revocations'],
    summary: 'Take access away from a person, a credential or a session; what runs ends',
    request: {
      body: body(
        z
          .strictObject({
            issuer: name.optional(),
            subject: name.optional(),
            credential: name.optional(),
            certificate: namedCertificate.optional(),
            session: z.uuid().optional(),
            reason: one_line.optional(),
          })
          .refine(
            ({ subject, credential, certificate, session }) =>
              [subject, credential, certificate, session].filter((each) => each !== undefined)
                .length === 1,
            { path: ['subject', 'credential', 'certificate', 'session'] },
          ),
      ),
    },
    responses: {
      200: { description: 'It counts', content: json(z.object({ id: z.string() })) },
      ...problemsOf(400, 401, 403, 404, 413, 429, 503),
    },
  }),
  restore: createRoute({
    method: 'post',
    path: '/api/revocations/{id}/lift',
    tags: ['Revocations'],
    summary: 'Take a revocation back',
    request: { params: id_params, body: body(reason_body) },
    responses: {
      200: { description: 'It is lifted', content: json(id_answer) },
      ...problemsOf(400, 401, 403, 404, 413, 503),
    },
  }),
} as const

export function addGrants(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  const limited = bodyLimit({
    maxSize: body_bytes_max,
    onError: () => {
      throw new ProblemError({ status: 413, title: 'Content Too Large' })
    },
  })
  for (const path of ['/api/requests', '/api/grants/*', '/api/revocations', '/api/revocations/*'])
    app.use(path, limited)
  const office = (): NonNullable<ApiPorts['access']> => {
    if (ports.access === undefined)
      throw new ProblemError({ status: 404, title: 'Not Found', detail: 'nobody can connect here' })
    return ports.access
  }
  app.openapi(routes.request, async (context) => {
    const caller = context.get('caller')
    needs(caller, ['user', 'approver', 'admin'])
    const { minutes, account, scope, break_glass, ...rest } = context.req.valid('json')
    const asked = await office().request(caller, {
      ...rest,
      account: account ?? '',
      scope: [...new Set(scope)],
      duration_ms: minutes * 60_000,
      break_glass: break_glass ?? false,
    })
    if (!asked.ok) throw refusal(asked.code, asked.message)
    const { id, state, says } = asked
    return context.json({ id, state, says }, 200)
  })
  app.openapi(routes.grants, (context) => {
    const caller = context.get('caller')
    const seen = office()
      .grants()
      .filter((grant) => maySee(caller, grant))
    return context.json(
      { grants: seen.map((each) => ({ ...each, scope: [...each.scope], by: [...each.by] })) },
      200,
    )
  })
  app.openapi(routes.revokeGrant, async (context) => {
    const caller = context.get('caller')
    const { id } = context.req.valid('param')
    const known = office()
      .grants()
      .find((grant) => grant.id === id && maySee(caller, grant))
    // Their own, anybody may give up.
    if (known === undefined || !isPerson(caller, known)) needs(caller, ['approver', 'admin'])
    const { reason = '' } = context.req.valid('json')
    await done(office().revokeGrant(id, caller, reason))
    return context.json({ id: context.req.valid('param').id }, 200)
  })
  app.openapi(routes.review, async (context) => {
    const caller = context.get('caller')
    needs(caller, ['approver', 'auditor', 'admin'])
    const { comment = '' } = context.req.valid('json')
    await done(office().review(context.req.valid('param').id, caller, comment))
    return context.json({ id: context.req.valid('param').id }, 200)
  })
  app.openapi(routes.revocations, (context) => {
    needs(context.get('caller'), ['auditor', 'admin'])
    return context.json({ revocations: [...office().revocations()] }, 200)
  })
  app.openapi(routes.revoke, async (context) => {
    const caller = context.get('caller')
    mayChange(ports, caller, 'revoke')
    const {
      reason = '',
      issuer,
      subject,
      credential,
      certificate,
      session,
    } = context.req.valid('json')
    if (session !== undefined) {
      const facts = await ports.reader.session(session)
      if (facts === undefined || facts.ended_us !== undefined)
        throw refusal('unknown', 'no such session runs')
    }
    const result = await office().revoke(
      {
        ...(issuer === undefined ? {} : { issuer }),
        ...(subject === undefined ? {} : { subject }),
        ...(credential === undefined ? {} : { credential }),
        ...(certificate === undefined ? {} : { certificate: certificateOf(certificate) }),
        ...(session === undefined ? {} : { session }),
        message:
          session !== undefined
            ? 'this session was ended by the administrator of the gateway'
            : certificate !== undefined
              ? certificate_revoked
              : 'your access was revoked: ask the administrator of the gateway',
      },
      caller,
      reason,
    )
    if (!result.ok) throw refusal(result.code, result.message)
    return context.json({ id: result.id ?? '' }, 200)
  })
  app.openapi(routes.restore, async (context) => {
    const caller = context.get('caller')
    mayChange(ports, caller, 'restore')
    const { reason = '' } = context.req.valid('json')
    await done(office().restore(context.req.valid('param').id, caller, reason))
    return context.json({ id: context.req.valid('param').id }, 200)
  })
}

function needs({ roles }: ApiCaller, wanted: ApiCaller['roles']): void {
  if (roles.some((role) => wanted.includes(role))) return
  const detail = `this needs the role ${wanted.join(' or ')}`
  throw new ProblemError({ status: 403, title: 'Forbidden', detail })
}

const certificateOf = ({
  authority,
  serial,
  key_id,
}: z.infer<typeof namedCertificate>): NamedCertificate => ({
  ...(authority === undefined ? {} : { authority }),
  ...(serial === undefined ? {} : { serial }),
  ...(key_id === undefined ? {} : { key_id }),
})

/** Who may decide or read evidence sees all; a person sees their own. */
function maySee(caller: ApiCaller, grant: GrantView): boolean {
  if (caller.roles.includes('approver')) return true
  const readable = readableSubject(caller)
  return readable === 'everyone' || isPerson(readable.only, grant)
}

async function done(asked: Promise<GrantResult>): Promise<void> {
  const result = await asked
  if (!result.ok) throw refusal(result.code, result.message)
}

function refusal(code: GrantRefusal, detail: string): ProblemError {
  switch (code) {
    case 'unknown':
      return new ProblemError({ status: 404, title: 'Not Found', detail })
    case 'denied':
    case 'own':
      return new ProblemError({ status: 403, title: 'Forbidden', detail })
    case 'limit':
      return new ProblemError({ status: 429, title: 'Too Many Requests', detail })
    case 'recording':
      return new ProblemError({ status: 503, title: 'Service Unavailable', detail })
  }
}
