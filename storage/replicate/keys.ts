/**
 * Where everything lies in a bucket. Normative: storage/replicate/FORMAT.md.
 *
 * @module
 */

/** Numbers are as long as they can be, so that keys sort as they count. */
const pad = (number: number): string => String(number).padStart(16, '0')

export const recordsKey = (session: string, first_seq: number): string =>
  `session/${session}/records/${pad(first_seq)}`
export const sessionKey = (
  session: string,
  part: 'start' | 'envelope' | 'manifest' | 'leaves' | 'key',
): string => `session/${session}/${part}`
/** What a session's start names (0), or its end (1). */
export const documentsKey = (session: string, part: 0 | 1): string =>
  `session/${session}/documents/${part}`
export const documentKey = (digest: string): string => `document/${digest}`
export const entriesKey = (first: number): string => `entries/${pad(first)}`
export const checkpointKey = (size: number): string => `checkpoint/${pad(size)}`
/** A checkpoint that the witness with this key id (8 hex digits) cosigned. */
export const cosignedKey = (key_id: string, size: number): string =>
  `cosigned/${key_id}/${pad(size)}`
/** The newest checkpoint as C2SP tlog-tiles serves it; whoever may write can replace it. */
export const checkpoint_hint = 'checkpoint'
export const probe_key = 'probe'

/** `NAME/LOGID/`, the log's origin: everything that one gateway writes is under it. */
export const prefixOf = (origin: string): string => `${origin}/`

export type KeyParts =
  | { readonly kind: 'records'; readonly session: string; readonly first: number }
  | { readonly kind: 'documents'; readonly session: string; readonly part: 0 | 1 }
  | {
      /** `key`: the one that the others are encrypted under. */
      readonly kind: 'start' | 'envelope' | 'manifest' | 'leaves' | 'key'
      readonly session: string
    }
  | { readonly kind: 'document'; readonly digest: string }
  | { readonly kind: 'entries' | 'checkpoint'; readonly first: number }
  | { readonly kind: 'cosigned'; readonly witness: string; readonly first: number }
  | { readonly kind: 'tile' }
  | { readonly kind: 'hint' | 'probe' }

const session_key =
  /^session\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(?:records\/(\d{16})|documents\/([01])|(start|envelope|manifest|leaves|key))$/

/** What a key, without its prefix, stands for; undefined for one that is not of this format. */
export function parseKey(key: string): KeyParts | undefined {
  const [, session, first, documents, part] = session_key.exec(key) ?? []
  if (session !== undefined && first !== undefined)
    return isPlace(first) ? { kind: 'records', session, first: Number(first) } : undefined
  if (session !== undefined && documents !== undefined)
    return { kind: 'documents', session, part: documents === '0' ? 0 : 1 }
  if (session !== undefined)
    return { kind: part as 'start' | 'envelope' | 'manifest' | 'leaves' | 'key', session } // By the pattern.
  const [, numbered, number] = /^(entries|checkpoint)\/(\d{16})$/.exec(key) ?? []
  if (numbered !== undefined && !isPlace(number)) return undefined
  if (numbered !== undefined)
    return { kind: numbered as 'entries' | 'checkpoint', first: Number(number) } // By the pattern.
  const [, witness, size] = /^cosigned\/([0-9a-f]{8})\/(\d{16})$/.exec(key) ?? []
  if (witness !== undefined && isPlace(size))
    return { kind: 'cosigned', witness, first: Number(size) }
  const digest = /^document\/([0-9a-f]{64})$/.exec(key)?.[1]
  if (digest !== undefined) return { kind: 'document', digest }
  if (key.startsWith('tile/')) return { kind: 'tile' }
  if (key === checkpoint_hint) return { kind: 'hint' }
  return key === probe_key ? { kind: 'probe' } : undefined
}

/** Below 2^53, and nobody's mistake for another. */
const isPlace = (digits: string | undefined): boolean => Number.isSafeInteger(Number(digits))
