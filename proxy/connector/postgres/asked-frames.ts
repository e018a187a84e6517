/**
 * What one read of a client asks, as frames: messages that lie behind each other and wait, or need not wait, for their
 * record alike are one.
 *
 * @module
 */
import type { Field, Frame } from '../../core/connector.ts'
import { movedBy } from './field.ts'

/** A frame that is still being made. */
interface Growing {
  readonly kind: 'data'
  readonly stream: 0
  bytes: Uint8Array
  readonly fields: Field[]
  readonly early?: true
}

export class AskedFrames {
  #frames: Frame[] = []
  #last: Growing | undefined

  /** A whole message. `early`: it goes on while its record becomes durable. */
  pass(bytes: Uint8Array, fields: readonly Field[], early: boolean): void {
    const last = this.#last
    if (
      last !== undefined &&
      (last.early === true) === early &&
      last.bytes.buffer === bytes.buffer &&
      last.bytes.byteOffset + last.bytes.length === bytes.byteOffset
    ) {
      const { length } = last.bytes
      for (const field of fields) last.fields.push(movedBy(field, length))
      last.bytes = new Uint8Array(bytes.buffer, last.bytes.byteOffset, length + bytes.length)
      return
    }
    const frame: Growing = early
      ? { kind: 'data', stream: 0, bytes, fields: [...fields], early }
      : { kind: 'data', stream: 0, bytes, fields: [...fields] }
    this.#last = frame
    this.#frames.push(frame)
  }

  push(frame: Frame): void {
    this.#last = undefined
    this.#frames.push(frame)
  }

  /** All of them; the next one begins anew. */
  take(): readonly Frame[] {
    const frames = this.#frames
    this.#frames = []
    this.#last = undefined
    return frames
  }
}
