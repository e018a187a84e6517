/**
 * The main thread's side of the recorder: the {@link Recorder} port over a Worker.
 * Messages of one turn of the loop travel together.
 *
 * @module
 */
import type { MaskedCommand } from '../core/approval.ts'
import type { ChannelRequest, Field, Stream } from '../core/connector.ts'
import { RecorderError } from '../core/errors.ts'
import { exchanged_bytes_max } from '../core/limits.ts'
import type {
  EndReason,
  RecordedEvent,
  Recorder,
  RecorderEvents,
  SessionRecorder,
  SessionStart,
  TypedCommand,
} from '../core/ports.ts'
import type { StatementFact } from '../core/statement.ts'
import type { Content, TransferFact } from '../core/transfer.ts'
import { readBrief } from './brief.ts'
import { BufferPool, isPooled } from './buffers.ts'
import { flatten } from './flat-fields.ts'
import type {
  Acknowledged,
  Committed,
  Configuration,
  FromRecorder,
  NoteType,
  RecorderSetup,
  ShownText,
  ToRecorder,
} from './messages.ts'
import { no_meter, type RecorderMeter } from './meter.ts'
import { Outbox } from './outbox.ts'
import { unpack } from './packed.ts'

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

const isEmpty = ({ start, end }: Content): boolean => start === end

