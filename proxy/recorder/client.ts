/**
 * The main thread's side of the recorder: the {@link Recorder} port over a Worker.
 * Messages of one turn of the loop travel together.
 *
 * @module
 */
import type { ChannelRequest, Field, Stream } from '../core/connector.ts'
import { RecorderError } from '../core/errors.ts'
import type {
  EndReason,
  RecordedEvent,
  Recorder,
  RecorderEvents,
  SessionRecorder,
  SessionStart,
  TypedCommand,
} from '../core/ports.ts'
import type { Content } from '../core/transfer.ts'
import { BufferPool, isPooled } from './buffers.ts'
import { flatten } from './flat-fields.ts'
import type {
  Acknowledged,
  Committed,
  Configuration,
  FromRecorder,
  Measured,
  NoteType,
  RecorderSetup,
  ToRecorder,
} from './messages.ts'

export interface RecorderClient extends Recorder {
  /** Writes a fact to the gateway's log; resolves when it is durable. */
  note(type: NoteType, facts: Readonly<Record<string, unknown>>): Promise<void>
  /** What the rules of now leave of a text that is no session's. */
  mask(text: string): Promise<string>
  /**
   * Sessions that begin after the call have these on record, and are masked with the rules; those that run keep theirs.
   * Resolves when the change is in the gateway's log. Rejects with a `RecorderError`, and nothing has changed, when it
   * cannot be.
   */
  configure(configuration: Configuration): Promise<void>
  /** The store has everything up to here on disk. */
  projected(lsn: number): void
  /** The bucket has everything up to here. */
  replicated(lsn: number): void
  /**
   * With `refuse`, new sessions are refused for that reason. With `hold`, running ones wait: nothing of theirs is shown
   * and nothing reaches a target, until it is called without.
   */
  limit(to: { readonly refuse?: string | undefined; readonly hold: boolean }): void
  /** Why nothing can be recorded now; undefined while all is well. */
  readonly failing: string | undefined
  readonly rules_hash: string
  /** Names of the masking rules of sessions that begin now. */
  readonly rules: readonly string[]
  readonly module_hash: string
  /** Signs, commits and ends the Worker. */
  stop(): Promise<void>
}

export interface RecorderClientEvents {
  /** Everything up to here is in the journal. */
  durable(lsn: number): void
  /** Recording failed or works again. */
  health(failing: string | undefined): void
}

/** Counts what passes. Never throws. */
export interface RecorderMeter {
  opened(protocol: string): void
  ended(protocol: string, reason: EndReason): void
  event(kind: RecordedEvent['kind']): void
  /** Bytes that were released to a client, or that a target may have. */
  passed(direction: 'to_client' | 'to_target', bytes: number): void
  committed(measured: Measured): void
}

interface Waiting {
  /** Absent for what is no running session's. */
  readonly session: number | undefined
  readonly resolve: (acknowledged: Acknowledged) => void
  readonly reject: (error: RecorderError) => void
}

const no_meter: RecorderMeter = {
  opened() {},
  ended() {},
  event() {},
  passed() {},
  committed() {},
}

