/**
 * What the readings of a stretch hold, and what leaves: the bytes that none of them holds. And what is masked because too
 * much would be held, or was done.
 *
 * @module
 */
import type { Branch } from './branch.ts'
import { held_bytes_max } from './limits.ts'
import type { Pending } from './pending.ts'
import type { Rewritten } from './rewritten.ts'
import type { ScreenTools } from './screen-tools.ts'
import type { Masked, Stream } from './stream.ts'

/** Among the readings; the text's is 1, that of a line that was written over 2. */
const reading_whole = 0
/** No reading, but too much of it. */
const given_up = 3

export class Holds {
  readonly #tools: ScreenTools
  readonly #pending: Pending
  readonly #whole: Stream
  readonly #plain: Branch
  readonly #rewritten: Rewritten
  /** What was held before a byte that is often overwritten, -1 when nothing waits for that. */
  before_space = -1
  /** A byte that may be text or begin a control, -1 when there is none. */
  unsure_at = -1
  /** It keeps what follows it: until a flush, or a cut. */
  unsure_holds = false
  /** From here to the end of the line everything is masked, -1 when not. */
  dark = -1

  constructor(
    tools: ScreenTools,
    pending: Pending,
    whole: Stream,
    plain: Branch,
    rewritten: Rewritten,
  ) {
    this.#tools = tools
    this.#pending = pending
    this.#whole = whole
    this.#plain = plain
    this.#rewritten = rewritten
  }

  /** Too much was done for this line: from what is held on, all of it is masked. */
  giveUp(): void {
    this.before_space = -1
    this.dark = this.#pending.start
    this.#rewritten.close()
  }

  /** The line ends: what was given up is masked, and the next one is read again. */
  lighten(): void {
    this.#pending.found(this.dark, this.#pending.end, this.#tools.crowded, given_up)
    this.dark = -1
    this.settle()
  }

  takeWhole(masked: Masked): void {
    for (const { raw_offset, raw_length, rule } of masked.spans) {
      this.#pending.found(raw_offset, raw_offset + raw_length, rule, reading_whole)
      this.#pending.bare(raw_offset, raw_offset + raw_length)
    }
  }

  /** Lets go of what no reading holds. */
  settle(): void {
    let limit = this.#pending.end
    if (this.#whole.held > 0) limit = Math.min(limit, this.#whole.settled)
    limit = Math.min(limit, this.#plain.hold, this.#rewritten.branch?.hold ?? limit)
    if (this.dark >= 0) limit = Math.min(limit, this.dark)
    if (this.before_space >= 0) limit = Math.min(limit, this.before_space)
    if (this.unsure_at >= 0 && this.unsure_holds) limit = Math.min(limit, this.unsure_at)
    this.#pending.release(limit, this.#tools.cover)
  }

  /** As much is held as may be. What is held longest is masked up to here, and goes on behind it. */
  cut(): void {
    this.before_space = -1
    while (this.#pending.length >= held_bytes_max) {
      const whole = this.#whole.held > 0 ? this.#whole.settled : Number.POSITIVE_INFINITY
      const { branch: rewritten } = this.#rewritten
      const branches = rewritten === undefined ? [this.#plain] : [this.#plain, rewritten]
      const least = Math.min(whole, ...branches.map(({ hold }) => hold))
      if (least === whole && this.#whole.held > 0) this.takeWhole(this.#whole.cut())
      for (const branch of branches) {
        if (branch.stream.held > 0 && branch.hold === least) branch.take(branch.stream.cut())
      }
      if (this.dark >= 0) this.#darken()
      if (least === Number.POSITIVE_INFINITY) this.release()
      else this.settle()
    }
  }

  /** What was given up is masked so far. */
  #darken(): void {
    const { end } = this.#pending
    this.#pending.found(this.dark, end, this.#tools.crowded, given_up)
    this.dark = end
  }

  release(): void {
    const { end } = this.#pending
    this.before_space = -1
    if (this.dark >= 0) this.#darken()
    if (this.unsure_at >= 0 && this.unsure_holds) {
      this.#pending.mark(this.unsure_at, this.unsure_at + 1, 'text')
      this.unsure_holds = false
    }
    this.#pending.release(end, this.#tools.cover)
  }
}
