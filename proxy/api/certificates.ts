/**
 * `POST /api/certificates`: a short-lived SSH certificate for a public key of the caller's. The private key stays where
 * it was made.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { formatTime } from '../../storage/replay/time.ts'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

/** An RSA key's line with its comment, and a number. */
const body_bytes_max = 16 * 1024

const bodySchema = z.strictObject({
  public_key: z.string().max(8192).openapi({ description: 'OpenSSH: "ssh-ed25519 AAAA..."' }),
  lifetime_s: z.int().min(1).optional(),
})

const certificateSchema = z
  .object({
    certificate: z.string(),
    serial: z.string(),
    key_id: z.string(),
    principals: z.array(z.string()),
    valid_before: z.string().openapi({ format: 'date-time' }),
    ssh: z.object({
      gateway: z.string(),
      port: z.int().optional(),
      host_keys: z.array(z.string()),
      host_authority: z.string(),
      targets: z.array(z.object({ name: z.string(), accounts: z.array(z.string()) })),
    }),
  })
  .openapi('Certificate')

const route = createRoute({
  method: 'post',
  path: '/api/certificates',
  tags: ['Credentials'],
  summary: 'Certify a public key of yours for SSH',
  request: { body: { required: true, content: { 'application/json': { schema: bodySchema } } } },
  responses: {
    200: {
      description: 'The certificate, and how to reach what you may reach',
      content: { 'application/json': { schema: certificateSchema } },
    },
    ...problemsOf(400, 401, 403, 404, 413, 503),
  },
})

export function addCertificates(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.use(
    route.path,
    bodyLimit({
      maxSize: body_bytes_max,
      onError: () => {
        throw new ProblemError({ status: 413, title: 'Content Too Large' })
      },
    }),
  )
  app.openapi(route, async (context) => {
    const { credentials } = ports
    if (credentials === undefined) throw new ProblemError({ status: 404, title: 'Not Found' })
    const caller = context.get('caller')
    const { public_key, lifetime_s } = context.req.valid('json')
    const made = await credentials.certify(caller, public_key, lifetime_s)
    if (!made.ok) throw refusal(made.code, made.reason)
    const { line, serial, key_id, principals, valid_before_us } = made.value
    const { port, host_keys, targets, ...places } = credentials.sshPlaces(caller)
    const ssh = {
      ...places,
      ...(port === undefined ? {} : { port }),
      host_keys: [...host_keys],
      targets: targets.map(({ name, accounts }) => ({ name, accounts: [...accounts] })),
    }
    return context.json(
      {
        ...{ certificate: line, serial, key_id, principals: [...principals] },
        ...{ valid_before: formatTime(valid_before_us), ssh },
      },
      200,
    )
  })
}

function refusal(code: string, detail: string): ProblemError {
  switch (code) {
    case 'access_denied':
      return new ProblemError({ status: 403, title: 'Forbidden', detail })
    case 'temporarily_unavailable':
      return new ProblemError({ status: 503, title: 'Service Unavailable', detail })
    default:
      return new ProblemError({ status: 400, title: 'Bad Request', detail })
  }
}
