/**
 * The reading of a line on which something was overwritten: its text as it is then. There is none before, and none
 * behind the line, unless something goes on.
 *
 * @module
 */
import { Branch } from './branch.ts'
import type { Line } from './line.ts'
import type { Pending } from './pending.ts'
import type { FlushEvent, Stream } from './stream.ts'

/** Among the readings. */
const reading_rewritten = 2

export class Rewritten {
  readonly #open: (twin?: Stream) => Stream
  readonly #pending: Pending
  /** Nothing when the line is as it was written. */
  branch: Branch | undefined

  /** `open`: a stream in the state of another, or at its beginning. */
  constructor(open: (twin?: Stream) => Stream, pending: Pending) {
    this.#open = open
    this.#pending = pending
  }

  /** Goes on as `plain` did so far: what stands at the cursor is written again. */
  follow(plain: Branch): void {
    this.branch = plain.fork(this.#open(plain.stream), reading_rewritten)
  }

  /** What stands on the line from the cursor on is overwritten: the rest is read again. All has left that can. */
  again(line: Line): void {
    for (let at = line.cursor; at < line.end; at++) {
      const gone = line.places[at] ?? 0
      this.#pending.mark(gone, gone + 1, 'overwritten')
    }
    line.cut()
    // What waited for a byte behind it was whole until now.
    if (this.branch !== undefined) this.branch.take(this.branch.stream.flush('end'))
    this.close()
    const branch = new Branch(this.#open(), this.#pending, reading_rewritten, this.#pending.start)
    for (let at = line.from; at < line.end; at++) {
      if (line.seams[at] === 1) branch.interrupt()
      branch.add(line.cells[at] ?? 0, line.places[at] ?? 0)
    }
    branch.read()
    branch.interrupt()
    line.interrupt()
    this.branch = branch
  }

  /** The line is over: both see the same again, unless something goes on. */
  endLine(plain: Branch): void {
    const quiet = this.branch?.quiet ?? -1
    if (quiet >= 0 && quiet === plain.quiet) this.close()
  }

  flush(event: FlushEvent): void {
    if (this.branch !== undefined) this.branch.take(this.branch.stream.flush(event))
  }

  close(): void {
    this.branch?.stream.close()
    this.branch = undefined
  }
}
