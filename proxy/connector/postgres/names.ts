/**
 * What a name of the session may stand for when a request is read, before the target has answered those ahead of it. A
 * request that fails leaves an older one in the place of its name, and what stands behind a failure is never read: so a
 * name has several meanings until the target has answered, and one afterwards.
 *
 * @module
 */
import { names_max } from './limits.ts'

/** More meanings at once are nobody's who means well. */
const meanings_max = 16

interface Entry<T> {
  meanings: readonly T[]
  /** In which the last of them was given. */
  segment: number
  /** There were too many: what it may stand for is unknown. */
  is_lost: boolean
}

export interface NamesPorts<T> {
  /** Whether the target has answered everything. */
  isIdle(): boolean
  /** Whether a name stands for this one, once it has. */
  isMeant(name: string, meaning: T): boolean
}

export class Names<T> {
  readonly #ports: NamesPorts<T>
  readonly #entries = new Map<string, Entry<T>>()
  #segment = 0
  #hasForgotten = false

  constructor(ports: NamesPorts<T>) {
    this.#ports = ports
  }

  /** A Sync or a simple query: whatever comes behind it is read again, also when what is ahead of it failed. */
  nextSegment(): void {
    this.#segment += 1
  }

  set(name: string, meaning: T): void {
    const entry = this.#settled(name)
    if (entry === undefined) {
      if (this.#entries.size >= names_max) this.#forgetOldest()
      this.#entries.set(name, { meanings: [meaning], segment: this.#segment, is_lost: false })
      return
    }
    entry.is_lost ||= entry.meanings.length >= meanings_max
    entry.meanings = entry.is_lost ? [meaning] : [...entry.meanings, meaning]
    entry.segment = this.#segment
  }

  /** None where it can stand for nothing; `unknown` where it may stand for what was forgotten. */
  get(name: string): readonly T[] | 'unknown' {
    const known = this.#entries.get(name)
    // Read or not, both are: what gave the name its meaning, and what uses it in the same segment.
    if (known?.segment === this.#segment)
      return known.meanings.length === 1 ? known.meanings : known.meanings.slice(-1)
    const entry = this.#settled(name)
    if (entry === undefined) return this.#hasForgotten ? 'unknown' : []
    return entry.is_lost ? 'unknown' : entry.meanings
  }

  /** The last meaning of a name is another one, such as one that was described. */
  amend(name: string, to: (meaning: T) => T): void {
    const known = this.#entries.get(name)
    const last = known?.meanings.at(-1)
    if (known === undefined || last === undefined) return
    known.meanings = [...known.meanings.slice(0, -1), to(last)]
  }

  #forgetOldest(): void {
    const [oldest] = this.#entries.keys()
    if (oldest === undefined) return
    this.#entries.delete(oldest)
    this.#hasForgotten = true
  }

  #settled(name: string): Entry<T> | undefined {
    const known = this.#entries.get(name)
    if (known === undefined || !this.#ports.isIdle()) return known
    const { meanings } = known
    // Most have one, or two of which the newer one is meant.
    const meant: T[] = []
    for (const meaning of meanings) if (this.#ports.isMeant(name, meaning)) meant.push(meaning)
    if (meant.length < meanings.length) known.meanings = meant
    known.is_lost &&= meant.length === 0
    return known
  }
}
