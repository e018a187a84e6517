/**
 * Do the times in the log agree with an authority's? A token over a checkpoint says that its entries were there at
 * that time; the entry that holds the token was made after it. So each entry between two tokens has bounds on both
 * sides, whatever the gateway's clock was set to.
 *
 * @module
 */
import { equalBytes, fromBase64, sha256 } from '../evidence/bytes.ts'
import { type Checkpoint, parseCheckpoint } from '../evidence/checkpoint.ts'
import { digestOf, openDocument } from '../evidence/document.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import { parseAuthority, parseTimestamp, type Timestamp } from '../evidence/timestamp.ts'
import type { Trust } from '../evidence/trust.ts'
import { timestamp_slack_ms } from './limits.ts'
import { entriesOf } from './log-check.ts'
import type { Findings } from './report.ts'
import type { EvidenceSource } from './source.ts'

/** What authorities of the trust file say. */
export interface Stamped {
  /** The log has to have their roots. */
  readonly checkpoints: readonly Checkpoint[]
  /** Entries that hold a token, ascending: what follows one was written after its time. */
  readonly tokens: readonly { readonly entry: number; readonly time_ms: number }[]
}

/** Reads the log once. */
export async function checkTimestamps(
  source: EvidenceSource,
  trust: Trust | undefined,
  findings: Findings,
): Promise<Stamped> {
  const authorities = (trust?.authorities ?? []).map(parseAuthority)
  if (authorities.length === 0) return { checkpoints: [], tokens: [] }
  const times_ms: number[] = []
  const checkpoints: Checkpoint[] = []
  const tokens: { entry: number; time_ms: number }[] = []
  let newest: { readonly size: number; readonly time_ms: number } | undefined
  for await (const bytes of entriesOf(source, (await source.log()).size)) {
    const entry = times_ms.length
    const decoded = decodeLogEntry(bytes)
    const time_ms = decoded === undefined ? (times_ms.at(-1) ?? 0) : Date.parse(decoded.time)
    times_ms.push(time_ms)
    if (decoded?.type !== 'timestamp.taken') continue
    const found = await readToken(source, decoded.digest)
    if (found === undefined) {
      findings.fail(
        'timestamp_wrong',
        `Entry ${entry} of the log holds a timestamp that is none of the checkpoint beside it.`,
        { entry },
      )
      continue
    }
    const { timestamp, checkpoint } = found
    // Of an authority that nobody trusts it says nothing.
    if (!authorities.some((known) => known !== undefined && timestamp.signedBy(known))) continue
    checkpoints.push(checkpoint)
    tokens.push({ entry, time_ms: timestamp.time_ms })
    newest = { size: checkpoint.size, time_ms: timestamp.time_ms }
    checkBounds(timestamp, checkpoint, entry, times_ms, findings)
  }
  if (newest === undefined)
    findings.fail(
      'timestamp_missing',
      'No timestamp in the log is one of an authority of the trust file: its times are the gateway’s own word.',
    )
  else if (newest.size < times_ms.length)
    findings.notice(
      'entries_not_timestamped',
      `The newest timestamp is over the first ${newest.size} of ${times_ms.length} entries, at ` +
        `${new Date(newest.time_ms).toISOString()}: the times after it have no upper bound.`,
      { entry: newest.size },
    )
  return { checkpoints, tokens }
}

async function readToken(
  source: EvidenceSource,
  digest: string,
): Promise<{ readonly timestamp: Timestamp; readonly checkpoint: Checkpoint } | undefined> {
  const document = (await source.document(digest))?.bytes
  // That it is there and unchanged is said where all documents are read.
  const facts =
    document !== undefined && digestOf(document) === digest ? openDocument(document) : undefined
  const [text, base64] = [facts?.['checkpoint'], facts?.['token']]
  if (typeof text !== 'string' || typeof base64 !== 'string') return undefined
  const token = fromBase64(base64)
  const timestamp = token === undefined ? undefined : parseTimestamp(token)
  const checkpoint = parseCheckpoint(text)
  if (timestamp === undefined || checkpoint === undefined) return undefined
  const is_its = equalBytes(timestamp.imprint, sha256(Buffer.from(text)))
  return is_its ? { timestamp, checkpoint } : undefined
}

/** Times do not go back, so the last entry under the token and the one that holds it speak for all. */
function checkBounds(
  { time_ms, accuracy_ms }: Timestamp,
  { size }: Checkpoint,
  entry: number,
  times_ms: readonly number[],
  findings: Findings,
): void {
  const slack_ms = accuracy_ms + timestamp_slack_ms
  const stamped = new Date(time_ms).toISOString()
  const last = size - 1
  if ((times_ms[last] ?? 0) > time_ms + slack_ms)
    findings.fail(
      'time_outside_tokens',
      `Entry ${last} of the log is dated ${new Date(times_ms[last] ?? 0).toISOString()}, and an authority had its ` +
        `checkpoint at ${stamped} already: the gateway's clock was ahead.`,
      { entry: last },
    )
  if ((times_ms[entry] ?? 0) < time_ms - slack_ms)
    findings.fail(
      'time_outside_tokens',
      `Entry ${entry} of the log is dated ${new Date(times_ms[entry] ?? 0).toISOString()}, and holds a timestamp of ` +
        `${stamped}: the gateway's clock was behind.`,
      { entry },
    )
}
