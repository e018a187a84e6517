/**
 * Where a session's documents lie in a bucket, known as soon as what names them was read.
 *
 * @module
 */
import { openDocument } from '../evidence/document.ts'
import type { StoredLogEntry } from '../evidence/log-entry.ts'
import { readManifest, readStartDocument } from '../evidence/manifest.ts'
import { documentsKey, sessionKey } from './keys.ts'

interface Place {
  readonly session: string
  readonly as: 'start' | 'envelope' | 'manifest' | 'leaves'
}

export interface DocumentPlace {
  /** Of an object. */
  readonly key: string
  /** Which of its documents it is, where it is none by its digest. */
  readonly at: number
}

export class DocumentPlaces {
  readonly #places = new Map<string, Place>()

  learnEntry({ type, id: session, digest }: StoredLogEntry): void {
    if (type === 'session.started') this.#places.set(digest, { session, as: 'start' })
    else if (type === 'session.ended') this.#places.set(digest, { session, as: 'manifest' })
  }

  /** The document of that digest was read: it names others. */
  learn(digest: string, bytes: Uint8Array): void {
    const { session, as } = this.#places.get(digest) ?? {}
    if (session === undefined) return
    const facts = openDocument(bytes) ?? {}
    if (as === 'start') {
      const start = readStartDocument(facts)
      if (start !== undefined) this.#places.set(start.envelope, { session, as: 'envelope' })
    } else if (as === 'manifest') {
      for (const list of readManifest(facts)?.leaves ?? [])
        this.#places.set(list, { session, as: 'leaves' })
    }
  }

  /** Where it may be: the first of them that has it is evidence. */
  of(digest: string): readonly DocumentPlace[] {
    const place = this.#places.get(digest)
    if (place === undefined) return []
    const { session, as } = place
    const alone = { key: sessionKey(session, as), at: 0 }
    const with_start = documentsKey(session, 0)
    switch (as) {
      case 'start':
        return [alone, { key: with_start, at: 0 }]
      case 'envelope':
        return [alone, { key: with_start, at: 1 }]
      case 'manifest':
        return [alone, { key: documentsKey(session, 1), at: 0 }, { key: with_start, at: 2 }]
      case 'leaves':
        return [alone, { key: documentsKey(session, 1), at: 1 }, { key: with_start, at: 3 }]
    }
  }
}
