/**
 * The schemas in which a target looks up names that stand without one, asked for before its session is the client's.
 *
 * @module
 */
import { TargetError } from '../../core/errors.ts'
import type { Dialled } from './dial.ts'
import { Handshake, HandshakeError } from './handshake.ts'
import { dial_ms, handshake_bytes_max } from './limits.ts'
import { header_bytes, i32, letter, message, textOf, u16 } from './message.ts'

const question = 'SELECT pg_catalog.unnest(pg_catalog.current_schemas(false))'

/** Those that are there, in their order; undefined where the target does not say. Rejects with a `TargetError`. */
export async function askSchemas(
  dialled: Dialled,
): Promise<{ readonly schemas: readonly string[] | undefined; readonly rest: Uint8Array }> {
  const { stream, rest } = dialled
  // It said something unasked: what belongs to what cannot be told.
  if (rest.length > 0) return { schemas: undefined, rest }
  const timer = setTimeout(() => stream.destroy(), dial_ms)
  const handshake = new Handshake(stream)
  try {
    stream.write(message('Q', question))
    const schemas: string[] = []
    let is_known = true
    for (;;) {
      const { type, bytes } = await handshake.message(handshake_bytes_max)
      if (type === letter('E')) is_known = false
      if (type === letter('D')) {
        const length = i32(bytes, header_bytes + 2)
        if (u16(bytes, header_bytes) !== 1 || length < 0) is_known = false
        else schemas.push(textOf(bytes.subarray(header_bytes + 6, header_bytes + 6 + length)))
      }
      if (type === letter('Z'))
        return { schemas: is_known ? schemas : undefined, rest: handshake.release() }
    }
  } catch (error) {
    stream.destroy()
    if (!(error instanceof HandshakeError)) throw error
    throw new TargetError('target_protocol', 'the target does not say where it looks names up')
  } finally {
    clearTimeout(timer)
  }
}
