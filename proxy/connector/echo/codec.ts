/**
 * Newline framing: the smallest codec that can be split wrongly. For tests of what stands on the seam.
 *
 * @module
 */
import type { Codec, Decoded, Frame, Stream, Wire } from '../../core/connector.ts'
import { line_bytes_max } from './limits.ts'

const nothing: Decoded = { ok: true, frames: [] }

/** One frame per line, its newline included; the last one may lack it. */
export class LineCodec implements Codec {
  readonly #stream: Stream
  #held: Uint8Array = new Uint8Array()

  constructor(stream: Stream) {
    this.#stream = stream
  }

  decode(wire: Wire): Decoded {
    if (wire.kind === 'control') {
      const held = wire.event.kind === 'eof' ? this.flush() : nothing
      return held.ok ? { ok: true, frames: [...held.frames, wire] } : held
    }
    const bytes = joined(this.#held, wire.bytes)
    const frames: Frame[] = []
    let start = 0
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
      frames.push(this.#frame(bytes.slice(start, end + 1)))
      start = end + 1
    }
    this.#held = bytes.slice(start)
    if (this.#held.length > line_bytes_max) return { ok: false, violation: 'the line is too long' }
    return { ok: true, frames }
  }

  encode(wire: Wire): Wire {
    return wire
  }

  flush(): Decoded {
    const bytes = this.#held
    this.#held = new Uint8Array()
    return bytes.length === 0 ? nothing : { ok: true, frames: [this.#frame(bytes)] }
  }

  #frame(bytes: Uint8Array): Frame {
    return { kind: 'data', stream: this.#stream, bytes }
  }
}

const newline = 10

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}
