/**
 * Reads facts out of documents and record headers, leniently: what is missing or of another type
 * becomes empty. The store is a view; verification is what judges the bytes.
 *
 * @module
 */

/** What the session's row takes from its start document. */
export interface StartFacts {
  readonly id: string
  readonly subject: string
  readonly issuer: string
  readonly method: string
  readonly groups: readonly string[]
  readonly protocol: string
  readonly account: string
  readonly target: string
  readonly source: string
  readonly labels: Readonly<Record<string, string>>
  readonly started_us: number
  readonly start_digest: string
  readonly envelope_digest: string
}

type Facts = Readonly<Record<string, unknown>>

/** A document begins with so many random bytes; JSON follows. */
export const document_salt_bytes = 32

/** Undefined when the document does not say which session it starts. */
export function startFacts(digest: string, document: Uint8Array): StartFacts | undefined {
  const facts = documentFacts(document)
  if (typeof facts?.['session'] !== 'string') return undefined
  const identity = objectOf(facts['identity'])
  return {
    id: facts['session'],
    subject: stringOf(identity['subject']),
    issuer: stringOf(identity['issuer']),
    method: stringOf(identity['method']),
    groups: strings(identity['groups']),
    protocol: stringOf(facts['protocol']),
    account: stringOf(facts['account']),
    target: stringOf(facts['target']),
    source: stringOf(facts['source']),
    labels: labelsOf(facts['labels']),
    started_us: (Date.parse(stringOf(facts['time'])) || 0) * 1000,
    start_digest: digest,
    envelope_digest: stringOf(facts['envelope']),
  }
}

export function documentFacts(document: Uint8Array): Facts | undefined {
  return parseFacts(document.subarray(document_salt_bytes))
}

/** A JSON object, or undefined. */
export function parseFacts(json: Uint8Array): Facts | undefined {
  try {
    const text = Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8')
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** JSON of a column that this store wrote, or that someone changed since. */
export function parseGroups(text: string): readonly string[] {
  return strings(parseFacts(Buffer.from(`{"groups":${text}}`))?.['groups'])
}

/** As {@link parseGroups}. */
export function parseLabels(text: string): Readonly<Record<string, string>> {
  return labelsOf(parseFacts(Buffer.from(text)))
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}

export function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(value))
  return Object.fromEntries(entries.map(([name, text]) => [name, stringOf(text)]))
}

function objectOf(value: unknown): Facts {
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Facts {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
