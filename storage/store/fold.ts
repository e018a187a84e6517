/**
 * Journal entries gathered into what one transaction writes. Looks at the first line of a record,
 * never at its payload, except for the text of commands. What a transfer does counts as a command. Pure.
 *
 * @module
 */
import { isObject, type JsonObject } from '../evidence/bytes.ts'
import { type ErasedSession, readErasure, readShredding } from '../evidence/erasure.ts'
import { decodeLogEntry } from '../evidence/log-entry.ts'
import type { Entry } from '../journal/segment.ts'
import { Bytes } from './bytes.ts'
import type { StartFacts } from './facts.ts'
import { documentFacts, numberOf, parseFacts, startFacts } from './facts.ts'
import { chunk_bytes_max, command_text_bytes_max, record_header_bytes_max } from './limits.ts'

/** Consecutive records: each u32be length, then the stored bytes. */
export interface Chunk {
  readonly first_seq: number
  count: number
  readonly bytes: Bytes
}

export interface FoldedCommand {
  readonly seq: number
  readonly t_us: number
  readonly program: string | null
  readonly confidence: 'exact' | 'shell' | 'screen' | 'typed'
  readonly text: string
}

export interface FoldedSession {
  readonly id: string
  /** Set when the session starts in this batch. */
  start: StartFacts | undefined
  readonly chunks: Chunk[]
  readonly commands: FoldedCommand[]
  output_bytes: number
  /** One more than the highest sequence seen; 0 when there was none. */
  records: number
  end: { readonly ended_us: number; readonly reason: string } | undefined
  manifest_digest: string | undefined
  /** What the log says of its time here. */
  retain_days: number | undefined
  closed_us: number | undefined
  is_keyed: boolean
}

/** A session that is to be erased. */
export interface FoldedErasure extends ErasedSession {
  /** Of the document that says so. */
  readonly digest: string
}

/** What is kept of a batch is copied: entries are borrowed. */
export class Batch {
  readonly sessions: Map<string, FoldedSession> = new Map()
  readonly documents: { digest: string; type: string; bytes: Uint8Array }[] = []
  readonly log_entries: { index: number; bytes: Uint8Array }[] = []
  readonly checkpoints: { size: number; bytes: Uint8Array }[] = []
  readonly erasures: FoldedErasure[] = []
  entries = 0
  bytes = 0
  /** Number of the last entry. */
  lsn = 0

  add(lsn: number, entry: Entry): void {
    this.lsn = lsn
    this.entries++
    this.bytes += entry.bytes.length
    switch (entry.kind) {
      case 'record':
        this.#record(entry.session, entry.seq, entry.bytes)
        return
      case 'document':
        this.#document(entry.digest, entry.type, entry.bytes)
        return
      case 'log_entry':
        this.#logEntry(entry.index, entry.bytes.slice())
        return
      case 'checkpoint':
        this.#checkpoint(entry.bytes)
    }
  }

  /** Empties the batch; the buffers stay for the next. */
  clear(): void {
    for (const { chunks } of this.sessions.values())
      for (const { bytes } of chunks) Bytes.giveBack(bytes)
    this.sessions.clear()
    this.documents.length = 0
    this.log_entries.length = 0
    this.checkpoints.length = 0
    this.erasures.length = 0
    this.entries = 0
    this.bytes = 0
  }

