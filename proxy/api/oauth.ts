/**
 * `POST /api/device_authorization` (RFC 8628, section 3.1) and `POST /api/token`: a command line signs its user in, and
 * a job exchanges the ID token of its forge (RFC 8693). Both are there without a bearer token, which they give.
 *
 * @module
 */
import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts, IssuedToken, Made } from './ports.ts'
import { ProblemError } from './problem.ts'

/** A token of 32 KiB, in the encoding of forms. */
const body_bytes_max = 64 * 1024
/** What the gateway answers to a poll that came too soon counts this as soon enough. */
const interval_s = 1

const device_grant = 'urn:ietf:params:oauth:grant-type:device_code'
const exchange_grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const token_type = 'urn:ietf:params:oauth:token-type:'
/** What the token is called changes nothing: who signed it says what it is. */
const subject_token_types: readonly string[] = ['id_token', 'jwt', 'access_token'].map(
  (each) => token_type + each,
)
const audiences = ['sluice-api', 'sluice-database'] as const

const errorSchema = z.object({ error: z.string(), error_description: z.string().optional() })

export function addOauth(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  describe(app)
  const limit = bodyLimit({
    maxSize: body_bytes_max,
    onError: () => {
      throw new ProblemError({ status: 413, title: 'Content Too Large' })
    },
  })
  app.post('/api/device_authorization', limit, async (context) => {
    const form = await formOf(context.req.raw)
    const credentials = ports.credentials
    const [first] = credentials?.providers ?? []
    if (form === undefined)
      return refusal('invalid_request', 'not a form, or a name is twice in it')
    if (credentials === undefined || first === undefined)
      return refusal('unauthorized_client', 'there is no provider to sign in at: use a token')
    // RFC 8628, section 3.1 wants a client's id: it says here at which provider its user signs in.
    const provider = form.get('client_id') ?? first
    if (!credentials.providers.includes(provider))
      return refusal('invalid_client', `no such provider: ${credentials.providers.join(', ')}`)
    const begun = await credentials.beginLogin(provider, context.env.source)
    if (!begun.ok) return refusal(begun.code, begun.reason)
    const { device_code, user_code, url, expires_s } = begun.value
    const uri = { verification_uri: url, verification_uri_complete: url }
    return Response.json({
      ...{ device_code, user_code, ...uri, expires_in: expires_s, interval: interval_s },
      provider,
    })
  })
  app.post('/api/token', limit, async (context) => {
    const form = await formOf(context.req.raw)
    const { source } = context.env
    if (form === undefined || ports.credentials === undefined)
      return refusal('invalid_request', 'not a form, or a name is twice in it')
    switch (form.get('grant_type')) {
      case device_grant:
        return answer(await ports.credentials.pollLogin(form.get('device_code') ?? '', source))
      case exchange_grant: {
        const { credentials } = ports
        const audience = audiences.find((each) => each === (form.get('audience') ?? 'sluice-api'))
        if (audience === undefined)
          return refusal('invalid_target', `audience is one of ${audiences.join(', ')}`)
        if (!subject_token_types.includes(form.get('subject_token_type') ?? ''))
          return refusal(
            'invalid_request',
            `subject_token_type is one of ${subject_token_types.join(', ')}`,
          )
        if (form.has('actor_token'))
          return refusal('invalid_request', 'nobody acts for another here')
        const certificate = form.get('certificate') ?? undefined
        if (certificate !== undefined && !isBinding(certificate, audience))
          return refusal(
            'invalid_request',
            'certificate is the base64url of a SHA-256, of a token for databases',
          )
        const jwt = form.get('subject_token') ?? ''
        return answer(await credentials.exchange(jwt, audience, source, certificate), audience)
      }
      default:
        return refusal('unsupported_grant_type', `expected ${device_grant} or ${exchange_grant}`)
    }
  })
}

/** RFC 8705, section 3.1. */
const isBinding = (certificate: string, audience: string): boolean =>
  audience === 'sluice-database' && /^[A-Za-z0-9_-]{43}$/.test(certificate)

function answer(made: Made<IssuedToken>, exchanged?: (typeof audiences)[number]): Response {
  if (!made.ok) return refusal(made.code, made.reason)
  const { jwt, expires_s } = made.value
  const expires_in = Math.max(0, expires_s - Math.floor(Date.now() / 1000))
  return Response.json({
    access_token: jwt,
    // A password of databases is no bearer token (RFC 8693, section 2.2.1).
    token_type: exchanged === 'sluice-database' ? 'N_A' : 'Bearer',
    expires_in,
    ...(exchanged === undefined ? {} : { issued_token_type: `${token_type}jwt` }),
  })
}

/** RFC 6749, section 5.2. */
function refusal(error: string, error_description: string): Response {
  return Response.json({ error, error_description }, { status: 400 })
}

/** RFC 6749, section 3.2: no parameter twice. */
async function formOf(request: Request): Promise<URLSearchParams | undefined> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  const text = await request.text()
  // Nothing at all is a form too.
  if (type !== 'application/x-www-form-urlencoded' && text !== '') return undefined
  const form = new URLSearchParams(text)
  return new Set(form.keys()).size === form.size ? form : undefined
}

function describe(app: OpenAPIHono<ApiEnv>): void {
  const form = (shape: z.ZodType) => ({
    body: { content: { 'application/x-www-form-urlencoded': { schema: shape } } },
  })
  const answers = (description: string, schema: z.ZodType) => ({
    200: { description, content: { 'application/json': { schema } } },
    400: {
      description: 'It is refused, or not yet (RFC 6749, section 5.2; RFC 8628, section 3.5)',
      content: { 'application/json': { schema: errorSchema } },
    },
  })
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/api/device_authorization',
    tags: ['Credentials'],
    summary: 'Begin a sign-in by a browser (RFC 8628)',
    security: [],
    request: form(z.object({ client_id: z.string().optional() })),
    responses: answers(
      'Where the person signs in, and what is polled for it',
      z.object({
        device_code: z.string(),
        user_code: z.string(),
        verification_uri: z.string(),
        verification_uri_complete: z.string(),
        expires_in: z.int(),
        interval: z.int(),
        provider: z.string(),
      }),
    ),
  })
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/api/token',
    tags: ['Credentials'],
    summary: "The token of a sign-in, or one for another issuer's (RFC 8693)",
    security: [],
    request: form(
      z.object({
        grant_type: z.enum([device_grant, exchange_grant]),
        device_code: z.string().optional(),
        subject_token: z.string().optional(),
        subject_token_type: z.string().optional(),
        audience: z.enum(audiences).optional(),
        certificate: z.string().optional(),
      }),
    ),
    responses: answers(
      'A token of the gateway',
      z.object({
        access_token: z.string(),
        token_type: z.string(),
        expires_in: z.int(),
        issued_token_type: z.string().optional(),
      }),
    ),
  })
}