/** Starts the Worker. Rejects with a `RecorderError` when it cannot begin. */
export function startRecorder(
  setup: Omit<RecorderSetup, 'kind'>,
  on: RecorderClientEvents,
  meter: RecorderMeter = no_meter,
): Promise<RecorderClient> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url).href)
  const waiting = new Map<number, Waiting>()
  const sessions = new Map<number, RecorderEvents>()
  let ack_next = 1
  let failing: string | undefined
  /** The Worker died: nobody answers any more. */
  let gone: RecorderError | undefined
  const pool = new BufferPool()
  /** Of the pool here, and on loan to a release. */
  const returned = new WeakSet<ArrayBufferLike>()
  let refusing: string | undefined
  let is_held = false
  /** What running sessions wait for, in its order. What is in flight of each is bounded, and so is this. */
  let held: Committed[] = []
  let queue: ToRecorder[] = []
  let transfer: ArrayBuffer[] = []

  const send = (message: ToRecorder): void => {
    queue.push(message)
    if (queue.length > 1) return
    queueMicrotask(() => {
      worker.postMessage(queue, transfer)
      queue = []
      transfer = []
    })
  }
  const ask = (make: (ack: number) => ToRecorder, session?: number): Promise<Acknowledged> =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) {
        reject(gone)
        return
      }
      const ack = ack_next++
      waiting.set(ack, { session, resolve, reject })
      send(make(ack))
    })

  /** No session outlives its record. */
  const endAll = (error: RecorderError): void => {
    failing = error.message
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
    held = []
    const ended = [...sessions.values()]
    sessions.clear()
    for (const events of ended) events.failed(error.message)
    on.health(failing)
  }

  const sessionOf = (item: Committed): number | undefined =>
    item.kind === 'ack' ? waiting.get(item.ack)?.session : item.session

  const deliver = (item: Committed): void => {
    if (item.kind === 'stopped') {
      sessions.get(item.session)?.stopped(item.channel, item.message)
    } else if (item.kind === 'release') {
      if (item.is_returned === true) returned.add(item.bytes.buffer)
      meter.passed('to_client', item.raw_length)
      sessions.get(item.session)?.release(item.channel, item.stream, item.bytes, item.raw_length)
    } else {
      const waiter = waiting.get(item.ack)
      waiting.delete(item.ack)
      if (item.error === undefined) waiter?.resolve(item)
      else waiter?.reject(new RecorderError(item.error.code, item.error.message))
    }
  }

  const committed = (message: FromRecorder & { kind: 'committed' }): void => {
    for (const item of message.items)
      if (is_held && sessionOf(item) !== undefined) held.push(item)
      else deliver(item)
    for (const buffer of message.spent) pool.give(buffer)
    if (message.lsn > 0) on.durable(message.lsn)
    if (message.measured !== undefined) meter.committed(message.measured)
  }

  const open = async (start: SessionStart, events: RecorderEvents): Promise<SessionRecorder> => {
    if (failing !== undefined) throw new RecorderError('journal_full', failing)
    if (refusing !== undefined) throw new RecorderError('replica_behind', refusing)
    const { opened } = await ask((ack) => ({ kind: 'open', ack, start }))
    if (opened === undefined)
      throw new RecorderError('recorder_gone', 'the recorder did not answer')
    const { session, id } = opened
    sessions.set(session, events)
    const { protocol } = start
    meter.opened(protocol)
    const done = (asked: Promise<Acknowledged>): Promise<void> => asked.then(() => {})
    return {
      id,
      event(channel: number, event: RecordedEvent) {
        meter.event(event.kind)
        return done(ask((ack) => ({ kind: 'event', session, ack, channel, event }), session))
      },
      channel: (channel: number, request: ChannelRequest) =>
        ask((ack) => ({ kind: 'channel', session, ack, channel, request }), session).then(
          ({ command }) => command,
        ),
      command: (channel: number, command: TypedCommand) =>
        ask((ack) => ({ kind: 'command', session, ack, channel, command }), session).then(
          ({ command: shown }) => {
            if (shown !== undefined) return shown
            throw new RecorderError('recorder_gone', 'the recorder did not answer')
          },
        ),
      buffer: (length: number) => pool.take(length),
      recycle({ buffer }: Uint8Array) {
        if (!isPooled(buffer)) return
        if (returned.delete(buffer)) {
          pool.give(buffer)
          return
        }
        send({ kind: 'spent', buffer })
        transfer.push(buffer)
      },
      output(channel: number, stream: 1 | 2, bytes: Uint8Array, fields?: readonly Field[]) {
        const flat = fields && flatten(fields)
        send({ kind: 'output', session, channel, stream, bytes, ...(flat && { fields: flat }) })
        transfer.push(bytes.buffer as ArrayBuffer)
        if (flat !== undefined) transfer.push(flat.places.buffer)
      },
      download(channel: number, bytes: Uint8Array, pieces: readonly Content[]) {
        send({ kind: 'download', session, channel, bytes, pieces })
        transfer.push(bytes.buffer as ArrayBuffer)
      },
      upload(channel: number, bytes: Uint8Array, pieces: readonly Content[]) {
        meter.passed('to_target', bytes.length)
        const asked = ask(
          (ack) => ({ kind: 'upload', session, ack, channel, bytes, pieces }),
          session,
        )
        transfer.push(bytes.buffer as ArrayBuffer)
        return asked.then(({ bytes: passed }) => {
          if (passed === undefined)
            throw new RecorderError('recorder_gone', 'the recorder did not answer')
          returned.add(passed.buffer)
          return passed
        })
      },
      input(channel: number, bytes: Uint8Array, fields?: readonly Field[]) {
        // Not `slice`: a Buffer's shares its memory, which the transfer would take from its owner.
        const copy = new Uint8Array(bytes)
        meter.passed('to_target', bytes.length)
        const more = fields && { fields: flatten(fields) }
        const asked = ask(
          (ack) => ({ kind: 'input', session, ack, channel, bytes: copy, ...more }),
          session,
        )
        transfer.push(copy.buffer)
        return done(asked)
      },
      flush: (channel: number, stream: Stream) =>
        done(ask((ack) => ({ kind: 'flush', session, ack, channel, stream }), session)),
      close(reason: EndReason, detail: string) {
        meter.ended(protocol, reason)
        return done(
          ask((ack) => ({ kind: 'close', session, ack, reason, detail }), session),
        ).finally(() => sessions.delete(session))
      },
    }
  }

  return new Promise((resolve, reject) => {
    let hashes = { rules_hash: '', module_hash: '' }
    let rules = setup.ruleset.names
    const client: RecorderClient = {
      open,
      note: (type, facts) => ask((ack) => ({ kind: 'note', ack, type, facts })).then(() => {}),
      async mask(text) {
        const { masked } = await ask((ack) => ({ kind: 'mask', ack, text }))
        if (masked === undefined)
          throw new RecorderError('recorder_gone', 'the recorder did not answer')
        return masked
      },
      async configure(configuration) {
        await ask((ack) => ({ kind: 'configuration', ack, ...configuration }))
        const { rules: changed } = configuration
        if (changed === undefined) return
        hashes = { ...hashes, rules_hash: changed.ruleset.hash }
        rules = changed.ruleset.names
      },
      projected: (lsn) => send({ kind: 'projected', lsn }),
      replicated: (lsn) => send({ kind: 'replicated', lsn }),
      limit({ refuse, hold }) {
        refusing = refuse
        is_held = hold
        if (hold) return
        const waited = held
        held = []
        for (const item of waited) deliver(item)
      },
      get failing() {
        return failing
      },
      get rules_hash() {
        return hashes.rules_hash
      },
      get rules() {
        return rules
      },
      get module_hash() {
        return hashes.module_hash
      },
      async stop() {
        await ask((ack) => ({ kind: 'stop', ack })).catch(() => {})
        worker.terminate()
      },
    }
    worker.onmessage = ({ data }: MessageEvent<FromRecorder>) => {
      switch (data.kind) {
        case 'committed':
          committed(data)
          return
        case 'failed':
          endAll(new RecorderError(data.code, data.message))
          return
        case 'health':
          failing = data.ready ? undefined : data.reason
          on.health(failing)
          return
        case 'ready':
          hashes = data
          resolve(client)
          return
        case 'refused':
          reject(new RecorderError('journal_io', data.message))
          worker.terminate()
          return
      }
    }
    worker.onerror = (event) => {
      const error = new RecorderError('recorder_gone', 'the recorder stopped', { cause: event })
      gone ??= error
      reject(error)
      endAll(error)
    }
    worker.postMessage([{ kind: 'setup', ...setup }])
  })
}
