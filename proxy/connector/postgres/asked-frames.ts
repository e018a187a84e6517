/**
 * What one read of a client asks, as frames: messages that lie behind each other and wait, or need not wait, for their
 * record alike are one.
 *
 * @module
 */
import type { Field, Frame } from '../../core/connector.ts'
import { Growing, type GrowingFrame } from './growing.ts'

interface AskedFrame extends GrowingFrame {
  readonly kind: 'data'
  readonly stream: 0
  early?: true
}

export class AskedFrames {
  #frames: Frame[] = []
  readonly #last = new Growing<AskedFrame>()

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
    const before = this.#last.before(source, start)
    if (before !== undefined && (before.early === true) === early) {
      this.#last.goOn(end, fields)
      return
    }
    this.#last.finish()
    const frame: AskedFrame = { kind: 'data', stream: 0, bytes: source, fields: none }
    if (early) frame.early = true
    this.#last.begin(frame, start, end, fields)
    this.#frames.push(frame)
  }

  push(frame: Frame): void {
    this.#last.finish()
    this.#frames.push(frame)
  }

  /** All of them; the next one begins anew. */
  take(): readonly Frame[] {
    this.#last.finish()
    const frames = this.#frames
    this.#frames = []
    return frames
  }
}

const none: readonly Field[] = []
