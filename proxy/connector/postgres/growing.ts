/**
 * The frame that is still being made of one read: messages that lie behind each other are one piece of it.
 *
 * @module
 */
import type { Field } from '../../core/connector.ts'
import { movedBy } from './field.ts'

/** Its bytes, and the places of its fields, are of all that was read until it is done. */
export interface GrowingFrame {
  bytes: Uint8Array
  fields: readonly Field[]
}

export class Growing<F extends GrowingFrame> {
  #frame: F | undefined
  #start = 0
  #end = 0
  #fields: Field[] = []

  /** The frame that a message may go on, where it lies behind what is in it. */
  before(source: Uint8Array, start: number): F | undefined {
    return this.#end === start && this.#frame?.bytes === source ? this.#frame : undefined
  }

  goOn(end: number, fields: readonly Field[]): void {
    for (const field of fields) this.#fields.push(field)
    this.#end = end
  }

  /** The one before is done. */
  begin(frame: F, start: number, end: number, fields: readonly Field[]): void {
    this.#frame = frame
    this.#start = start
    this.#end = end
    this.#fields = [...fields]
  }

  /** Most are all that was read. */
  finish(): void {
    const frame = this.#frame
    if (frame === undefined) return
    this.#frame = undefined
    const start = this.#start
    frame.fields = start === 0 ? this.#fields : this.#fields.map((field) => movedBy(field, -start))
    if (start > 0 || this.#end < frame.bytes.length)
      frame.bytes = frame.bytes.subarray(start, this.#end)
  }
}
