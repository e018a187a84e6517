/**
 * Both ends of a session channel. An endpoint hands over what its peer sends, in order and only while it is
 * wanted, and sends in order with a window and a socket that push back.
 *
 * @module
 */
import type { ChannelEvent, Endpoint, EndpointEvents, Stream, Wire } from '../../core/connector.ts'
import { Inbox } from './inbox.ts'
import type { LibraryChannel, LibraryProtocol, Receiver } from './library.ts'
import { close_flush_ms, close_reply_ms } from './limits.ts'

/** Who is at the other end. The client sends stream 0; the target sends 1 and 2, and how it ended. */
export type Peer = 'client' | 'target'

const nothing = new Uint8Array()
/** RFC 4254, section 6.10; names with an "@" are anyone's own. */
const signals = new Set('ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2'.split(' '))
const own_signal = /^[\w.-]{1,64}@[\w.-]{1,64}$/

/** Whether a client's signal may be passed on. */
export const isSignal = (name: string): boolean => signals.has(name) || own_signal.test(name)

/** Whether a target's may: by any other name it could say what it likes, past the masking. The last two are OpenSSH's. */
const isKnownSignal = (name: string): boolean =>
  signals.has(name) || name === 'INFO@openssh.com' || name === 'SIG@openssh.com'

const interrupt_byte = 3

function isInterrupt(wire: Wire, has_terminal: boolean): boolean {
  if (wire.kind === 'data') return has_terminal && wire.bytes.includes(interrupt_byte)
  return wire.event.kind === 'signal' && /^(INT|TERM|HUP|QUIT|KILL)$/.test(wire.event.signal)
}

/** Smaller ones cost less than the call that lets go of them. */
const alone_bytes_min = 8 * 1024
/** What a packet has beside its data: its own header and that of the message, and padding (RFC 4253, section 6). */
const beside_bytes_max = 5 + 13 + 255

/** The library decrypts each packet of such a size into a buffer of its own, which holds nothing else that matters. */
const isAlone = (bytes: Uint8Array): boolean =>
  // First: to ask a small one for its buffer makes one.
  bytes.length >= alone_bytes_min && bytes.buffer.byteLength - bytes.length <= beside_bytes_max

export class ChannelEndpoint implements Endpoint {
  readonly peer: Peer
  /** A terminal is raw: its Ctrl-C is a byte. */
  has_terminal = false
  readonly #exits: boolean
  readonly #inbox = new Inbox()
  readonly #eofs = new Set<Stream>()
  #channel: LibraryChannel | undefined
  #protocol: LibraryProtocol | undefined
  #on: EndpointEvents | undefined
  #paused = false
  #delivering = false
  #closing = false
  #gone: { readonly error?: Error } | undefined
  /** The peer has closed the channel, and is not answered yet. */
  #unanswered = false
  #told = false
  /** The client has sent its EOF. */
  #ended = false
  #exit: ChannelEvent | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Called once, when the peer's side is over. */
  onGone: (() => void) | undefined
  #onGivenUp: (() => void) | undefined

  /** `exits`: what runs on the channel tells the client how it ended. */
  constructor(peer: Peer, { exits = false }: { readonly exits?: boolean } = {}) {
    this.peer = peer
    this.#exits = exits && peer === 'client'
  }

