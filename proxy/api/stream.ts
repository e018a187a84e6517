/**
 * Long answers as streams: text pieces are made when the client reads on, and no more than a few answers
 * are under way at once.
 *
 * @module
 */
import { ProblemError } from './problem.ts'

export interface StreamGate {
  /** A streamed answer. Throws a 503 when too many are under way. */
  respond(request: Request, pieces: AsyncGenerator<string, void>, type: string): Response
}

/** Each may hold a page of records and 8 MiB of waiting echo. */
const streams_max = 8
/** Pieces are joined up to this, so that a short line does not cost a chunk. */
const chunk_characters = 32 * 1024

export function createStreamGate(): StreamGate {
  let open = 0
  return {
    respond(request, pieces, type) {
      const headers = { 'content-type': type }
      // Nobody would ever read it to its end.
      if (request.method === 'HEAD') return new Response(null, { headers })
      if (open >= streams_max)
        throw new ProblemError({
          status: 503,
          title: 'Service Unavailable',
          detail: 'too many recordings are being read',
          headers: { 'retry-after': '1' },
        })
      open++
      let is_over = false
      const end = (): void => {
        if (!is_over) open--
        is_over = true
      }
      const encoder = new TextEncoder()
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          let text = ''
          try {
            while (text.length < chunk_characters) {
              const piece = await pieces.next()
              if (piece.done === true) {
                end()
                if (text !== '') controller.enqueue(encoder.encode(text))
                controller.close()
                return
              }
              text += piece.value
            }
            controller.enqueue(encoder.encode(text))
          } catch (error) {
            end()
            // The client sees a body that is cut off, which it must not take for the whole.
            controller.error(error)
          }
        },
        async cancel() {
          end()
          await pieces.return()
        },
      })
      return new Response(body, { headers })
    },
  }
}
