/**
 * The recorder's heart, inside its Worker: sessions, the log and the journal behind one group commit.
 * Items leave, in the order in which they were recorded, only after the commit that made them durable.
 *
 * @module
 */
import { type JsonWebKey, randomBytes } from 'node:crypto'
import { sha256, toBase64, toHex } from '../../storage/evidence/bytes.ts'
import { digestOf } from '../../storage/evidence/document.ts'
import { sealEnvelope } from '../../storage/evidence/envelope.ts'
import {
  manifest,
  readStartDocument,
  type SessionFacts,
  startDocument,
} from '../../storage/evidence/manifest.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import type { Entry } from '../../storage/journal/segment.ts'
import type { OpenSession } from '../../storage/store/recover.ts'
import { RecorderError } from '../core/errors.ts'
import {
  checkpoint_ms,
  commit_bytes_max,
  heartbeat_late_ms,
  heartbeat_ms,
  prepare_idle_ms,
  prepare_slice_pause_ms,
} from '../core/limits.ts'
import type { EndReason, SessionStart } from '../core/ports.ts'
import type { MaskerSource } from '../tap/sink.ts'
import { BufferPool, isPooled } from './buffers.ts'
import { EvidenceLog, type LogParts } from './log.ts'
import type { Committed, FromRecorder, ToRecorder } from './messages.ts'
import { Trail, type TrailPorts } from './trail.ts'

export interface RecorderParts {
  readonly journal: Journal
  readonly log: LogParts
  readonly maskers: MaskerSource
  readonly gateway: string
  /** Public JWKs, and their RFC 7638 thumbprints in the same order. */
  readonly auditors: readonly JsonWebKey[]
  readonly recipients: readonly string[]
  readonly idle_ms: number
  readonly hashes: Readonly<
    Record<'policy_hash' | 'rules_hash' | 'module_hash' | 'config_hash', string>
  >
  readonly now_us: () => number
  readonly now_ms: () => number
  readonly skew_us: () => number
  /** Holds this thread up, and with it all output. */
  readonly pause: (delay_ms: number) => void
  /** The second argument is what is transferred. */
  post(message: FromRecorder, transfer: ArrayBuffer[]): void
}

export interface RecorderCore {
  /** Ends what an earlier process left open, and logs what this one starts with. Once, first. */
  begin(open: readonly OpenSession[]): void
  receive(message: Exclude<ToRecorder, { kind: 'setup' }>): void
}

const iso = (us: number): string => new Date(Math.floor(us / 1000)).toISOString()

