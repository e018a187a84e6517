/**
 * The evidence of one session inside the recorder: sequence, Merkle tree, commitments, sealed values,
 * and the taps of its channels. Everything it writes goes to the journal through {@link TrailPorts}.
 *
 * @module
 */
import assert from 'node:assert'
import { commitSpan, spanNonce } from '../../storage/evidence/commitment.ts'
import { type Document } from '../../storage/evidence/document.ts'
import { LeafList, type LeafPlace } from '../../storage/evidence/leaf-list.ts'
import { leafHash, MerkleTree, type TreeState } from '../../storage/evidence/merkle.ts'
import { encodeFacts, type RecordFacts, type RecordPlace } from '../../storage/evidence/record.ts'
import { sealValue } from '../../storage/evidence/seal.ts'
import type { MaskedCommand } from '../core/approval.ts'
import type { ChannelRequest, Field, Stream } from '../core/connector.ts'
import type { EndReason, RecordedEvent, TypedCommand } from '../core/ports.ts'
import type { StatementFact } from '../core/statement.ts'
import type { Content, TransferFact } from '../core/transfer.ts'
import { MessageTap } from '../tap/message.ts'
import { type MaskerSource, maskCommand, maskPlain, shownText, type TapSink } from '../tap/sink.ts'
import { type ChannelTaps, closeTaps, keepPrompt, openTaps } from './channel-taps.ts'
import { eventRecord } from './event-record.ts'
import { Gathering, isGathered } from './exchanges.ts'
import { Hidden } from './hidden.ts'
import type { ShownText, ToSession } from './messages.ts'
import type { SessionSecrets, TrailState, WaitingHold } from './trail-state.ts'

export interface TrailPorts {
  readonly now_us: () => number
  readonly now_ms: () => number
  readonly after: (delay_ms: number, run: () => void) => () => void
  readonly maskers: MaskerSource
  readonly idle_ms: number
  /** What records hide is kept, sealed. */
  readonly keeps_raw: boolean
  /** Memory for a record. */
  allocate(length: number): Uint8Array<ArrayBuffer>
  /** Appends stored bytes to the journal; durable at the next commit. */
  append(trail: Trail, seq: number, stored: Uint8Array): void
  /** Something is gathered: {@link Trail.writeGathered} before the next commit, which is due. */
  gathering(trail: Trail): void
  /** A record has a mask of that rule. */
  masked(rule: string, times?: number): void
  /** Stores a list of leaf hashes. */
  leaves(list: Document): void
  release(trail: Trail, channel: number, stream: 1 | 2, bytes: Uint8Array, raw_length: number): void
  /** Nothing more of the channel is recorded or released: `message` is on record, and for the user. */
  stopped(trail: Trail, channel: number, message: string): void
}

type ShownBytes = Pick<
  Extract<ToSession, { kind: 'output' }>,
  'channel' | 'stream' | 'bytes' | 'left_out'
>

export interface TrailPlace {
  readonly tree: TreeState
  readonly waiting: readonly WaitingHold[]
  readonly leaves: LeafPlace | undefined
}

/** Channels without words; statements have records of their own. */
const wordless: ReadonlySet<ChannelRequest['kind']> = new Set(['shell', 'agent', 'database'])

export class Trail {
  /** The recorder's small number; 0 for one that was recovered only to be ended. */
  readonly number: number
  readonly state: TrailState
  readonly #ports: TrailPorts
  readonly #channels = new Map<number, ChannelTaps>()
  #tree: MerkleTree
  #durable: TreeState
  /** Held commands whose end is not recorded, and as the disk has them. */
  #waiting: readonly WaitingHold[]
  #waiting_durable: readonly WaitingHold[]
  readonly #leaves: LeafList | undefined
  readonly #hidden: Hidden | undefined
  readonly #gathered = new Gathering()