  #session(id: string): FoldedSession {
    const known = this.sessions.get(id)
    if (known !== undefined) return known
    const session = unfolded(id)
    this.sessions.set(id, session)
    return session
  }

  #record(id: string, seq: number, stored: Uint8Array): void {
    const session = this.#session(id)
    const last = session.chunks.at(-1)
    if (
      last !== undefined &&
      last.first_seq + last.count === seq &&
      last.bytes.length + stored.length + 4 <= chunk_bytes_max
    ) {
      last.bytes.push(stored)
      last.count++
    } else {
      const bytes = Bytes.take()
      bytes.push(stored)
      session.chunks.push({ first_seq: seq, count: 1, bytes })
    }
    foldRecord(session, seq, stored)
  }

  #document(digest: string, type: string, borrowed: Uint8Array): void {
    const bytes = borrowed.slice()
    this.documents.push({ digest, type, bytes })
    if (type === 'session.started') {
      const start = startFacts(digest, bytes)
      if (start !== undefined) this.#session(start.id).start ??= start
    } else if (type === 'session.ended') {
      const id = documentFacts(bytes)?.['session']
      if (typeof id === 'string') this.#session(id).manifest_digest = digest
    } else if (type === 'retention.applied') {
      for (const each of readErasure(documentFacts(bytes) ?? {}) ?? [])
        this.erasures.push({ ...each, digest })
    } else if (type === 'session.shredded') {
      const shredded = readShredding(documentFacts(bytes) ?? {})
      if (shredded !== undefined) this.erasures.push({ ...shredded, digest })
    }
  }

  #logEntry(index: number, bytes: Uint8Array): void {
    this.log_entries.push({ index, bytes })
    const decoded = decodeLogEntry(bytes)
    if (decoded?.type === 'session.started') {
      if (decoded.days !== undefined) this.#session(decoded.id).retain_days = decoded.days
      if (decoded.keyed === true) this.#session(decoded.id).is_keyed = true
    } else if (decoded?.type === 'session.ended')
      this.#session(decoded.id).closed_us = Date.parse(decoded.time) * 1000
  }

  #checkpoint(borrowed: Uint8Array): void {
    // C2SP tlog-checkpoint: the second line is the size of the tree.
    const size = /^[^\n]*\n(\d{1,15})\n/.exec(latin1(borrowed.subarray(0, 4096)))?.[1]
    if (size !== undefined) this.checkpoints.push({ size: Number(size), bytes: borrowed.slice() })
  }
}

/** A session of which nothing was seen yet. */
export function unfolded(id: string): FoldedSession {
  return {
    id,
    start: undefined,
    chunks: [],
    commands: [],
    output_bytes: 0,
    records: 0,
    end: undefined,
    manifest_digest: undefined,
    retain_days: undefined,
    closed_us: undefined,
    is_keyed: false,
  }
}

/** Records that rows are made of; the others are most of what a busy gateway writes. */
const peeked: ReadonlySet<string> = new Set([
  ...['output', 'command', 'statement', 'input_text', 'transfer_start', 'change', 'end'],
  'exchange',
])

const newline = 0x0a
const kind_mark = '"kind":"'
const bytes_mark = '","bytes":'
/** Version, session, sequence, time, channel and kind, as they are written; and the length that follows them. */
const leading_bytes_max = 240

/**
 * Whether a record has nothing but its length for the rows, which is then counted: its header need not be read. Nothing that
 * somebody said stands in front of a kind.
 */
function isCounted(session: FoldedSession, stored: Uint8Array): boolean {
  const head = latin1(stored.subarray(0, leading_bytes_max))
  const at = head.indexOf(kind_mark) + kind_mark.length
  const end = head.indexOf('"', at)
  if (at < kind_mark.length || end < 0) return false
  const kind = head.slice(at, end)
  if (!peeked.has(kind)) return true
  if (kind === 'exchange') return isCountedExchange(session, stored)
  if (kind !== 'output' || !head.startsWith(bytes_mark, end)) return false
  const bytes = Number.parseInt(head.slice(end + bytes_mark.length), 10)
  if (!Number.isSafeInteger(bytes) || bytes < 0) return false
  session.output_bytes += bytes
  return true
}

const fact_mark = '{"kind":"'

