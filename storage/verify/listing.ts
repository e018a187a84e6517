/**
 * What a store lists of a session, which is what people see first: who, where, and how it ended. It is a copy
 * of what the signed documents say, so it can be told when somebody changed it.
 *
 * @module
 */
import { isObject } from '../evidence/bytes.ts'
import type { Manifest, StartDocument } from '../evidence/manifest.ts'

export interface Listing {
  readonly subject: string
  readonly issuer: string
  readonly method: string
  readonly groups: readonly string[]
  readonly protocol: string
  readonly account: string
  readonly target: string
  readonly source: string
  readonly labels: Readonly<Record<string, string>>
  /** UTC, microseconds. */
  readonly started_us: number
  readonly start_digest: string
  readonly envelope_digest: string
  readonly records: number
  readonly end_reason?: string
  readonly manifest_digest?: string
}

/** Members of a listing that are not as the session's start document, of that digest, has them. */
export function startMisfits(
  listed: Listing,
  { identity, time, ...start }: StartDocument,
  digest: string,
): readonly string[] {
  return misfits(listed, {
    subject: identity.subject,
    issuer: identity.issuer,
    method: identity.method,
    groups: identity.groups,
    protocol: start.protocol,
    account: start.account,
    target: start.target,
    source: start.source,
    labels: start.labels,
    started_us: Date.parse(time) * 1000,
    start_digest: digest,
    envelope_digest: start.envelope,
  })
}

/** As {@link startMisfits}, of the session's manifest. */
export function endMisfits(
  listed: Listing,
  { records, end_reason }: Manifest,
  digest: string,
): readonly string[] {
  return misfits(listed, { records, end_reason, manifest_digest: digest })
}

const misfits = (listed: Listing, signed: Partial<Listing>): readonly string[] =>
  Object.entries(signed).flatMap(([name, value]) =>
    text(listed[name as keyof Listing]) === text(value) ? [] : name,
  )

/** Labels are the same in any order. */
const text = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner)
      ? Object.keys(inner)
          .toSorted(byText)
          .map((name) => [name, inner[name]])
      : inner,
  )

const byText = (a: string, b: string): number => (a < b ? -1 : 1)
