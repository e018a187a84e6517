/**
 * The codec of the subsystem `sftp`: version 3 of draft-ietf-secsh-filexfer-02 as OpenSSH speaks it, and its
 * extensions (openssh/PROTOCOL, section 4). One message is one frame, so that an answer of the gateway's own
 * never lands inside of another message.
 *
 * @module
 */
import type { Codec, Decoded, Direction, Frame, Stream, Wire } from '../../../core/connector.ts'
import type { Content, GrantedTransfer } from '../../../core/transfer.ts'
import { sftp_text_message_bytes_max } from './limits.ts'
import { handleReply } from './sftp-reply.ts'
import { type Handled, handleRequest } from './sftp-request.ts'
import { SftpState } from './sftp-state.ts'
import { type Message, MessageReader } from './sftp-wire.ts'

type ContentFrame = Extract<Frame, { kind: 'data' }> & { readonly content: Content }

const isContent = (frame: Frame): frame is ContentFrame =>
  frame.kind === 'data' && frame.content !== undefined
const isText = (frame: Frame): boolean => frame.kind === 'data' && frame.content === undefined

/** The two directions of one channel know of each other. */
export function sftpCodecs(granted: GrantedTransfer): Readonly<Record<Direction, Codec>> {
  const state = new SftpState(granted)
  return {
    to_target: new SftpCodec(0, (head, length) => handleRequest(state, head, length)),
    to_client: new SftpCodec(1, (head, length) => handleReply(state, head, length)),
  }
}

class SftpCodec implements Codec {
  readonly #stream: Stream
  readonly #handle: (head: Uint8Array, length: number) => Handled
  readonly #reader = new MessageReader()
  /** Of buffers that are let go of behind their last bytes: where those end. Not of one that holds text. */
  readonly #ends = new WeakMap<ArrayBufferLike, number>()
  #violation: string | undefined

  constructor(stream: Stream, handle: (head: Uint8Array, length: number) => Handled) {
    this.#stream = stream
    this.#handle = handle
  }

  decode(wire: Wire): Decoded {
    if (this.#violation !== undefined) return { ok: false, violation: this.#violation }
    // Error output is no part of the protocol: OpenSSH's server says there why it ends.
    if (wire.kind === 'control' || wire.stream !== this.#stream) return { ok: true, frames: [wire] }
    const { bytes, last } = wire
    if (last === true) this.#ends.set(bytes.buffer, bytes.byteOffset + bytes.length)
    const messages = this.#reader.push(bytes)
    if (messages === undefined) return this.#violated('an SFTP message is longer than any can be')
    const frames: Frame[] = []
    for (const message of messages) {
      const handled = this.#handle(message.head, message.length)
      if (typeof handled === 'string') return this.#violated(handled)
      if (!handled.every(isContent)) this.#keep(message)
      for (const frame of handled)
        if (isContent(frame)) frames.push(...this.#parted(frame, message))
        else frames.push(frame)
      if (message.length > sftp_text_message_bytes_max && handled.some(isText))
        return this.#violated('an SFTP message without content is longer than any can be')
    }
    return { ok: true, frames }
  }

  encode(wire: Wire): Wire {
    return wire
  }

  /** Half a message is none: it goes nowhere. */
  flush(): Decoded {
    return { ok: true, frames: [] }
  }

  /** A message that carries content as its parts came, one frame each, directly behind each other. */
  #parted(frame: ContentFrame, { head, rest }: Message): Frame[] {
    const { stream, content } = frame
    const { transfer, start, end } = content
    const parts = frame.bytes === head ? [head, ...rest] : [frame.bytes]
    let at = 0
    return parts.map((bytes) => {
      const within = (place: number): number => Math.min(Math.max(place - at, 0), bytes.length)
      const piece = { transfer, start: within(start), end: within(end) }
      at += bytes.length
      const last = this.#ends.get(bytes.buffer) === bytes.byteOffset + bytes.length
      return { kind: 'data', stream, bytes, content: piece, last }
    })
  }

  /** What is no content may be looked at for longer. */
  #keep({ head, rest }: Message): void {
    for (const { buffer } of [head, ...rest]) this.#ends.delete(buffer)
  }

  #violated(violation: string): Decoded {
    this.#violation = violation
    return { ok: false, violation }
  }
}
