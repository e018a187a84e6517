/**
 * The records of a session from the store, page by page.
 *
 * @module
 */
import type { FileReader, RecordPage } from '../../storage/store/reader.ts'

const page_bytes = 1024 * 1024

export async function* storedRecords(
  data: Pick<FileReader, 'records'>,
  id: string,
): AsyncGenerator<Uint8Array, void> {
  for (let next: number | undefined = 0; next !== undefined; ) {
    const page: RecordPage = await data.records(id, next, page_bytes)
    yield* page.records
    // A page that goes nowhere would be asked for again for ever.
    next = page.next !== undefined && page.next > next ? page.next : undefined
  }
}
