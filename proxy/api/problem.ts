/**
 * Problem documents (RFC 9457): every answer that is not a success.
 *
 * @module
 */
import { z } from '@hono/zod-openapi'

export interface Problem {
  readonly status: number
  readonly title: string
  /** One line for the caller. Repeats nothing of a credential, and of a request only names. */
  readonly detail?: string
  readonly headers?: Readonly<Record<string, string>>
}

const problemSchema: z.ZodType = z
  .object({
    // "about:blank" when absent (RFC 9457, section 4.2.1): the title is that of the status.
    type: z.string().optional(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
  })
  .openapi('Problem')

const problem_type = 'application/problem+json'

/** Ends a request from inside a handler. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem
  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.title, options)
    this.problem = problem
  }
}

export function problemResponse(problem: Problem): Response {
  const { status, title, detail, headers } = problem
  return new Response(
    JSON.stringify({ title, status, ...(detail === undefined ? {} : { detail }) }),
    { status, headers: { ...headers, 'content-type': problem_type } },
  )
}

export function notFound(): ProblemError {
  return new ProblemError({ status: 404, title: 'Not Found' })
}

/** For the OpenAPI document: what a route answers besides its success. */
export function problemsOf(
  ...statuses: readonly number[]
): Record<number, { description: string; content: Record<string, { schema: z.ZodType }> }> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: descriptions[status] ?? 'problem',
        content: { [problem_type]: { schema: problemSchema } },
      },
    ]),
  )
}

const descriptions: Readonly<Record<number, string>> = {
  400: 'A parameter is not of its form',
  401: 'No bearer token, or one that is not valid here, and no session',
  403: 'The caller has no role that may do this, or a page of another site has asked for it',
  404: 'There is none, or it is not for this caller',
  410: 'It was erased: its time had come, or somebody shredded it',
  429: 'Too many are there already',
  503: 'The answer could not be recorded or read, or too many are under way',
}