  constructor(number: number, state: TrailState, ports: TrailPorts) {
    this.number = number
    this.state = state
    this.#ports = ports
    this.#durable = { size: state.records, frontier: state.frontier }
    this.#tree = new MerkleTree(this.#durable)
    this.#waiting = state.waiting ?? []
    this.#waiting_durable = this.#waiting
    if (state.leaves !== undefined) this.#leaves = new LeafList(state.leaves)
    if (ports.keeps_raw)
      this.#hidden = new Hidden((channel, what, value) => this.#seal(channel, what, value))
  }

  /** The tables that this session keeps. */
  get maskers(): MaskerSource {
    return this.#ports.maskers
  }

  /** Records so far, those not yet durable included. */
  get records(): number {
    return this.#tree.size
  }

  root(): Uint8Array {
    return this.#tree.root()
  }

  /** How far it is, to be settled when that is durable. */
  place(): TrailPlace {
    const leaves = this.#leaves?.place()
    return { tree: this.#tree.state(), leaves, waiting: this.#waiting }
  }

  /** A group commit made everything up to there durable. */
  settle(place: TrailPlace): void {
    this.#durable = place.tree
    this.#waiting_durable = place.waiting
    if (place.leaves !== undefined) this.#leaves?.settle(place.leaves)
  }

  /** The group commit failed: the trail is again what is on disk. Its taps must not be used any more. */
  rollBack(): void {
    this.#tree = new MerkleTree(this.#durable)
    this.#waiting = this.#waiting_durable
    this.#leaves?.rollBack()
    this.#gathered.clear()
  }

  /** What was gathered becomes a record. */
  writeGathered(): void {
    if (this.#gathered.isEmpty) return
    const place = this.#place()
    const { stored, leaf } = this.#gathered.encode(place)
    this.#append(place.seq, stored, leaf)
    this.#gathered.clear()
  }

  /** Of a database: where nothing is hidden, with what else becomes durable together. The payload is kept. */
  #gather(facts: RecordFacts, payload?: Uint8Array): void {
    if (!isGathered(facts, payload)) {
      this.record(facts, payload)
      return
    }
    if (!this.#gathered.fits(facts, payload)) this.writeGathered()
    if (this.#gathered.isEmpty) this.#ports.gathering(this)
    this.#gathered.add(facts, payload)
  }

  record(facts: RecordFacts, payload?: Uint8Array): Uint8Array {
    this.writeGathered()
    if (facts.kind !== 'sealed') this.#hidden?.write(facts.channel)
    const place = this.#place()
    const stored = encodeFacts(place, facts, payload, this.#ports.allocate)
    this.#append(place.seq, stored, leafHash(stored))
    if ('spans' in facts) for (const { rule } of facts.spans) this.#ports.masked(rule)
    if ('masks' in facts)
      for (const [rule, times] of Object.entries(facts.masks)) this.#ports.masked(rule, times)
    return stored
  }

  #place(): RecordPlace {
    const seq = this.#tree.size
    return { v: 1, session: this.state.id, seq, t_us: this.#ports.now_us() }
  }

  #append(seq: number, stored: Uint8Array, leaf: Uint8Array): void {
    this.#tree.append(leaf)
    // Before its last record: after a crash, who has that record has the list.
    const full = this.#leaves?.append(leaf)
    if (full !== undefined) this.#ports.leaves(full)
    this.#ports.append(this, seq, stored)
  }

  /** Opens the taps of a channel and records what it asks for, the command masked, which is returned. */
  open(channel: number, request: ChannelRequest): MaskedCommand | undefined {
    const sink = this.#sink(channel, request.kind)
    const { maskers, idle_ms, now_ms, now_us } = this.#ports
    const taps = openTaps(channel, request, {
      ...{ maskers, sink, idle_ms, now_ms, now_us },
      hmac_key: this.#secrets.hmac_key,
      seal: (what, value) => this.#sealText(channel, what, value),
    })
    if (!wordless.has(request.kind)) taps.command_offset = request.command.length
    this.#channels.set(channel, taps)
    const env = Object.fromEntries(
      Object.entries(request.env).map(([name, value]) => [name, this.#plain(value)]),
    )
    this.record({
      kind: 'channel',
      channel,
      request: request.kind,
      ...(request.pty === undefined
        ? {}
        : { pty: { ...request.pty, term: this.#plain(request.pty.term) } }),
      env,
    })
    if (wordless.has(request.kind)) return undefined
    const masked = maskCommand(sink, maskers, channel, request.command)
    this.record(
      { kind: 'command', channel, confidence: 'exact', spans: masked.spans },
      masked.bytes,
    )
    return { ...masked.shown, environment: env }
  }

  /** Records a command that was given to a program of the channel, masked, which is returned. */
  command(channel: number, given: TypedCommand | ShownText): MaskedCommand {
    if ('shown' in given) return shownText(this.#ports.maskers, given.shown)
    const { text, confidence, command, cwd } = given
    const taps = this.#channels.get(channel)
    const offset = taps?.command_offset ?? 0
    if (taps !== undefined) taps.command_offset += text.length
    const sink = taps?.sink ?? this.#sink(channel, 'shell')
    const { spans, bytes, shown } = maskCommand(sink, this.#ports.maskers, channel, text, offset)
    const where = cwd === undefined ? {} : { cwd: this.#plain(cwd) }
    const range = { offset, length: text.length }
    this.record({ kind: 'command', channel, confidence, command, ...where, ...range, spans }, bytes)
    return shown
  }

  output({ channel, stream, bytes, left_out }: ShownBytes, fields?: readonly Field[]): void {
    const taps = this.#channels.get(channel)
    if (taps === undefined || taps.stopped) return
    if (stream === 2) {
      taps.err.push(bytes)
      return
    }
    if (fields !== undefined) {
      this.#messages(channel, taps).out.push(bytes, fields, left_out)
      return
    }
    taps.out.push(bytes)
    keepPrompt(taps, bytes)
  }

  input(channel: number, bytes: Uint8Array, fields?: readonly Field[]): void {
    const taps = this.#channels.get(channel)
    if (taps === undefined) return
    if (fields === undefined) taps.input.push(bytes)
    else this.#messages(channel, taps).in.push(bytes, fields)
  }

  /** Content of files passes; false when it must not. */
  pass(channel: number, bytes: Uint8Array, pieces: readonly Content[]): boolean {
    const taps = this.#channels.get(channel)
    if (taps === undefined || taps.stopped) return false
    return !this.#stop(channel, taps, taps.transfers.pass(bytes, pieces))
  }

  /** One stream is over: releases what is held of it. */
  flush(channel: number, stream: Stream): void {
    const taps = this.#channels.get(channel)
    if (taps === undefined || taps.stopped) return
    if (stream === 0) taps.input.end()
    else (stream === 1 ? taps.out : taps.err).end()
  }

  event(channel: number, event: RecordedEvent): void {
    if (event.kind === 'channel_end') {
      this.#endChannel(channel)
      return
    }
    if (event.kind === 'hold')
      this.#waiting = [...this.#waiting, { channel, request: event.request }]
    else if (event.kind === 'approval')
      this.#waiting = this.#waiting.filter(({ request }) => request !== event.request)
    else if (event.kind === 'resize') this.#channels.get(channel)?.out.resize(event.columns)
    this.record(eventRecord(channel, event, this.#plain))
  }

  /** `age_ms`: so long ago. */
  fact(channel: number, fact: TransferFact | StatementFact, age_ms = 0): void {
    switch (fact.kind) {
      case 'statement':
      case 'run':
      case 'result': {
        const taps = this.#channels.get(channel)
        const is_over = fact.kind === 'result'
        taps?.statements.add(fact, age_ms, is_over ? taps.messages?.out.endRows() : undefined)
        return
      }
      case 'verdict':
        this.event(channel, fact)
        return
      default:
        this.#transfer(channel, fact)
    }
  }

  /** Ends every channel and writes the last record. */
  end(reason: EndReason, detail: string): void {
    // Nobody can decide about them any more.
    for (const { channel, request } of this.#waiting)
      this.record({ kind: 'approval', channel, request, outcome: 'expired', by: [], comment: '' })
    this.#waiting = []
    for (const channel of this.#channels.keys()) this.#endChannel(channel)
    this.record({ kind: 'end', channel: 0, reason, detail: this.#plain(detail) })
  }

  /** Stores what is left of the leaf lists, behind the last record. Returns those that the manifest names. */
  closeLeaves(): { readonly leaves?: readonly string[] } {
    if (this.#leaves === undefined) return {}
    const { last, leaves } = this.#leaves.finish()
    if (last !== undefined) this.#ports.leaves(last)
    return { leaves }
  }

  /** Frees the maskers without a record: recording failed. */
  abandon(): void {
    for (const taps of this.#channels.values()) {
      taps.transfers.abandon()
      closeTaps(taps)
    }
    this.#channels.clear()
  }

  #endChannel(channel: number): void {
    const taps = this.#channels.get(channel)
    if (taps === undefined) return
    // A session may have channels without end, one after the other.
    this.#channels.delete(channel)
    taps.input.end()
    if (!taps.stopped) {
      taps.out.end()
      taps.err.end()
    }
    taps.transfers.close()
    const { sha256, rest } = closeTaps(taps)
    this.#sealText(channel, 'raw_sha256', { channel, sha256 })
    if (Object.keys(rest).length > 0) this.#sealText(channel, 'raw_rest_sha256', { channel, rest })
    this.record({ kind: 'channel_end', channel })
  }

  #seal(channel: number, what: string, value: Uint8Array): void {
    this.writeGathered()
    const sealed = sealValue(this.#secrets.sealing_key, this.records, value)
    this.record({ kind: 'sealed', channel, what }, sealed)
  }

  #sealText(channel: number, what: string, value: object): void {
    this.#seal(channel, what, new TextEncoder().encode(JSON.stringify(value)))
  }

  #messages(channel: number, taps: ChannelTaps): { in: MessageTap; out: MessageTap } {
    const { maskers } = this.#ports
    const { sink } = taps
    taps.messages ??= {
      in: new MessageTap(channel, 0, maskers, sink),
      out: new MessageTap(channel, 1, maskers, sink),
    }
    return taps.messages
  }

  #transfer(channel: number, fact: Exclude<TransferFact, { kind: 'verdict' }>): void {
    const taps = this.#channels.get(channel)
    if (taps === undefined || taps.stopped) return
    if (fact.kind === 'transfer_start') taps.transfers.begin(fact)
    else if (fact.kind === 'change') taps.transfers.change(fact)
    else this.#stop(channel, taps, taps.transfers.end(fact))
  }

  /** Whether there was something to stop for. */
  #stop(channel: number, taps: ChannelTaps, message: string | undefined): boolean {
    if (message === undefined) return false
    taps.stopped = true
    this.record({ kind: 'failed', channel, code: 'transfer_stopped', message })
    this.#ports.stopped(this, channel, message)
    return true
  }

  /** Whatever a client or a target said may hold a secret. */
  readonly #plain = (text: string): string => maskPlain(this.#ports.maskers, text)

  get #secrets(): SessionSecrets {
    assert(this.state.secrets !== undefined, 'a recovered session has no channels')
    return this.state.secrets
  }

  #sink(channel: number, request: ChannelRequest['kind']): TapSink {
    const ports = this.#ports
    const commit = (of: number, stream: number, raw_offset: number, raw: Uint8Array): string =>
      Buffer.from(
        commitSpan(spanNonce(this.#secrets.salt, this.state.id, of, stream, raw_offset), raw),
      ).toString('hex')
    return {
      record: (facts, payload) => this.record(facts, payload),
      gather: (facts, payload) =>
        request === 'database' ? this.#gather(facts, payload) : void this.record(facts, payload),
      release: (stream, bytes, raw_length) =>
        ports.release(this, channel, stream, bytes, raw_length),
      commit,
      hide: (of, stream, raw_offset, raw) => {
        this.#hidden?.add(of, stream, raw_offset, raw)
        return commit(of, stream, raw_offset, raw)
      },
      after: ports.after,
    }
  }
}