export function createRecorder(parts: RecorderParts): RecorderCore {
  const { journal, post } = parts
  const sessions = new Map<number, Trail>()
  let session_next = 1
  /** Items of the next commit. */
  let items: Committed[] = []
  /** Raw output buffers that were read since the last commit. */
  let spent: ArrayBuffer[] = []
  const pool = new BufferPool()
  let lsn = 0
  let pending_bytes = 0
  let scheduled = false
  /** Trails with records in the next commit, and those with records since the last checkpoint. */
  const touched = new Set<Trail>()
  const changed = new Set<Trail>()
  /** Ended sessions whose end could not be written; tried again when there is space. */
  const unended = new Map<Trail, { reason: EndReason; detail: string }>()
  /** Ended in the next commit. */
  const ending = new Map<Trail, { reason: EndReason; detail: string }>()
  let heartbeat_us = 0
  /** No segment is ready for another session, and none can be prepared. */
  let starved = false
  let is_failing = false
  let checkpoint_timer: ReturnType<typeof setInterval> | undefined
  let prepare_timer: ReturnType<typeof setTimeout> | undefined

  const append = (entry: Entry): void => {
    lsn = journal.append(entry)
    pending_bytes += entry.bytes.length
    schedule()
  }
  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    // After the messages that are already queued: they share one fdatasync.
    setImmediate(commit)
  }
  const log = new EvidenceLog(parts.log, append, parts.now_us)
  const ports: TrailPorts = {
    now_us: parts.now_us,
    now_ms: parts.now_ms,
    maskers: parts.maskers,
    idle_ms: parts.idle_ms,
    after(delay_ms, run) {
      const timer = setTimeout(run, delay_ms)
      return () => clearTimeout(timer)
    },
    allocate: (length) => pool.take(length),
    append(trail, seq, stored) {
      touched.add(trail)
      changed.add(trail)
      append({ kind: 'record', session: trail.state.id, seq, bytes: stored })
    },
    leaves({ digest, bytes }) {
      append({ kind: 'document', type: 'session.leaves', digest, bytes })
    },
    release(trail, channel, stream, bytes, raw_length) {
      items.push({ kind: 'release', session: trail.number, channel, stream, bytes, raw_length })
      schedule()
    },
  }
  const ack = (number: number, more: { opened?: { session: number; id: string } } = {}): void => {
    items.push({ kind: 'ack', ack: number, ...more })
    schedule()
  }
  const refuse = (number: number, error: RecorderError): void => {
    const { code, message } = error
    post(
      {
        kind: 'committed',
        lsn,
        items: [{ kind: 'ack', ack: number, error: { code, message } }],
        spent: [],
      },
      [],
    )
  }

  return { begin, receive }

  function commit(): void {
    scheduled = false
    pending_bytes = 0
    try {
      journal.commit()
    } catch (error) {
      fail(error)
      return
    }
    for (const trail of touched) trail.settle()
    touched.clear()
    ending.clear()
    log.settle()
    const delay_ms = lagDelay(journal.backlog_bytes / journal.backlog_bytes_max)
    if (delay_ms > 0) parts.pause(delay_ms)
    const out = items
    const transfer = spent
    items = []
    spent = []
    const returned = [...transfer]
    // The recorder made it, alone in its buffer.
    for (const item of out)
      if (item.kind === 'release') transfer.push(item.bytes.buffer as ArrayBuffer)
    post({ kind: 'committed', lsn, items: out, spent: returned }, transfer)
  }

  /** Nothing of this group is durable: nothing of it is shown, and every session ends. */
  function fail(error: unknown): void {
    const full = error instanceof Error && 'code' in error && error.code === 'journal_full'
    items = []
    log.rollBack()
    for (const trail of touched) trail.rollBack()
    touched.clear()
    const detail = full ? 'no space to record' : 'recording failed'
    for (const trail of sessions.values()) ending.set(trail, { reason: 'recording_failed', detail })
    sessions.clear()
    for (const [trail, end] of ending) {
      trail.abandon()
      // One whose start was in this very group never was.
      if (trail.records > 0) unended.set(trail, end)
    }
    ending.clear()
    is_failing = true
    starved = true
    post(
      {
        kind: 'failed',
        code: full ? 'journal_full' : 'journal_io',
        message: full
          ? 'the gateway has no space left to record this session'
          : 'the gateway cannot record this session',
      },
      [],
    )
  }

  function begin(open: readonly OpenSession[]): void {
    logStart()
    for (const { id, facts: members, records, frontier, end } of open) {
      const facts = readStartDocument({ v: 1, type: 'session.started', ...members })
      // Its start document is gone or damaged: verification says so, and nothing here could mend it.
      if (facts === undefined) continue
      const trail = new Trail(0, { id, facts, records, frontier }, ports)
      if (end === undefined)
        unended.set(trail, {
          reason: 'crashed',
          detail: 'the gateway stopped before the session ended',
        })
      else logEnd(trail, end.reason, end.ended_us, {})
    }
    tick()
    checkpoint_timer = setInterval(tick, checkpoint_ms)
    prepare()
  }

  /** Prepares spare segments in small slices, so that a switch of segments need not wait. */
  function prepare(): void {
    const more = journal.maintain()
    prepare_timer = setTimeout(prepare, more ? prepare_slice_pause_ms : prepare_idle_ms)
    starved = !journal.ready && !more
    if (starved === is_failing) return
    is_failing = starved
    post({ kind: 'health', ready: !starved, reason: starved ? 'no space to record' : '' }, [])
  }

  /** Once a second: ends that are due, the open sessions' roots, a heartbeat, the checkpoint. */
  function tick(): void {
    if (!journal.ready) return
    if (parts.now_us() - heartbeat_us > (heartbeat_ms + heartbeat_late_ms) * 1000) logStart()
    for (const [trail, { reason, detail }] of unended) {
      unended.delete(trail)
      endTrail(trail, reason, detail)
    }
    if (parts.now_us() - heartbeat_us >= heartbeat_ms * 1000) heartbeat()
    const running = [...changed].filter((trail) => sessions.has(trail.number))
    changed.clear()
    if (running.length > 0)
      log.add('session.running', parts.gateway, {
        sessions: running.map((trail) => ({
          session: trail.state.id,
          records: trail.records,
          root: toHex(trail.root()),
        })),
      })
    log.sign()
  }

  /** Marks that the log goes on after a gap in its heartbeats: a start, or a disk that was full. */
  function logStart(): void {
    log.add('configuration.changed', parts.gateway, { gateway: parts.gateway, ...parts.hashes })
    heartbeat()
  }

  function heartbeat(): void {
    heartbeat_us = parts.now_us()
    log.add('heartbeat', parts.gateway, { skew_us: parts.skew_us(), sessions: sessions.size })
  }

  function receive(message: Exclude<ToRecorder, { kind: 'setup' }>): void {
    take(message)
    if (pending_bytes >= commit_bytes_max) commit()
  }

  function take(message: Exclude<ToRecorder, { kind: 'setup' }>): void {
    switch (message.kind) {
      case 'open':
        void open(message.ack, message.start)
        return
      case 'note':
        log.add(message.type, parts.gateway, message.facts)
        ack(message.ack)
        return
      case 'spent':
        pool.give(message.buffer)
        return
      case 'projected':
        journal.recycle(message.lsn)
        return
      case 'stop':
        clearInterval(checkpoint_timer)
        clearTimeout(prepare_timer)
        log.sign()
        ack(message.ack)
        commit()
        journal.close()
        return
    }
    const trail = sessions.get(message.session)
    if (trail === undefined) {
      if ('ack' in message)
        refuse(message.ack, new RecorderError('recorder_gone', 'the session is over'))
      return
    }
    switch (message.kind) {
      case 'output':
        trail.output(message.channel, message.stream, message.bytes)
        if (isPooled(message.bytes.buffer)) spent.push(message.bytes.buffer)
        return
      case 'channel':
        trail.open(message.channel, message.request)
        break
      case 'input':
        trail.input(message.channel, message.bytes)
        break
      case 'event':
        trail.event(message.channel, message.event)
        break
      case 'flush':
        trail.flush(message.channel, message.stream)
        break
      case 'close':
        sessions.delete(message.session)
        endTrail(trail, message.reason, message.detail)
        break
    }
    ack(message.ack)
  }

  async function open(number: number, start: SessionStart): Promise<void> {
    while (!journal.ready && journal.maintain()) await Bun.sleep(prepare_slice_pause_ms)
    if (!journal.ready || unended.size > 0) {
      refuse(number, new RecorderError('journal_full', 'the gateway has no space left to record'))
      return
    }
    const started_us = parts.now_us()
    const id = Bun.randomUUIDv7('hex', Math.floor(started_us / 1000))
    const secrets = {
      salt: randomBytes(32),
      sealing_key: randomBytes(32),
      hmac_key: randomBytes(32),
    }
    const proof = new TextEncoder().encode(
      JSON.stringify({
        kind: start.proof.kind,
        fields: Object.fromEntries(
          Object.entries(start.proof.fields).map(([name, bytes]) => [name, toBase64(bytes)]),
        ),
      }),
    )
    const envelope = await sealEnvelope(parts.auditors, { session: id, ...secrets, proof })
    // What failed while the envelope was made also failed for this session.
    if (is_failing) {
      refuse(number, new RecorderError('journal_full', 'the gateway has no space left to record'))
      return
    }
    const envelope_hash = digestOf(envelope)
    const { identity, protocol, account, target, labels, source, context } = start
    const facts: SessionFacts = {
      session: id,
      gateway: parts.gateway,
      time: iso(started_us),
      protocol,
      account,
      target,
      labels,
      source,
      context,
      identity,
      proof_hash: toHex(sha256(secrets.salt, proof)),
      envelope: envelope_hash,
      recipients: parts.recipients,
      policy_hash: parts.hashes.policy_hash,
      rules_hash: parts.hashes.rules_hash,
      module_hash: parts.hashes.module_hash,
    }
    const trail = new Trail(session_next++, { id, facts, secrets, records: 0, frontier: [] }, ports)
    append({ kind: 'document', type: 'envelope', digest: envelope_hash, bytes: envelope })
    const document = log.add('session.started', id, startDocument(facts))
    trail.record({ kind: 'start', channel: 0, document, envelope: envelope_hash })
    sessions.set(trail.number, trail)
    ack(number, { opened: { session: trail.number, id } })
  }

  function endTrail(trail: Trail, reason: EndReason, detail: string): void {
    ending.set(trail, { reason, detail })
    const leaves = trail.end(reason, detail)
    logEnd(trail, reason, parts.now_us(), leaves)
  }

  function logEnd(
    trail: Trail,
    end_reason: string,
    ended_us: number,
    leaves: { readonly leaves?: readonly string[] },
  ): void {
    const { id, facts } = trail.state
    const ended = iso(ended_us)
    const end = { ended, end_reason, records: trail.records, root: toHex(trail.root()) }
    log.add('session.ended', id, manifest(facts, { ...end, ...leaves }))
  }
}

/**
 * A store that lags slows output down before the journal is full: nothing below half of the limit, a
 * second for each group at the limit.
 */
function lagDelay(lag: number): number {
  return lag < 0.5 ? 0 : Math.min(1, (lag - 0.5) * 2) ** 2 * 1000
}
