/**
 * What a client is shown of one read of the target, as frames: messages that lie behind each other are one, and what came of
 * statements goes behind them, but where rows were left out of the record, whose result says so in its place.
 *
 * @module
 */
import type { Field, Frame } from '../../core/connector.ts'
import type { LeftOut, StatementFact } from '../../core/statement.ts'

/** A frame that is still being made. */
interface Growing {
  readonly kind: 'data'
  readonly stream: 1
  bytes: Uint8Array
  readonly fields: Field[]
  left_out?: LeftOut
}

export class ShownFrames {
  #frames: Frame[] = []
  #last: Growing | undefined
  /** Behind all that came with their ends, which is then one record. */
  #results: Frame[] = []

  /** A whole message. `left_out`: a row that does not go on record. */
  pass(bytes: Uint8Array, fields: readonly Field[], left_out?: LeftOut): void {
    const last = this.#last
    // Messages that came as they go on lie behind each other: they are one piece.
    if (
      last !== undefined &&
      last.bytes.buffer === bytes.buffer &&
      last.bytes.byteOffset + last.bytes.length === bytes.byteOffset &&
      (last.left_out === undefined) === (left_out === undefined)
    ) {
      const { length } = last.bytes
      for (const field of fields)
        last.fields.push({ ...field, start: length + field.start, end: length + field.end })
      last.bytes = new Uint8Array(bytes.buffer, last.bytes.byteOffset, length + bytes.length)
      // Between rows of two results stands the end of the first.
      if (last.left_out !== undefined)
        last.left_out = { ...last.left_out, rows: last.left_out.rows + 1 }
      return
    }
    const frame: Growing = { kind: 'data', stream: 1, bytes, fields: [...fields] }
    if (left_out !== undefined) {
      this.#settle()
      frame.left_out = left_out
    }
    this.#last = frame
    this.#frames.push(frame)
  }

  /** `is_cut`: not all of its rows are on record. */
  result(fact: StatementFact, is_cut: boolean): void {
    this.#results.push({ kind: 'fact', fact })
    if (is_cut) this.#settle()
  }

  take(): readonly Frame[] {
    this.#settle()
    const frames = this.#frames
    this.#frames = []
    return frames
  }

  #settle(): void {
    this.#last = undefined
    if (this.#results.length === 0) return
    this.#frames.push(...this.#results)
    this.#results = []
  }
}
