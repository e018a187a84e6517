/**
 * The recorder's heart, inside its Worker: sessions, the gateway's log, and what happens to both when the
 * disk fails. What becomes durable together is `group.ts`'s story.
 *
 * @module
 */
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { toHex } from '../../storage/evidence/bytes.ts'
import { isErasing } from '../../storage/evidence/erasure.ts'
import { manifest, readStartDocument } from '../../storage/evidence/manifest.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import type { OpenSession } from '../../storage/store/recover.ts'
import { RecorderError } from '../core/errors.ts'
import {
  checkpoint_ms,
  heartbeat_late_ms,
  heartbeat_ms,
  prepare_slice_pause_ms,
} from '../core/limits.ts'
import type { SessionStart } from '../core/ports.ts'
import { type MaskerSource, maskPlain } from '../tap/sink.ts'
import { BufferPool, isPooled } from './buffers.ts'
import { createDiskHealth, recordingFailed } from './disk-health.ts'
import { fieldsOf } from './flat-fields.ts'
import { Group } from './group.ts'
import { EvidenceLog, type LogParts } from './log.ts'
import type { FromRecorder, ToRecorder, ToSession } from './messages.ts'
import { maskedStart, type OpeningParts, openSession } from './opening.ts'
import { type Preparing, startPreparing } from './preparing.ts'
import { createRecycling, type Keeping } from './recycling.ts'
import { type Masking, withConfiguration } from './tables.ts'
import { Trail, type TrailPorts } from './trail.ts'
import { type End, no_records } from './trail-state.ts'

export interface RecorderParts extends OpeningParts, Masking, Keeping {
  /** Verifier keys. */
  readonly worker_logs?: readonly string[]
  readonly keeps_raw: boolean
  readonly journal: Journal
  readonly log: LogParts
  /** Maskers of other rules than the first ones. */
  load(ruleset: Ruleset): MaskerSource
  readonly now_us: () => number
  readonly now_ms: () => number
  readonly skew_us: () => number
  /** Commits from this size on are written by another thread. */
  readonly later_bytes_min: number
  /** Holds this thread up, and with it all output. */
  readonly pause: (delay_ms: number) => void
  readonly post: (message: FromRecorder) => void
}

export interface RecorderCore {
  /** Ends what an earlier process left open, and logs what this one starts with. Once, first. */
  begin(left: readonly OpenSession[]): void
  receive(message: Message): void
}

