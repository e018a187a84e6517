/**
 * SSH frames its channels itself: what arrives is a run of bytes of one stream, or an event.
 *
 * @module
 */
import type { Codec, Decoded, Direction, Frame, Wire } from '../../core/connector.ts'

const nothing: Decoded = { ok: true, frames: [] }

/** Stateless, therefore shared. */
const identity: Codec = {
  decode: (wire: Wire): Decoded => ({ ok: true, frames: [wire] }),
  encode: (frame: Frame): Wire => frame,
  flush: (): Decoded => nothing,
}

export const codecs: Readonly<Record<Direction, Codec>> = {
  to_target: identity,
  to_client: identity,
}
