/**
 * Entries as a recorder makes them, for tests of the store.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Entry } from '../journal/journal.ts'
import { Journal } from '../journal/journal.ts'
import { segment_bytes_min } from '../journal/limits.ts'
import { journal_name } from './layout.ts'

export const started_us = 1_700_000_000_000_000

export interface SessionOptions {
  readonly subject?: string
  readonly groups?: readonly string[]
  readonly target?: string
  /** After {@link started_us}, in whole milliseconds. */
  readonly at_ms?: number
}

/** The entries of one session, one at a time. */
export class RecordedSession {
  readonly id: string
  readonly stored: Uint8Array[] = []
  readonly #options: SessionOptions

  constructor(number: number, options: SessionOptions = {}) {
    this.id = `018bcfe5-6800-7000-8000-${number.toString(16).padStart(12, '0')}`
    this.#options = options
  }

  start(): Entry[] {
    const { subject = 'ann', groups = ['staff'], target = 'web-1', at_ms = 0 } = this.#options
    const document = documentOf('session.started', {
      session: this.id,
      time: new Date(started_us / 1000 + at_ms).toISOString(),
      protocol: 'ssh',
      account: 'deploy',
      target,
      labels: { env: 'test' },
      source: '127.0.0.1:5000',
      identity: { issuer: 'keys', subject, groups, method: 'public_key', credential: 'SHA256:x' },
      envelope: 'e'.repeat(64),
    })
    return [document, this.record('start', { document: document.digest, envelope: 'e'.repeat(64) })]
  }

  record(kind: string, more: Readonly<Record<string, unknown>> = {}, payload = ''): Entry {
    const seq = this.stored.length
    const bytes = Buffer.byteLength(payload)
    const header = { v: 1, session: this.id, seq, t_us: started_us + seq, channel: 0, kind, bytes }
    const stored = Buffer.from(`${JSON.stringify({ ...header, ...more })}\n${payload}`)
    this.stored.push(stored)
    return { kind: 'record', session: this.id, seq, bytes: stored }
  }

  output(payload: string): Entry {
    return this.record('output', { stream: 1, offset: 0, length: payload.length }, payload)
  }

  command(text: string): Entry {
    return this.record('command', { confidence: 'exact', spans: [] }, text)
  }

  end(): Entry[] {
    const end = this.record('end', { reason: 'client', detail: '' })
    return [end, documentOf('session.ended', { session: this.id, end_reason: 'client' })]
  }
}

export function documentOf(
  type: string,
  facts: Readonly<Record<string, unknown>>,
): Entry & { kind: 'document' } {
  const salt = createHash('sha256').update(JSON.stringify(facts)).digest()
  const bytes = Buffer.concat([salt, Buffer.from(JSON.stringify({ v: 1, type, ...facts }))])
  return { kind: 'document', type, digest: createHash('sha256').update(bytes).digest('hex'), bytes }
}

export function logEntry(index: number): Entry {
  return {
    kind: 'log_entry',
    index,
    bytes: Buffer.from(`{"v":1,"type":"heartbeat","id":"${index}"}`),
  }
}

export function checkpointOf(size: number, signature = 'first'): Entry {
  return {
    kind: 'checkpoint',
    bytes: Buffer.from(`edge/1\n${size}\nroot\n\n- edge/1 ${signature}\n`),
  }
}

/** A data directory that disappears with the test. */
export class DataDirectory implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'sluice-store-'))

  /** Segments are as small as they can be, so that a few entries fill several. */
  journal(next_lsn = 1): Journal {
    return Journal.open({
      dir: join(this.path, journal_name),
      segment_bytes: segment_bytes_min,
      spare_segments: 1,
      backlog_segments_max: 10_000,
      next_lsn,
    })
  }

  /** Commits and closes; returns the last number. */
  write(entries: readonly Entry[]): number {
    const journal = this.journal()
    append(journal, entries)
    journal.close()
    return journal.durable_lsn
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}

/** Appends and commits, a few at a time. */
export function append(journal: Journal, entries: readonly Entry[]): void {
  for (const entry of entries) {
    if (journal.pending_bytes > segment_bytes_min / 2) journal.commit()
    journal.append(entry)
  }
  journal.commit()
}