interface Waiting {
  /** Absent for what is no running session's. */
  readonly session: number | undefined
  readonly resolve: (acknowledged: Acknowledged) => void
  readonly reject: (error: RecorderError) => void
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
  let refusing: string | undefined
  let is_held = false
  /** What running sessions wait for, in its order. What is in flight of each is bounded, and so is this. */
  let held: Committed[] = []
  const outbox = new Outbox((batch, transfer) => worker.postMessage(batch, transfer))
  const { batch } = outbox
  const send = (message: ToRecorder, ...transfer: readonly ArrayBuffer[]): void => {
    batch.message(message, ...transfer)
    outbox.soon()
  }
  const wait = (write: (ack: number) => void, session?: number): Promise<Acknowledged> =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) {
        reject(gone)
        return
      }
      const ack = ack_next++
      waiting.set(ack, { session, resolve, reject })
      write(ack)
    })
  const ask = (
    make: (ack: number) => ToRecorder,
    session?: number,
    ...transfer: readonly ArrayBuffer[]
  ): Promise<Acknowledged> => wait((ack) => send(make(ack), ...transfer), session)

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
      meter.passed('to_client', item.raw_length)
      sessions.get(item.session)?.release(item.channel, item.stream, item.bytes, item.raw_length)
    } else {
      const waiter = waiting.get(item.ack)
      waiting.delete(item.ack)
      if (item.error === undefined) waiter?.resolve(item)
      else waiter?.reject(new RecorderError(item.error.code, item.error.message))
    }
  }

  const take = (item: Committed): void => {
    if (is_held && sessionOf(item) !== undefined) held.push(item)
    else deliver(item)
  }
  const committed = (message: string | (FromRecorder & { kind: 'committed' })): void => {
    // First, so that the recorder goes on while this is shown.
    outbox.committed()
    let about: Pick<FromRecorder & { kind: 'committed' }, 'lsn' | 'measured'>
    if (typeof message === 'string') about = readBrief(message, take)
    else {
      about = message
      unpack(message.items, message.packed, take)
      for (const buffer of message.spent) pool.give(buffer)
    }
    if (about.lsn > 0) on.durable(about.lsn)
    if (about.measured !== undefined) meter.committed(about.measured)
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
    const commandOf = async (
      channel: number,
      command: TypedCommand | ShownText,
    ): Promise<MaskedCommand> => {
      const answer = await ask(
        (ack) => ({ kind: 'command', session, ack, channel, command }),
        session,
      )
      if (answer.command !== undefined) return answer.command
      throw new RecorderError('recorder_gone', 'the recorder did not answer')
    }
    const done = (asked: Promise<Acknowledged>): Promise<void> => asked.then(() => {})
    const writeInput = (
      ack: number,
      channel: number,
      bytes: Uint8Array,
      fields?: readonly Field[],
    ): void => {
      if (batch.input(session, channel, ack, bytes, fields)) return
      // Not `slice`: a Buffer's shares its memory, which the transfer would take from its owner.
      const copy = new Uint8Array(bytes)
      const more = fields && { fields: flatten(fields) }
      batch.message({ kind: 'input', session, ack, channel, bytes: copy, ...more }, copy.buffer)
    }
    return {
      id,
      event(channel: number, event: RecordedEvent) {
        meter.event(event.kind)
        return done(ask((ack) => ({ kind: 'event', session, ack, channel, event }), session))
      },
      fact(channel: number, fact: StatementFact | TransferFact) {
        meter.event(fact.kind)
        if (fact.kind === 'statement' || fact.kind === 'run' || fact.kind === 'result')
          batch.fact(session, channel, fact)
        else batch.message({ kind: 'fact', session, channel, fact })
        outbox.sometime()
      },
      channel: (channel: number, request: ChannelRequest) =>
        ask((ack) => ({ kind: 'channel', session, ack, channel, request }), session).then(
          ({ command }) => command,
        ),
      command: (channel: number, command: TypedCommand) => commandOf(channel, command),
      shown: (channel: number, shown: Uint8Array) => commandOf(channel, { shown }),
      buffer: (length: number) => pool.take(length),
      recycle({ buffer }: Uint8Array) {
        // Detached: whoever still reads what was sent finds nothing of what is put there next.
        if (isPooled(buffer)) pool.give(buffer.transfer())
      },
      output(...[channel, stream, bytes, fields, left_out]: Parameters<SessionRecorder['output']>) {
        if (left_out === undefined && batch.output(session, channel, stream, bytes, fields)) {
          // An answer waits for others; an echo does not.
          if (fields === undefined) outbox.soon()
          else outbox.gather()
          return
        }
        // Of {@link buffer}, or of what was read: a copy of that travels, as others may look at the rest of it.
        const own = bytes.length <= exchanged_bytes_max ? new Uint8Array(bytes) : bytes
        const buffer = own.buffer as ArrayBuffer
        const place = { kind: 'output', session, channel, stream, bytes: own } as const
        const output = { ...place, ...(left_out && { left_out }) }
        if (fields === undefined) {
          send(output, buffer)
          return
        }
        const flat = flatten(fields)
        send({ ...output, fields: flat }, buffer, flat.places.buffer)
      },
      download(channel: number, bytes: Uint8Array, pieces: readonly Content[]) {
        const buffer = bytes.buffer as ArrayBuffer // Of {@link buffer}.
        send({ kind: 'download', session, channel, bytes, pieces }, buffer)
      },
      upload(channel: number, bytes: Uint8Array, pieces: readonly Content[]) {
        meter.passed('to_target', bytes.length)
        const buffer = bytes.buffer as ArrayBuffer // Of {@link buffer}.
        // What asks for content is not recorded: the way to the Worker and back would be for nothing.
        if (!is_held && sessions.has(session) && pieces.every(isEmpty))
          return Promise.resolve(bytes)
        const upload = { kind: 'upload', session, channel, bytes, pieces } as const
        return ask((ack) => ({ ...upload, ack }), session, buffer).then(({ bytes: passed }) => {
          if (passed === undefined)
            throw new RecorderError('recorder_gone', 'the recorder did not answer')
          return passed
        })
      },
      input(channel: number, bytes: Uint8Array, fields?: readonly Field[]) {
        meter.passed('to_target', bytes.length)
        return wait((ack) => {
          writeInput(ack, channel, bytes, fields)
          outbox.soon()
        }, session)
      },
      early(channel: number, bytes: Uint8Array, fields: readonly Field[]) {
        meter.passed('to_target', bytes.length)
        writeInput(0, channel, bytes, fields)
        outbox.sometime()
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
    worker.onmessage = ({ data }: MessageEvent<FromRecorder | string>) => {
      if (typeof data === 'string') {
        committed(data)
        return
      }
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
    send({ kind: 'setup', ...setup })
  })
}
