/**
 * A witness over HTTP: one path, whatever stands before it. Whoever can reach it may send anything, and as slowly as they like.
 *
 * @module
 */
import { request_ms_max } from './limits.ts'
import { add_checkpoint_path } from './protocol.ts'
import { addCheckpoint, type WitnessParts } from './witness.ts'

/** Rejects when the state fails. `wait_ms`: for all of a body; a byte now and then does not make it longer. */
export async function answerRequest(
  parts: WitnessParts,
  request: Request,
  wait_ms: number = request_ms_max,
): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (!pathname.endsWith(`/${add_checkpoint_path}`))
    return new Response('not found\n', { status: 404 })
  if (request.method !== 'POST')
    return new Response('POST alone\n', { status: 405, headers: { allow: 'POST' } })
  const body = await bodyOf(request, wait_ms)
  if (body === undefined)
    return new Response('too slow\n', { status: 408, headers: { connection: 'close' } })
  const { status, type, body: text } = addCheckpoint(parts, body)
  return new Response(text, { status, headers: { 'content-type': type } })
}

async function bodyOf(request: Request, wait_ms: number): Promise<Uint8Array | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), wait_ms)
  // Of one that leaves, nothing is left to answer.
  const whole = request.arrayBuffer().then(
    (bytes) => new Uint8Array(bytes),
    () => undefined,
  )
  const body = await Promise.race([whole, late])
  clearTimeout(timer)
  return body
}
