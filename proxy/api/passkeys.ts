/**
 * `GET|POST /api/passkeys`, `POST /api/passkeys/options`, `DELETE /api/passkeys/:id`: the passkeys with which people sign
 * approvals.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { formatTime } from '../../storage/replay/time.ts'
import { type ApiEnv, mayChange } from './guard.ts'
import type { ApiCaller, ApiPorts, Passkeys } from './ports.ts'
import { notFound, ProblemError, problemsOf } from './problem.ts'

/** A key of 4096 bits with an attestation, and the assertion of another. */
const body_bytes_max = 32 * 1024

const text = z.string().max(16 * 1024)

/** `PublicKeyCredential.toJSON()` of an assertion (WebAuthn Level 3, section 5.1.9). */
export const assertionSchema: z.ZodObject = z.object({
  id: text,
  rawId: text,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: text,
    authenticatorData: text,
    signature: text,
    userHandle: text.optional(),
  }),
})

const createdSchema = z.object({
  id: text,
  rawId: text,
  type: z.literal('public-key'),
  response: z.object({ clientDataJSON: text, attestationObject: text }),
})

const passkeySchema = z
  .object({ credential: z.string(), created: z.string().openapi({ format: 'date-time' }) })
  .openapi('Passkey')

const listRoute = createRoute({
  method: 'get',
  path: '/api/passkeys',
  tags: ['Passkeys'],
  summary: 'The passkeys of the caller',
  responses: {
    200: {
      description: 'Public names of theirs',
      content: { 'application/json': { schema: z.object({ passkeys: z.array(passkeySchema) }) } },
    },
    ...problemsOf(401, 404),
  },
})

const optionsRoute = createRoute({
  method: 'post',
  path: '/api/passkeys/options',
  tags: ['Passkeys'],
  summary: 'Begin to register a passkey',
  responses: {
    200: {
      description:
        'For `navigator.credentials`: `create`, and with one that is registered already `get`, as JSON of WebAuthn Level 3',
      content: {
        'application/json': {
          schema: z.object({ create: z.unknown(), get: z.unknown().optional() }),
        },
      },
    },
    ...problemsOf(401, 403, 404, 503),
  },
})

const addRoute = createRoute({
  method: 'post',
  path: '/api/passkeys',
  tags: ['Passkeys'],
  summary: 'Register a passkey',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({ created: createdSchema, assertion: assertionSchema.optional() }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'It is kept, and on record',
      content: { 'application/json': { schema: passkeySchema } },
    },
    ...problemsOf(400, 401, 403, 404, 413, 503),
  },
})

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/passkeys/{id}',
  tags: ['Passkeys'],
  summary:
    'Forget a passkey of anybody, by an administrator: its person may register a first one again',
  request: { params: z.object({ id: z.string().regex(/^[A-Za-z0-9_-]{1,1400}$/) }) },
  responses: {
    200: {
      description: 'It is gone, and that is on record',
      content: { 'application/json': { schema: z.object({ credential: z.string() }) } },
    },
    ...problemsOf(401, 403, 404),
  },
})

export function addPasskeys(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  const passkeys = (): Passkeys => {
    if (ports.passkeys === undefined) throw notFound()
    return ports.passkeys
  }
  app.use(
    '/api/passkeys/*',
    bodyLimit({
      maxSize: body_bytes_max,
      onError: () => {
        throw new ProblemError({ status: 413, title: 'Content Too Large' })
      },
    }),
  )
  app.openapi(listRoute, (context) =>
    context.json({ passkeys: passkeys().list(context.get('caller')).map(passkeyJson) }, 200),
  )
  app.openapi(optionsRoute, async (context) => {
    const caller = context.get('caller')
    onlyApprovers(caller)
    const begun = await passkeys().begin(caller)
    if (begun === undefined)
      throw new ProblemError({
        status: 503,
        title: 'Service Unavailable',
        detail: 'too many passkeys are being registered, or you have as many as one can',
      })
    return context.json(begun, 200)
  })
  app.openapi(addRoute, async (context) => {
    const caller = context.get('caller')
    onlyApprovers(caller)
    const { created, assertion } = context.req.valid('json')
    const added = await passkeys().finish(caller, created, assertion)
    if (!added.ok) throw new ProblemError({ status: 403, title: 'Forbidden', detail: added.reason })
    return context.json(passkeyJson(added), 200)
  })
  app.openapi(removeRoute, async (context) => {
    const caller = context.get('caller')
    mayChange(ports, caller, 'forget_passkey')
    const { id: credential } = context.req.valid('param')
    if (!(await passkeys().remove(caller, credential))) throw notFound()
    return context.json({ credential }, 200)
  })
}

function onlyApprovers(caller: ApiCaller): void {
  if (!caller.roles.includes('approver'))
    throw new ProblemError({
      status: 403,
      title: 'Forbidden',
      detail: 'this needs the role approver',
    })
}

const passkeyJson = ({
  credential,
  created_us,
}: {
  readonly credential: string
  readonly created_us: number
}): z.infer<typeof passkeySchema> => ({ credential, created: formatTime(created_us) })
