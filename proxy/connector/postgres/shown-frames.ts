/**
 * What a client is shown of one read of the target, as frames: messages that lie behind each other are one, and what came of
 * statements goes behind them, but where rows were left out of the record, whose result says so in its place.
 *
 * @module
 */
import type { Field, Frame } from '../../core/connector.ts'
import type { LeftOut, StatementFact } from '../../core/statement.ts'
import { Growing, type GrowingFrame } from './growing.ts'

interface ShownFrame extends GrowingFrame {
  readonly kind: 'data'
  readonly stream: 1
  left_out?: LeftOut
  last?: true
}

/** The memory of less is not worth it. */
export const let_go_bytes_min: number = 16 * 1024

export class ShownFrames {
  #frames: Frame[] = []
  readonly #last = new Growing<ShownFrame>()
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
    const before = this.#last.before(source, start)
    if (before !== undefined && (before.left_out === undefined) === (left_out === undefined)) {
      this.#last.goOn(end, fields)
      // Between rows of two results stands the end of the first.
      if (before.left_out !== undefined)
        before.left_out = { ...before.left_out, rows: before.left_out.rows + (left_out?.rows ?? 0) }
      return
    }
    this.#last.finish()
    const frame: ShownFrame = { kind: 'data', stream: 1, bytes: source, fields: none }
    if (left_out !== undefined) {
      this.#settle()
      frame.left_out = left_out
    }
    this.#last.begin(frame, start, end, fields)
    this.#frames.push(frame)
  }

  /** `is_cut`: not all of its rows are on record. */
  result(fact: StatementFact, is_cut: boolean): void {
    this.#results.push({ kind: 'fact', fact })
    if (is_cut) this.#settle()
  }

  /** `read`: what the frames were made of, which nobody else looks at. */
  take(read: Uint8Array): readonly Frame[] {
    this.#last.finish()
    if (read.length >= let_go_bytes_min) this.#letGo(read)
    this.#settle()
    const frames = this.#frames
    this.#frames = []
    return frames
  }

  #letGo({ buffer }: Uint8Array): void {
    const last = this.#frames.findLast(
      (frame): frame is ShownFrame => frame.kind === 'data' && frame.bytes.buffer === buffer,
    )
    if (last !== undefined) last.last = true
  }

  #settle(): void {
    this.#last.finish()
    if (this.#results.length === 0) return
    this.#frames.push(...this.#results)
    this.#results = []
  }
}

const none: readonly Field[] = []
