/**
 * How a command says that it is complete: `SELECT 5`, `INSERT 0 1`, `CREATE TABLE`.
 *
 * @module
 */
import { isText, textOf } from './message.ts'

/** No command of PostgreSQL has a longer one. */
const tag_bytes_max = 64

/** Words in capitals, and how many rows. `???` is PostgreSQL's for what it has no name for. */
const tags = /^[A-Z?][A-Z ?]*(?: \d+){0,2}$/

export class Tags {
  #last = ''

  /** Undefined for one that may hold more than a tag is for: nobody looks through those that are one. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    // Most are what the one before was.
    if (isText(bytes, start, end, this.#last)) return this.#last
    if (end - start > tag_bytes_max) return undefined
    const tag = textOf(bytes.subarray(start, end))
    if (!tags.test(tag)) return undefined
    this.#last = tag
    return tag
  }
}
