/**
 * Has the log's newest checkpoint timestamped once a minute by an authority (RFC 3161), and logs the token: the token says
 * that what is logged was there by then, and the log that what follows was not. Beside recording, never in its way.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { equalBytes, sha256, toBase64 } from '../../storage/evidence/bytes.ts'
import { timestamp_bytes_max } from '../../storage/evidence/limits.ts'
import { parseNote } from '../../storage/evidence/note.ts'
import {
  answers,
  parseTimestamp,
  timestampRequest,
  tokenOf,
} from '../../storage/evidence/timestamp.ts'
import type { LogReader } from '../../storage/store/reader.ts'
import type { Log } from '../log.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { timestamp_answer_ms, timestamp_lag_ms_max, timestamp_ms } from './limits.ts'

export interface TimestampingOptions {
  /** Undefined where nobody is asked. */
  readonly url: string | undefined
  readonly reader: LogReader
  readonly recorder: Pick<RecorderClient, 'note'>
  readonly log: Log
  readonly changed: () => void
}

export interface Timestamping {
  /** That the log has had no timestamp for too long. */
  failing(): string | undefined
  /** Time of the newest token that this process had taken, UTC in microseconds; 0 before the first. */
  readonly newest_us: number
  stop(): void
}

export function startTimestamping(options: TimestampingOptions): Timestamping {
  const { url, reader, recorder, log, changed } = options
  let good_ms = performance.now()
  let reason: string | undefined
  let newest_us = 0
  let is_stopped = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const say = (next: string | undefined): void => {
    if (next === reason) return
    reason = next
    if (next === undefined) log('info', 'timestamped', {})
    else log('error', 'not_timestamped', { reason: next })
    changed()
  }

  async function look(authority: string): Promise<void> {
    const why = await stamp(authority).catch((error: unknown) =>
      error instanceof Error ? error.name : 'unknown',
    )
    if (is_stopped) return
    if (why === undefined) {
      good_ms = performance.now()
      say(undefined)
    } else if (performance.now() - good_ms > timestamp_lag_ms_max)
      say(`no timestamp for too long: ${why}`)
    timer = setTimeout(() => void look(authority), timestamp_ms)
  }

  /** Why there is none; undefined when there is. */
  async function stamp(authority: string): Promise<string | undefined> {
    const { checkpoint: note } = await reader.log()
    const text = note === undefined ? undefined : parseNote(note)?.text
    if (text === undefined) return undefined
    const nonce = randomBytes(8)
    const bytes = Buffer.from(text)
    const response = await fetch(authority, {
      method: 'POST',
      // RFC 3161, section 3.4.
      headers: { 'content-type': 'application/timestamp-query' },
      body: Buffer.from(timestampRequest(bytes, nonce)),
      redirect: 'error',
      signal: AbortSignal.timeout(timestamp_answer_ms),
    })
    if (response.status !== 200) return `the authority answers ${response.status}`
    const token = tokenOf(await bodyOf(response))
    const timestamp = token === undefined ? undefined : parseTimestamp(token)
    if (token === undefined || timestamp === undefined) return 'the authority gave no token'
    // Who is the authority is the verifier's to know; that it answers this question is ours.
    if (!answers(timestamp, nonce) || !equalBytes(timestamp.imprint, sha256(bytes)))
      return 'the authority answers another question'
    await recorder.note('timestamp.taken', { checkpoint: text, token: toBase64(token) })
    newest_us = timestamp.time_ms * 1000
    return undefined
  }

  if (url !== undefined) timer = setTimeout(() => void look(url), 0)
  return {
    failing: () => reason,
    get newest_us() {
      return newest_us
    },
    stop() {
      is_stopped = true
      clearTimeout(timer)
    },
  }
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > timestamp_bytes_max) return new Uint8Array()
    parts.push(part)
  }
  return Buffer.concat(parts)
}
