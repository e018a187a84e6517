/**
 * What one read of a client asks, as frames: messages that lie behind each other and wait, or need not wait, for their
 * record alike are one.
 *
 * @module
 */
import type { Field, Frame } from '../../core/connector.ts'
import { movedBy } from './field.ts'

/** A frame that is still being made: its bytes, and places in them, are of what was read until it is done. */
interface Growing {
  readonly kind: 'data'
  readonly stream: 0
  bytes: Uint8Array
  fields: readonly Field[]
  early?: true
}

export class AskedFrames {
  #frames: Frame[] = []
  #last: Growing | undefined
  #start = 0
  #end = 0
  #fields: Field[] = []

  /**
   * A whole message, from `start` to `end`, as are the places of its fields. `early`: it goes on while its record becomes
   * durable.
   */
  pass(
    source: Uint8Array,
    start: number,
    end: number,
    fields: readonly Field[],
    early: boolean,
  ): void {
    const last = this.#last
    if (
      last !== undefined &&
      last.bytes === source &&
      this.#end === start &&
      (last.early === true) === early
    ) {
      for (const field of fields) this.#fields.push(field)
      this.#end = end
      return
    }
    this.#finish()
    const frame: Growing = { kind: 'data', stream: 0, bytes: source, fields: none }
    if (early) frame.early = true
    this.#last = frame
    this.#start = start
    this.#end = end
    this.#fields = [...fields]
    this.#frames.push(frame)
  }

  push(frame: Frame): void {
    this.#finish()
    this.#frames.push(frame)
  }

  /** All of them; the next one begins anew. */
  take(): readonly Frame[] {
    this.#finish()
    const frames = this.#frames
    this.#frames = []
    return frames
  }

  /** Most are all that was read. */
  #finish(): void {
    const last = this.#last
    if (last === undefined) return
    this.#last = undefined
    const start = this.#start
    last.fields = start === 0 ? this.#fields : this.#fields.map((field) => movedBy(field, -start))
    if (start > 0 || this.#end < last.bytes.length)
      last.bytes = last.bytes.subarray(start, this.#end)
  }
}

const none: readonly Field[] = []
