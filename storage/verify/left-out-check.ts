/**
 * Rows that were shown and left out of the record: does each result say of them what the records before it do? Their digest
 * is for who has the rows; from the records alone it cannot be computed.
 *
 * @module
 */
import type { LeftOutRows, RecordHeader } from '../evidence/record.ts'
import { followed_streams_max } from './limits.ts'

type LeftOut = Extract<RecordHeader, { kind: 'left_out' }>
type Result = Extract<RecordHeader, { kind: 'result' }>

interface Followed extends LeftOutRows {
  readonly statement: number
  readonly run: number
}

export class LeftOutCheck {
  /** By channel: of the result that has not come yet. */
  readonly #results = new Map<number, Followed>()
  /** More channels had one at once than are followed: what ends may be one of the others. */
  #has_lost = false

  /** What is wrong with the record, if anything. */
  check(header: LeftOut | Result): string | undefined {
    const { channel, statement, run } = header
    const known = this.#results.get(channel)
    const is_same = known !== undefined && known.statement === statement && known.run === run
    if (header.kind === 'left_out') {
      if (known === undefined && this.#results.size >= followed_streams_max) {
        this.#has_lost = true
        return undefined
      }
      const { rows, length, digest } = header
      const before = is_same ? known : { rows: 0, length: 0 }
      const sum = { rows: before.rows + rows, length: before.length + length }
      this.#results.set(channel, { statement, run, ...sum, digest })
      return known === undefined || is_same
        ? undefined
        : 'rows of another result were left out before, whose end is missing'
    }
    if (known !== undefined && !is_same) return undefined
    this.#results.delete(channel)
    const told = header.left_out
    if (known === undefined) {
      return told === undefined || this.#has_lost
        ? undefined
        : 'it says that rows were left out, and no record before it does'
    }
    return told?.rows === known.rows &&
      told.length === known.length &&
      told.digest === known.digest &&
      told.rows <= header.rows
      ? undefined
      : 'it says something else of the rows that were left out than the records before it'
  }
}
