/**
 * The stored records of one session, a page at a time, from a source that may not end.
 *
 * @module
 */
import { record_page_bytes_max, record_page_bytes_min, record_pages_bytes_max } from './limits.ts'
import type { EvidenceSource } from './source.ts'

/** Shared by all readers of a verification, so that their pages fit into memory together. */
export interface PageBudget {
  open: number
}

export class RecordReader {
  readonly #source: EvidenceSource
  readonly #session: string
  readonly #budget: PageBudget
  #from: number | undefined = 0
  #page: readonly Uint8Array[] = []
  #at = 0

  constructor(source: EvidenceSource, session: string, budget: PageBudget) {
    this.#source = source
    this.#session = session
    this.#budget = budget
  }

  /** The next record of the page in memory; undefined when a page has to be read. Borrowed. */
  take(): Uint8Array | undefined {
    return this.#page[this.#at++]
  }

  /** Reads the next page. False when there is none. Rejects when the source fails. */
  async fill(): Promise<boolean> {
    while (this.#from !== undefined) {
      const share = Math.floor(record_pages_bytes_max / Math.max(1, this.#budget.open))
      const limit_bytes = Math.min(record_page_bytes_max, Math.max(record_page_bytes_min, share))
      const { records, next } = await this.#source.records(this.#session, this.#from, limit_bytes)
      // A source that does not move on would never end.
      this.#from = next !== undefined && next > this.#from ? next : undefined
      this.#page = records
      this.#at = 0
      if (records.length > 0) return true
    }
    this.#page = []
    return false
  }
}