/** The same of an exchange: it has no statement, and its facts are found as they are written. No text has a quote of its own. */
function isCountedExchange(session: FoldedSession, stored: Uint8Array): boolean {
  const line_end = stored.subarray(0, record_header_bytes_max).indexOf(newline)
  const line = latin1(stored.subarray(0, Math.max(line_end, 0)))
  let sum = 0
  let output_bytes = 0
  for (let at = line.indexOf(fact_mark); at >= 0; at = line.indexOf(fact_mark, at)) {
    at += fact_mark.length
    const end = line.indexOf('"', at)
    const is_output = line.startsWith('output"', at)
    if (line.startsWith('statement"', at) || !line.startsWith(bytes_mark, end)) return false
    const bytes = Number.parseInt(
      line.slice(end + bytes_mark.length, end + 2 * bytes_mark.length),
      10,
    )
    if (!(bytes >= 0)) return false
    sum += bytes
    if (is_output) output_bytes += bytes
  }
  if (sum !== stored.length - line_end - 1) return false
  session.output_bytes += output_bytes
  return true
}

/** What the rows need of a record's header. A header that cannot be read is stored all the same. */
export function foldRecord(session: FoldedSession, seq: number, stored: Uint8Array): void {
  session.records = Math.max(session.records, seq + 1)
  if (isCounted(session, stored)) return
  const line_end = stored.subarray(0, record_header_bytes_max).indexOf(newline)
  const header = line_end < 0 ? undefined : parseFacts(stored.subarray(0, line_end))
  if (header === undefined) return
  const t_us = numberOf(header['t_us'])
  switch (header['kind']) {
    case 'output':
      session.output_bytes += numberOf(header['bytes'])
      return
    case 'command':
    case 'statement':
    case 'input_text':
      session.commands.push(commandOf(header, { seq, t_us }, stored.subarray(line_end + 1)))
      return
    case 'exchange': {
      const { facts } = header
      let at = line_end + 1
      for (const fact of Array.isArray(facts) ? facts.filter(isObject) : []) {
        const bytes = numberOf(fact['bytes'])
        if (fact['kind'] === 'output') session.output_bytes += bytes
        else if (fact['kind'] === 'statement')
          session.commands.push(commandOf(fact, { seq, t_us }, stored.subarray(at, at + bytes)))
        at += bytes
      }
      return
    }
    case 'transfer_start':
    case 'change': {
      const { tool, path, to } = header
      const words = [header['direction'] ?? header['operation'], path, to]
      session.commands.push({
        seq,
        t_us,
        program: typeof tool === 'string' ? tool.slice(0, 255) : null,
        confidence: 'exact',
        text: words
          .filter((word) => typeof word === 'string')
          .join(' ')
          .slice(0, command_text_bytes_max),
      })
      return
    }
    case 'end': {
      const { reason } = header
      session.end = { ended_us: t_us, reason: typeof reason === 'string' ? reason : 'unknown' }
    }
  }
}

function commandOf(
  facts: JsonObject,
  place: Pick<FoldedCommand, 'seq' | 't_us'>,
  payload: Uint8Array,
): FoldedCommand {
  const text = new TextDecoder().decode(payload.subarray(0, command_text_bytes_max))
  const { kind } = facts
  const exact = kind !== 'input_text'
  const program = kind === 'statement' ? kindOf(facts['kinds']) : exact ? programOf(text) : null
  const confidence = exact ? confidenceOf(facts['confidence']) : 'typed'
  return { ...place, program, confidence, text }
}

/** A statement has none of its own. */
function confidenceOf(said: unknown): FoldedCommand['confidence'] {
  return said === 'shell' || said === 'screen' ? said : 'exact'
}

/** What the first statement of a text does: `select`. */
function kindOf(kinds: unknown): string | null {
  const first: unknown = Array.isArray(kinds) ? kinds[0] : undefined
  return typeof first === 'string' ? first.slice(0, 255) : null
}

/** First word that is no assignment, without its path. A hint for searching: a shell may see another. */
function programOf(text: string): string | null {
  const word = text
    .trimStart()
    .split(/\s+/, 20)
    .find((each) => !/^\w+=/.test(each))
  const name = word?.split('/').at(-1)
  return name === undefined || name === '' ? null : name.slice(0, 255)
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