  /** Given to the library before the first byte can arrive. */
  readonly receiver: Receiver = {
    data: (bytes, stderr) => {
      if (this.#closing) return
      const stream: Stream = this.peer === 'client' ? 0 : stderr ? 2 : 1
      this.#receive({ kind: 'data', stream, bytes })
    },
    end: () => this.#receiveEof(),
    close: (dead) => this.#receiveClose(dead),
  }

  attach(channel: LibraryChannel, protocol: LibraryProtocol): void {
    this.#channel = channel
    this.#protocol = protocol
    channel.on('error', () => {})
    if (this.peer === 'client') return
    channel.on('exit', (code: number | null, signal?: string, core_dumped?: boolean) => {
      // sshd may send it before the last output of a child that still runs: it is told after the output.
      this.#exit =
        code !== null
          ? { kind: 'exit', code }
          : {
              kind: 'exit_signal',
              signal: (signal ?? '').replace(/^SIG/, ''),
              core_dumped: core_dumped === true,
            }
      if (this.#eofs.size > 0 && !this.#closing) this.#receiveExit()
    })
  }

  /** An event that the library gives outside of the channel: a signal or a resize. */
  receiveEvent(event: ChannelEvent): void {
    if (!this.#closing) this.#receive({ kind: 'control', event })
  }

  /**
   * Tells when the peer is gone, or typed Ctrl-C, or sent the signal of it: now, where that has arrived already and was not
   * handed over. Undefined ends the telling.
   */
  whenGivenUp(given_up: (() => void) | undefined): void {
    this.#onGivenUp = given_up
    if (given_up === undefined) return
    const isOver = (wire: Wire): boolean => isInterrupt(wire, this.has_terminal)
    if (this.#gone !== undefined || this.#inbox.some(isOver)) given_up()
  }

  start(on: EndpointEvents): void {
    this.#on = on
    // The caller's next line may set up what `on` needs.
    queueMicrotask(() => this.#deliver())
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    queueMicrotask(() => this.#deliver())
  }

  write(wire: Wire, sent?: () => void): void {
    const channel = this.#channel
    if (channel === undefined) throw new Error('write before attach')
    if (wire.kind === 'data') {
      channel.transmit(wire.bytes, wire.stream === 2, sent)
      return
    }
    // An empty transmission, so that the event keeps its place among the bytes.
    channel.transmit(nothing, false, () => {
      this.#sendEvent(channel, wire.event)
      sent?.()
    })
  }

  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#inbox.clear()
    if (this.#gone !== undefined) {
      queueMicrotask(() => this.#deliver())
      return
    }
    const channel = this.#channel
    if (channel === undefined) return
    let isSaid = false
    const sayClose = (): void => {
      if (isSaid) return
      isSaid = true
      clearTimeout(this.#timer)
      channel.eof()
      channel.close()
      if (this.#unanswered) this.#end({})
      if (this.#gone !== undefined) return
      this.#timer = setTimeout(() => this.#end({}), close_reply_ms)
    }
    // A peer that reads no more must not keep its program for ever.
    this.#timer = setTimeout(sayClose, close_flush_ms)
    channel.transmit(nothing, false, sayClose)
  }

  #receive(wire: Wire): void {
    if (this.#onGivenUp !== undefined && isInterrupt(wire, this.has_terminal)) this.#onGivenUp()
    if (this.#on === undefined || this.#paused || this.#delivering || !this.#inbox.isEmpty)
      this.#inbox.push(wire)
    else this.#hand(this.#on, wire)
  }

  #receiveEof(): void {
    if (this.#closing) return
    if (this.peer === 'client') {
      if (this.#ended) return
      this.#ended = true
      this.#receive({ kind: 'control', event: { kind: 'eof', stream: 0 } })
      return
    }
    if (this.#eofs.size > 0) return
    // SSH has one EOF for both streams. Stdout last: it is the one whose EOF is sent on.
    for (const stream of [2, 1] as const) {
      this.#eofs.add(stream)
      this.#receive({ kind: 'control', event: { kind: 'eof', stream } })
    }
    this.#receiveExit()
  }

  #receiveExit(): void {
    const event = this.#exit
    if (event === undefined) return
    this.#exit = undefined
    this.#receive({ kind: 'control', event })
  }

  #receiveClose(dead: boolean): void {
    const channel = this.#channel
    if (this.#exits && !dead && !this.#closing && channel?.outgoing.state === 'eof') {
      // OpenSSH closes once both sides have sent EOF, and wants the exit code all the same: sshd sends it, whenever
      // the program ends, and only then answers.
      this.#unanswered = true
      this.#receiveEof()
      return
    }
    channel?.close()
    // A target may close without an EOF.
    if (this.peer === 'target' && !dead) this.#receiveEof()
    if (this.peer === 'target' && dead && !this.#closing) this.#receiveExit()
    this.#end(dead ? { error: new Error(`the connection to the ${this.peer} was lost`) } : {})
  }

  #end(gone: { readonly error?: Error }): void {
    if (this.#gone !== undefined) return
    clearTimeout(this.#timer)
    this.#gone = gone
    this.#onGivenUp?.()
    this.onGone?.()
    this.#deliver()
  }

  /** Hands over what waits, and the end after it. */
  #deliver(): void {
    const on = this.#on
    if (on === undefined || this.#delivering) return
    this.#delivering = true
    while (!this.#paused) {
      const wire = this.#inbox.shift()
      if (wire === undefined) break
      this.#hand(on, wire)
    }
    this.#delivering = false
    if (this.#gone === undefined || this.#told || !this.#inbox.isEmpty) return
    this.#told = true
    on.closed(this.#gone.error)
  }

  #hand(on: EndpointEvents, wire: Wire): void {
    // Counted first, as the receiver owns the bytes from then on.
    const bytes = wire.kind === 'data' ? wire.bytes.length : 0
    if (wire.kind === 'data' && isAlone(wire.bytes)) on.wire({ ...wire, last: true })
    else on.wire(wire)
    if (bytes > 0) this.#channel?.consumed(bytes)
  }

  #sendEvent(channel: LibraryChannel, event: ChannelEvent): void {
    const protocol = this.#protocol
    const { id, state } = channel.outgoing
    if (protocol === undefined || state === 'closing' || state === 'closed') return
    switch (event.kind) {
      case 'eof':
        if (this.peer === 'target') channel.eof()
        // Bytes after an EOF are a violation: it is sent when both streams have ended.
        else if (this.#eofs.add(event.stream).size === 2) channel.eof()
        return
      case 'resize':
        if (this.peer === 'target') protocol.windowChange(id, event.rows, event.columns, 0, 0)
        return
      case 'signal':
        if (this.peer === 'target' && isSignal(event.signal)) protocol.signal(id, event.signal)
        return
      case 'exit':
        if (this.peer === 'client') protocol.exitStatus(id, event.code)
        return
      case 'exit_signal':
        if (this.peer !== 'client') return
        if (isKnownSignal(event.signal))
          protocol.exitSignal(id, event.signal, event.core_dumped, '')
        // As a shell would report an unknown death.
        else protocol.exitStatus(id, 255)
        return
    }
  }
}
