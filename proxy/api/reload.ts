/**
 * `POST /api/reload`: the configuration is read again, as by SIGHUP, and whoever asked hears what is wrong with it.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { type ApiEnv, mayChange } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { ProblemError, problemsOf } from './problem.ts'

const route = createRoute({
  method: 'post',
  path: '/api/reload',
  tags: ['Configuration'],
  summary: 'Read the configuration again: policy, keys, revoked certificates, roles, masking',
  responses: {
    200: {
      description: 'It is in use',
      content: {
        'application/json': {
          schema: z.object({ policy_hash: z.string(), sessions_ended: z.int() }),
        },
      },
    },
    ...problemsOf(401, 403, 404, 409),
  },
})

export function addReload(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  app.openapi(route, async (context) => {
    const caller = context.get('caller')
    mayChange(ports, caller, 'reload')
    const { reload } = ports
    if (reload === undefined)
      throw new ProblemError({
        status: 404,
        title: 'Not Found',
        detail: 'this gateway runs without a configuration file: there is nothing to read again',
      })
    const reloaded = await reload(caller)
    if (!reloaded.ok)
      throw new ProblemError({ status: 409, title: 'Conflict', detail: reloaded.reason })
    const { policy_hash, sessions_ended } = reloaded
    return context.json({ policy_hash, sessions_ended }, 200)
  })
}