type Message = Exclude<ToRecorder, { kind: 'setup' }>
const transfer_stopped = new RecorderError('transfer_stopped', 'the transfer stopped')
export function createRecorder(parts: RecorderParts): RecorderCore {
  const { journal, post } = parts
  const sessions = new Map<number, Trail>()
  let session_next = 1
  const pool = new BufferPool()
  /** Trails with records in the next commit, in the one that is being written, since the last checkpoint, and soon. */
  let touched = new Set<Trail>()
  let writing = new Set<Trail>()
  const changed = new Set<Trail>()
  const gathering = new Set<Trail>()
  /** Ended in the next commit, and in the one that is being written. */
  let ending = new Map<Trail, End>()
  let writing_ends = new Map<Trail, End>()
  /** Ended sessions whose end could not be written; tried again when there is space. */
  const unended = new Map<Trail, End>()
  let heartbeat_us = 0
  let checkpoint_timer: ReturnType<typeof setInterval> | undefined
  let preparing: Preparing | undefined
  /** Came while the group was full. */
  let waiting: Message[] = []
  let is_stopping = false
  let is_closed = false
  /** Of sessions that begin now. */
  let masking: Masking = parts

  const health = createDiskHealth(post)
  const recycling = createRecycling(journal, parts.is_replicated)
  const group = new Group({ ...parts, mark, failed, settled })
  const log = new EvidenceLog(parts.log, (entry) => group.append(entry), parts.now_us)
  const ports: TrailPorts = {
    now_us: parts.now_us,
    now_ms: parts.now_ms,
    maskers: parts.maskers,
    idle_ms: parts.idle_ms,
    keeps_raw: parts.keeps_raw,
    after(delay_ms, run) {
      const timer = setTimeout(run, delay_ms)
      return () => clearTimeout(timer)
    },
    allocate: (length) => pool.take(length),
    append(trail, seq, stored) {
      touched.add(trail)
      changed.add(trail)
      group.record(trail.state.id, seq, stored)
    },
    gathering(trail) {
      gathering.add(trail)
      group.schedule()
    },
    masked: (rule, times) => group.masked(rule, times),
    leaves({ digest, bytes }) {
      group.append({ kind: 'document', type: 'session.leaves', digest, bytes })
    },
    release: ({ number: session }, channel, stream, bytes, raw_length) =>
      group.release({ kind: 'release', session, channel, stream, bytes, raw_length }),
    stopped: ({ number: session }, channel, message) =>
      group.release({ kind: 'stopped', session, channel, message }),
  }
  return { begin, receive }

  /** What was said so far is recorded, and goes into a commit; the result is called when that is durable. */
  function mark(): () => void {
    for (const trail of gathering) trail.writeGathered()
    gathering.clear()
    const places = [...touched].map((trail) => [trail, trail.place()] as const)
    const log_place = log.place()
    writing = touched
    writing_ends = ending
    touched = new Set()
    ending = new Map()
    return () => {
      for (const [trail, place] of places) trail.settle(place)
      log.settle(log_place)
      writing = new Set()
      writing_ends = new Map()
      // Before the ends of the sessions that failed are on the disk nobody new is let in.
      if (unended.size === 0) health.succeeded()
    }
  }

  /** Every session ends; its end is written when there is space again. */
  function failed(error: unknown): void {
    const full = error instanceof Error && 'code' in error && error.code === 'journal_full'
    log.rollBack()
    // The commit that failed, and what stood on it.
    for (const trail of writing.union(touched).union(gathering)) trail.rollBack()
    gathering.clear()
    writing = new Set()
    touched = new Set()
    ending = new Map([...writing_ends, ...ending])
    writing_ends = new Map()
    const detail = full ? 'no space to record' : 'recording failed'
    for (const trail of sessions.values()) ending.set(trail, { reason: 'recording_failed', detail })
    sessions.clear()
    for (const [trail, end] of ending) {
      trail.abandon()
      // One whose start was in this very group never was.
      if (trail.records > 0) unended.set(trail, end)
    }
    ending = new Map()
    health.failed()
    post(recordingFailed(full))
  }

  function begin(left: readonly OpenSession[]): void {
    logStart()
    for (const { facts: members, end, ...state } of left) {
      const facts = readStartDocument({ v: 1, type: 'session.started', ...members })
      // Its start document is gone or damaged: verification says so, and nothing here could mend it.
      if (facts === undefined) continue
      const trail = new Trail(0, { ...state, facts }, ports)
      if (end === undefined)
        unended.set(trail, {
          reason: 'crashed',
          detail: 'the gateway stopped before the session ended',
        })
      else logEnd(trail, end.reason, end.ended_us)
    }
    tick()
    checkpoint_timer = setInterval(tick, checkpoint_ms)
    preparing = startPreparing(journal, health.prepared)
  }

  /** Once a second: ends that are due, the open sessions' roots, a heartbeat, the checkpoint. */
  function tick(): void {
    if (!journal.ready) return
    // One look at the clock, which may be set: a gap is explained before the heartbeat that ends it.
    const quiet_ms = (parts.now_us() - heartbeat_us) / 1000
    const isGap = quiet_ms > heartbeat_ms + heartbeat_late_ms
    if (isGap) logStart()
    for (const [trail, end] of unended) {
      unended.delete(trail)
      endTrail(trail, end)
    }
    // After a failure this is what shows whether the disk takes anything again.
    if ((health.is_unproven || quiet_ms >= heartbeat_ms) && !isGap) heartbeat()
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
    logConfiguration()
    heartbeat()
  }

  function logConfiguration(): void {
    const { gateway, worker_logs: logs = [], retention, release, keeps_raw } = parts
    const facts = { gateway, ...masking.hashes, ...(logs.length > 0 && { logs }) }
    const raw = keeps_raw && { raw: 'sealed' }
    const kept = { ...(retention && { retention }), ...(release && { release }) }
    log.add('configuration.changed', gateway, { ...facts, ...kept, ...raw })
  }

  function heartbeat(): void {
    heartbeat_us = parts.now_us()
    log.add('heartbeat', parts.gateway, { skew_us: parts.skew_us(), sessions: sessions.size })
  }

  function receive(message: Message): void {
    if (waiting.length > 0 || group.isFull) waiting.push(message)
    else handle(message)
  }

  function settled(): void {
    const came = waiting
    waiting = []
    for (const message of came) receive(message)
    close()
  }

  /** Once the stop, which may have come among those that waited, is recorded. */
  function close(): void {
    if (!is_stopping || is_closed || group.isWriting) return
    is_closed = true
    journal.close()
  }

  function handle(message: Message): void {
    switch (message.kind) {
      case 'open':
        void open(message.ack, message.start)
        break
      case 'note':
        log.note(message.type, parts.gateway, message.facts)
        if (isErasing(message.type)) journal.forget()
        group.ack(message.ack)
        break
      case 'mask':
        group.ack(message.ack, { masked: maskPlain(masking.maskers, message.text) })
        break
      case 'configuration':
        configure(message)
        break
      case 'projected':
        recycling.projected(message.lsn)
        break
      case 'replicated':
        recycling.replicated(message.lsn)
        break
      case 'stop':
        clearInterval(checkpoint_timer)
        preparing?.stop()
        log.sign()
        group.ack(message.ack)
        group.commit()
        is_stopping = true
        close()
        return
      default:
        take(message)
    }
    group.commitIfFull()
  }

  function take(message: ToSession): void {
    const trail = sessions.get(message.session)
    if (trail === undefined) {
      if ('ack' in message && message.ack > 0)
        group.refuse(message.ack, new RecorderError('recorder_gone', 'the session is over'))
      return
    }
    switch (message.kind) {
      case 'output':
        trail.output(message, fieldsOf(message))
        spend(message.bytes.buffer)
        return
      case 'download': {
        const { channel, bytes, pieces } = message
        if (!trail.pass(channel, bytes, pieces)) return
        const { length: raw_length } = bytes
        const released = { kind: 'release', session: trail.number, channel, bytes } as const
        group.release({ ...released, stream: 1, raw_length, is_returned: true })
        return
      }
      case 'upload':
        if (trail.pass(message.channel, message.bytes, message.pieces))
          group.ack(message.ack, { bytes: message.bytes })
        else group.refuseLater(message.ack, transfer_stopped)
        return
      case 'channel':
        group.ack(message.ack, { command: trail.open(message.channel, message.request) })
        return
      case 'command':
        group.ack(message.ack, { command: trail.command(message.channel, message.command) })
        return
      case 'input':
        trail.input(message.channel, message.bytes, fieldsOf(message))
        if (message.ack === 0) return
        break
      case 'fact':
        trail.fact(message.channel, message.fact, message.age_ms)
        return
      case 'event':
        trail.event(message.channel, message.event)
        break
      case 'flush':
        trail.flush(message.channel, message.stream)
        break
      case 'close':
        sessions.delete(message.session)
        endTrail(trail, message)
        break
    }
    group.ack(message.ack)
  }

  /** Raw output was read: a record goes there next. What is not recorded leaves more of them here than that takes. */
  function spend(buffer: ArrayBufferLike): void {
    if (isPooled(buffer) && !pool.give(buffer)) group.spend(buffer)
  }

  function configure(message: Extract<Message, { kind: 'configuration' }>): void {
    const in_use = [...sessions.values()].map(({ maskers }) => maskers)
    const next =
      health.is_failing || !journal.ready
        ? 'nothing can be recorded now'
        : withConfiguration(masking, message, in_use, parts.load)
    if (typeof next === 'string') {
      group.refuse(message.ack, new RecorderError('rules_refused', next))
      return
    }
    masking = next
    logConfiguration()
    group.ack(message.ack)
  }

  async function open(ack: number, start: SessionStart): Promise<void> {
    const full = new RecorderError('journal_full', 'the gateway has no space left to record')
    while (!journal.ready && journal.maintain()) await Bun.sleep(prepare_slice_pause_ms)
    if (!journal.ready || unended.size > 0) {
      group.refuse(ack, full)
      return
    }
    const { hashes, maskers, idle_ms } = masking
    const { id, facts, secrets, envelope } = await openSession(
      maskedStart(start, maskers),
      { ...parts, hashes },
      parts.now_us(),
    )
    // What failed while the envelope was made also failed for this session.
    if (health.is_failing) {
      group.refuse(ack, full)
      return
    }
    const trail = new Trail(
      session_next++,
      { id, facts, secrets, ...no_records },
      { ...ports, maskers, idle_ms },
    )
    group.append({ kind: 'document', type: 'envelope', digest: facts.envelope, bytes: envelope })
    const document = log.start(facts, parts.retention, parts.is_keyed)
    trail.record({ kind: 'start', channel: 0, document, envelope: facts.envelope })
    sessions.set(trail.number, trail)
    group.ack(ack, { opened: { session: trail.number, id } })
  }

  function endTrail(trail: Trail, { reason, detail }: End): void {
    ending.set(trail, { reason, detail })
    trail.end(reason, detail)
    logEnd(trail, reason, parts.now_us())
  }

  function logEnd(trail: Trail, end_reason: string, ended_us: number): void {
    const { id, facts } = trail.state
    const ended = new Date(Math.floor(ended_us / 1000)).toISOString()
    const root = toHex(trail.root())
    const end = { ended, end_reason, records: trail.records, root, ...trail.closeLeaves() }
    log.add('session.ended', id, manifest(facts, end))
  }
}
