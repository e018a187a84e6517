/**
 * What a client is shown of one read of the target, as frames: messages that lie behind each other are one, and what came of
 * statements goes behind them, but where rows were left out of the record, whose result says so in its place.
 *
 * @module
 */
import type { Field, Frame } from '../../core/connector.ts'
import type { LeftOut, StatementFact } from '../../core/statement.ts'
import { movedBy } from './field.ts'

/** A frame that is still being made: its bytes, and places in them, are of `source` until it is done. */
interface Growing {
  readonly kind: 'data'
  readonly stream: 1
  bytes: Uint8Array
  fields: readonly Field[]
  left_out?: LeftOut
  last?: true
}

/** The memory of less is not worth it. */
const let_go_bytes_min = 16 * 1024

export class ShownFrames {
  #frames: Frame[] = []
  #last: Growing | undefined
  #start = 0
  #end = 0
  #fields: Field[] = []
  /** Behind all that came with their ends, which is then one record. */
  #results: Frame[] = []

  /** Whole messages, from `start` to `end`, as are the places of their fields. `left_out`: rows that do not go on record. */
  pass(
    source: Uint8Array,
    start: number,
    end: number,
    fields: readonly Field[],
    left_out?: LeftOut,
  ): void {
    const last = this.#last
    // Messages that came as they go on lie behind each other: they are one piece.
    if (
      last !== undefined &&
      last.bytes === source &&
      this.#end === start &&
      (last.left_out === undefined) === (left_out === undefined)
    ) {
      for (const field of fields) this.#fields.push(field)
      this.#end = end
      // Between rows of two results stands the end of the first.
      if (last.left_out !== undefined)
        last.left_out = { ...last.left_out, rows: last.left_out.rows + (left_out?.rows ?? 0) }
      return
    }
    this.#finish()
    const frame: Growing = { kind: 'data', stream: 1, bytes: source, fields: none }
    if (left_out !== undefined) {
      this.#settle()
      frame.left_out = left_out
    }
    this.#last = frame
    this.#start = start
    this.#end = end
    this.#fields = [...fields]
    this.#frames.push(frame)
  }

  /** `is_cut`: not all of its rows are on record. */
  result(fact: StatementFact, is_cut: boolean): void {
    this.#results.push({ kind: 'fact', fact })
    if (is_cut) this.#settle()
  }

  /** `read`: what the frames were made of, which nobody else looks at. */
  take(read: Uint8Array): readonly Frame[] {
    this.#finish()
    if (read.length >= let_go_bytes_min) this.#letGo(read)
    this.#settle()
    const frames = this.#frames
    this.#frames = []
    return frames
  }

  #letGo({ buffer }: Uint8Array): void {
    const last = this.#frames.findLast(
      (frame): frame is Growing => frame.kind === 'data' && frame.bytes.buffer === buffer,
    )
    if (last !== undefined) last.last = true
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

  #settle(): void {
    this.#finish()
    if (this.#results.length === 0) return
    this.#frames.push(...this.#results)
    this.#results = []
  }
}

const none: readonly Field[] = []
