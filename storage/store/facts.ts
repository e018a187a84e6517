/**
 * Reads facts out of documents and record headers, leniently: what is missing or of another type
 * becomes empty. The store is a view; verification is what judges the bytes.
 *
 * @module
 */

import { isObject, type JsonObject } from '../evidence/bytes.ts'
import { document_salt_bytes } from '../evidence/limits.ts'
import type { SessionRow } from './reader.ts'

/** What the session's row takes from its start document; the rest comes with records and the end. */
export type StartFacts = Omit<
  SessionRow,
  'ended_us' | 'end_reason' | 'records' | 'output_bytes' | 'manifest_digest'
>

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

export function documentFacts(document: Uint8Array): JsonObject | undefined {
  return parseFacts(document.subarray(document_salt_bytes))
}

/** A JSON object, or undefined. */
export function parseFacts(json: Uint8Array): JsonObject | undefined {
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

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}
