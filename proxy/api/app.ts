/**
 * The HTTP API: evidence for programs by a bearer token, and for people by the session of their browser; each reading is
 * recorded before it is answered. The pages for people are beside it (`console/`).
 *
 * @module
 */
import { OpenAPIHono } from '@hono/zod-openapi'
import { StoreError } from '../../storage/store/errors.ts'
import { consoleApp } from '../console/app.ts'
import { absentPage } from '../console/refusal.ts'
import { addCast } from './cast.ts'
import { addCertificates } from './certificates.ts'
import { addDocs } from './docs.ts'
import { addGrants } from './grants.ts'
import { type ApiEnv, onlyForHosts, onlyKnownCallers, withSecurityHeaders } from './guard.ts'
import { addHealth } from './health.ts'
import { addHolds } from './holds.ts'
import { addLines } from './lines.ts'
import { addLog } from './log.ts'
import { addLogout } from './logout.ts'
import { addMetrics } from './metrics.ts'
import { addOauth } from './oauth.ts'
import { addPasskeys } from './passkeys.ts'
import type { ApiPorts } from './ports.ts'
import { type Problem, ProblemError, problemResponse } from './problem.ts'
import { addRecords } from './records.ts'
import { addReload } from './reload.ts'
import { addRequests } from './requests.ts'
import { addSessions } from './sessions.ts'
import { createStreamGate } from './stream.ts'

export type * from './ports.ts'

export interface Api {
  /** Answers every request; never rejects. */
  fetch(request: Request, source?: string): Response | Promise<Response>
}

/** A longer one is none of ours: an id, a cursor and a few words. */
const url_characters_max = 4096

export function createApi(ports: ApiPorts): Api {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return undefined
      // Names of parameters only: a value may be a token in the wrong place.
      const names = [...new Set(result.error.issues.map(({ path }) => path.join('.')))]
      return problemResponse({
        status: 400,
        title: 'Bad Request',
        detail: `not of its form: ${names.join(', ')}`,
      })
    },
  })
  app.use(withSecurityHeaders())
  app.use(async (context, next) => {
    if (context.req.url.length > url_characters_max)
      throw new ProblemError({ status: 414, title: 'URI Too Long' })
    await next()
  })
  app.use(onlyForHosts(ports.hosts))
  if (ports.console !== undefined) app.route('/', consoleApp(ports.console))
  // What of the API is added before this line is there for everybody, and the rest is not.
  addDocs(app, ports)
  addOauth(app, ports)
  app.use('/api/*', onlyKnownCallers(ports))
  const gate = createStreamGate()
  addHealth(app, ports)
  addMetrics(app, ports)
  addLogout(app, ports)
  addSessions(app, ports)
  addRecords(app, ports)
  addLines(app, ports, gate)
  addCast(app, ports, gate)
  addLog(app, ports)
  addRequests(app, ports)
  addCertificates(app, ports)
  addPasskeys(app, ports)
  addGrants(app, ports)
  addHolds(app, ports)
  addReload(app, ports)
  addDocument(app)
  refuseOtherMethods(app)
  app.notFound(({ req }) => {
    const is_person =
      !req.path.startsWith('/api/') && /\btext\/html\b/.test(req.header('accept') ?? '')
    return is_person && ports.console !== undefined
      ? absentPage()
      : problemResponse({ status: 404, title: 'Not Found' })
  })
  app.onError((error) => {
    const problem = error instanceof ProblemError ? error.problem : problemOf(error)
    if (problem.status >= 500) ports.failed?.(error)
    return problemResponse(problem)
  })
  return {
    fetch: (request, source = 'unknown:0') => app.fetch(request, { source }),
  }
}

/** What a handler did not expect. The caller learns no more of it than whether to come again. */
function problemOf(error: Error): Problem {
  return error instanceof StoreError
    ? { status: 503, title: 'Service Unavailable' }
    : { status: 500, title: 'Internal Server Error' }
}

function addDocument(app: OpenAPIHono<ApiEnv>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-sluice-session',
    description:
      "a browser that has signed in at /login; what changes something needs the page's token as x-csrf-token too",
  })
  app.doc31('/api/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Sluice', version: '0.1.0', license: { name: 'Apache-2.0' } },
    security: [{ bearer: [] }, { session: [] }],
  })
}

/** RFC 9110, section 15.5.6: a path that is there says what it answers to. */
function refuseOtherMethods(app: OpenAPIHono<ApiEnv>): void {
  const paths = new Set(app.routes.filter(({ method }) => method === 'GET').map(({ path }) => path))
  for (const path of paths)
    app.all(path, () => {
      throw new ProblemError({
        status: 405,
        title: 'Method Not Allowed',
        headers: { allow: 'GET, HEAD' },
      })
    })
}
