/**
 * Records of sessions, gathered until they are an object. Pure.
 *
 * @module
 */
import type { StoredChunk } from '../store/backlog.ts'
import { object_bytes, object_rest_bytes } from './limits.ts'

/** Records of a session that follow each other, the end excluded. */
export interface Gathered {
  readonly session_no: number
  readonly first: number
  readonly next: number
  /** Borrowed from the chunks. */
  readonly parts: readonly Uint8Array[]
}

/** Of one session; never empty. */
interface Open {
  readonly chunks: StoredChunk[]
  bytes: number
}

const endOf = ({ first_seq, count }: StoredChunk): number => first_seq + count

export class Gathering {
  readonly #open = new Map<number, Open>()
  #bytes = 0

  /** What waits for its object to fill. */
  get bytes(): number {
    return this.#bytes
  }

  /** Returns what this fills: objects of the chunk's session. */
  add(chunk: StoredChunk): readonly Gathered[] {
    const { session_no } = chunk
    const full: Gathered[] = []
    const before = this.#open.get(session_no)?.chunks.at(-1)
    if (before !== undefined && endOf(before) !== chunk.first_seq)
      full.push(...this.#close(session_no))
    const open = this.#open.get(session_no) ?? { chunks: [], bytes: 0 }
    this.#open.set(session_no, open)
    open.chunks.push(chunk)
    open.bytes += chunk.bytes.length
    this.#bytes += chunk.bytes.length
    while (open.bytes > object_bytes + object_rest_bytes && open.chunks.length > 1)
      full.push(this.#take(session_no, open))
    return full
  }

  /** All that waits, as objects. */
  close(): readonly Gathered[] {
    return [...this.#open.keys()].flatMap((session_no) => this.#close(session_no))
  }

  #close(session_no: number): readonly Gathered[] {
    const open = this.#open.get(session_no)
    if (open === undefined) return []
    this.#open.delete(session_no)
    const chunks = open.chunks.splice(0)
    this.#bytes -= open.bytes
    return [gathered(session_no, chunks)]
  }

  /** As many as fill an object, and at least one. */
  #take(session_no: number, open: Open): Gathered {
    let [count, bytes] = [0, 0]
    for (const chunk of open.chunks) {
      if (count > 0 && bytes + chunk.bytes.length > object_bytes) break
      bytes += chunk.bytes.length
      count++
    }
    open.bytes -= bytes
    this.#bytes -= bytes
    return gathered(session_no, open.chunks.splice(0, count))
  }
}

function gathered(session_no: number, chunks: readonly StoredChunk[]): Gathered {
  const [first, last] = [chunks[0], chunks.at(-1)]
  return {
    session_no,
    first: first?.first_seq ?? 0,
    next: last === undefined ? 0 : endOf(last),
    parts: chunks.map(({ bytes }) => bytes),
  }
}
