/**
 * The gateway's side towards an authenticated client: what it asks for waits here until the session knows whether
 * it may, and is then either handed over or told why not.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import { session_channels_max } from '../../core/limits.ts'
import {
  type Address,
  askAgent,
  askForward,
  askReverse,
  type Incoming,
  type Place,
  placeText,
} from './forward.ts'
import {
  type Accept,
  disconnect_reason,
  type LibraryChannel,
  type LibraryServerConnection,
  type LibrarySession,
  open_failure,
  protocolOf,
  type RejectOpen,
  type Reply,
} from './library.ts'
import {
  passage_idle_ms,
  refused_idle_ms,
  refused_ms,
  socket_linger_ms,
  told_ms,
  waiting_requests_max,
  waiting_steps_max,
} from './limits.ts'
import { clean, line } from './line.ts'
import type { Asking, Side } from './open.ts'
import { askProgram } from './program.ts'
import { type AllowEnv, serveSession } from './session.ts'
import type { Transport } from './transport.ts'

/** What policy is asked about besides channels. */
export type Capability = 'forwarding' | 'agent_forwarding' | 'x11'

export interface ClientSideEvents {
  opened(asking: Asking): void
  /** Resolves with the line for the user why not; undefined when it may. */
  asked(name: Capability, detail: string): Promise<string | undefined>
  /** Has the target listen. Resolves with its port (0 for a path), undefined when it does not. */
  listen(at: Place): Promise<number | undefined>
  /** Has the target listen no more; false when it did not. */
  unlisten(at: Place): Promise<boolean>
}

/** A program that was refused exits as a shell does when it may not execute one. */
const refused_code = 126
/** A program that was ended with the session: ssh's own failure. */
const ended_code = 255

export class ClientSide {
  readonly #side: Side<LibraryServerConnection>
  readonly #allow_env: AllowEnv
  readonly #open = new Set<Asking>()
  #waiting: Step[] = []
  #working = false
  #on: ClientSideEvents | undefined
  #channels = 0
  #notices: string[] = []
  #refused = false
  #ended = false
  /** Called when a channel is over and none is left. */
  onIdle: (() => void) | undefined
  /** For the name of a target, how a connection to it comes in again. */
  jump: ((host: string) => ((channel: LibraryChannel) => Duplex) | undefined) | undefined
  /** Resolves when the client is gone. */
  readonly closed: Promise<void>

  constructor(connection: LibraryServerConnection, socket: Transport, allow_env: AllowEnv) {
    this.#side = { connection, socket, title: 'the client' }
    this.#allow_env = allow_env
    this.closed = new Promise((resolve) => {
      if (socket.destroyed) resolve()
      else socket.once('close', () => resolve())
    })
    this.#servePrograms()
    this.#serveForwards()
    this.#serveListening()
  }

  get channels(): number {
    return this.#channels
  }

  start(on: ClientSideEvents): void {
    this.#on = on
    this.#work()
  }

  /** Shows the message on every channel, and disconnects when they are over. */
  refuse(message: string): void {
    this.#refused = true
    // A client without a program (`ssh -N`) is told in the disconnect.
    const idle = setTimeout(() => this.#disconnect(message), refused_idle_ms)
    const late = setTimeout(() => this.#disconnect(), refused_ms)
    void this.closed.then(() => {
      clearTimeout(idle)
      clearTimeout(late)
    })
    this.onIdle = () => this.#disconnect()
    const refusal = refusing(message, refused_code)
    this.start({
      ...refusal,
      opened: (asking) => {
        clearTimeout(idle)
        refusal.opened(asking)
      },
    })
  }

  /** Lets it go on to targets, and nothing else; `message` says so. */
  pass(message: string): void {
    let idle: ReturnType<typeof setTimeout> | undefined
    const wait = (): void => {
      clearTimeout(idle)
      idle = setTimeout(() => this.channels === 0 && this.#disconnect(message), passage_idle_ms)
    }
    wait()
    this.onIdle = wait
    void this.closed.then(() => clearTimeout(idle))
    this.start(refusing(message, refused_code))
  }

  /** Somebody connected to a port that the target opened for this client. */
  connected(at: Place, origin: Address | undefined, incoming: Incoming): void {
    this.#carry(incoming, (counted) => askReverse(at, origin, this.#side, counted))
  }

  /** A program at the target wants this client's agent. */
  agentWanted(incoming: Incoming): void {
    this.#carry(incoming, (counted) => askAgent(this.#side, counted))
  }

  /**
   * Sends what is written, then disconnects. The message is shown once: by the programs, or in the disconnect.
   * Channels end first, as a client that reads a disconnect drops what it has not shown yet.
   */
  end(message?: string): void {
    // Who was refused has been told, or will be: another end of the session must not cut that short.
    if (this.#refused) return
    if (message === undefined || ![...this.#open].some(isProgram)) {
      this.#disconnect(message)
      return
    }
    const late = setTimeout(() => this.#disconnect(), told_ms)
    void this.closed.then(() => clearTimeout(late))
    this.onIdle = () => this.#disconnect()
    for (const asking of this.#open) asking.refuse(message, ended_code)
  }

  #disconnect(message?: string): void {
    if (this.#ended) return
    this.#ended = true
    const { connection, socket } = this.#side
    if (!socket.destroyed) {
      protocolOf(connection).disconnect(
        disconnect_reason.by_application,
        message === undefined ? '' : clean(`sluice: ${message}`),
      )
      socket.end()
    }
    const timer = setTimeout(() => socket.destroy(), socket_linger_ms)
    void this.closed.then(() => clearTimeout(timer))
  }

  #opened(asking: Asking, notices: readonly string[]): undefined {
    if (this.#on === undefined) return
    this.#open.add(asking)
    const onGone = asking.endpoint.onGone
    asking.endpoint.onGone = () => {
      this.#open.delete(asking)
      onGone?.()
    }
    if (isProgram(asking))
      for (const notice of [...this.#notices.splice(0), ...notices])
        asking.endpoint.write({ kind: 'data', stream: 2, bytes: line(notice) })
    this.#on.opened(asking)
  }

  /** Counts a channel, if there is room for it. */
  #enter(reject: RejectOpen): boolean {
    if (this.#channels >= session_channels_max) {
      reject(`a session has at most ${session_channels_max} channels`, open_failure.prohibited)
      return false
    }
    // Channels that were closed again are not counted, and what they asked for still waits.
    if (this.#waiting.length >= waiting_steps_max) {
      reject('too much of this session waits to be decided', open_failure.prohibited)
      return false
    }
    this.#channels += 1
    return true
  }

  #leave(): void {
    this.#channels -= 1
    if (this.#channels === 0) this.onIdle?.()
  }

  /** A connection that a peer began: counted until it was refused or is over. */
  #carry({ accept, reject }: Incoming, make: (counted: Incoming) => Asking): void {
    if (!this.#enter(reject)) return
    const asking = make({
      accept,
      reject: (description, reason) => {
        reject(description, reason)
        this.#open.delete(asking)
        this.#leave()
      },
    })
    asking.endpoint.onGone = () => this.#leave()
    this.#later(() => this.#opened(asking, []))
  }

  /** In the order of asking, once the session is decided; what takes its time is waited for. */
  #later(step: Step): void {
    this.#waiting.push(step)
    this.#work()
  }

  #work(): void {
    while (this.#on !== undefined && !this.#working) {
      const step = this.#waiting.shift()
      if (step === undefined) return
      const taking = step()
      if (taking === undefined) continue
      this.#working = true
      const goOn = (): void => {
        this.#working = false
        this.#work()
      }
      taking.then(goOn, goOn)
    }
  }

  async #ask(name: Capability, detail: string): Promise<string | undefined> {
    return this.#on === undefined ? 'not now' : this.#on.asked(name, detail)
  }

  #servePrograms(): void {
    const { connection } = this.#side
    connection.on('session', (accept: Accept<LibrarySession>, reject: RejectOpen) => {
      if (!this.#enter(reject)) return
      const notices: string[] = []
      const allowed = { agent: false }
      serveSession(accept(), protocolOf(connection), this.#allow_env, {
        opened: (session) => this.#later(() => this.#opened(askProgram(session, allowed), notices)),
        asked: (name) =>
          this.#later(async () => {
            const refusal = await this.#ask(name, '')
            if (refusal !== undefined) notices.push(refusal)
            else if (name === 'agent_forwarding') allowed.agent = true
          }),
        closed: () => this.#leave(),
      })
    })
  }

  #serveForwards(): void {
    const { connection } = this.#side
    connection.on('tcpip', (accept: AcceptOpen, reject: RejectOpen, to: TcpForward) => {
      const enter = this.jump?.(to.destIP)
      if (enter !== undefined) {
        this.#comeAgain(accept, reject, enter)
        return
      }
      const origin = { host: to.srcIP, port: to.srcPort }
      this.#carry({ accept, reject }, (counted) =>
        askForward({ host: to.destIP, port: to.destPort }, origin, this.#side, counted),
      )
    })
    connection.on(
      'openssh.streamlocal',
      (accept: AcceptOpen, reject: RejectOpen, to: UnixForward) =>
        this.#carry({ accept, reject }, (counted) =>
          askForward({ path: to.socketPath }, { host: '', port: 0 }, this.#side, counted),
        ),
    )
  }

  /** Never dialled: it enters the gateway as a connection of its own, which is decided and recorded. */
  #comeAgain(
    accept: AcceptOpen,
    reject: RejectOpen,
    enter: (channel: LibraryChannel) => Duplex,
  ): void {
    if (!this.#enter(reject)) return
    const channel = accept()
    if (channel !== undefined) enter(channel).once('close', () => this.#leave())
  }

  #serveListening(): void {
    this.#side.connection.on(
      'request',
      (
        accept: ((port?: number) => void) | undefined,
        reject: Reply,
        name: string,
        at: ListenAt,
      ) => {
        if (this.#waiting.length >= waiting_requests_max) {
          reject?.()
          return
        }
        const place =
          'socketPath' in at ? { path: at.socketPath } : { host: at.bindAddr, port: at.bindPort }
        this.#later(async () => {
          const port = name.startsWith('cancel-')
            ? (await this.#on?.unlisten(place)) === true
              ? 0
              : undefined
            : await this.#listen(name, place)
          if (port === undefined) reject?.()
          else accept?.(port)
        })
      },
    )
  }

  async #listen(name: string, place: Place): Promise<number | undefined> {
    const refusal = await this.#ask('forwarding', `${name} ${placeText(place)}`)
    if (refusal === undefined) return this.#on?.listen(place)
    // Global requests have no reason in their refusal (RFC 4254, section 4): the next program shows it.
    if (!this.#notices.includes(refusal)) this.#notices = [refusal]
    return undefined
  }
}

/** Whatever is asked for is refused with the same line. */
function refusing(message: string, code: number): ClientSideEvents {
  return {
    opened: (asking) => {
      if (isProgram(asking)) asking.endpoint.start({ wire: () => {}, closed: () => {} })
      asking.refuse(message, code)
    },
    asked: async () => message,
    listen: async () => undefined,
    unlisten: async () => false,
  }
}

/** A promise where it takes its time. */
type Step = () => Promise<void> | undefined

const isProgram = ({ request: { kind } }: Asking): boolean =>
  kind === 'exec' || kind === 'shell' || kind === 'subsystem'

type AcceptOpen = Accept<LibraryChannel | undefined>

/** RFC 4254, section 7.2. */
interface TcpForward {
  readonly destIP: string
  readonly destPort: number
  readonly srcIP: string
  readonly srcPort: number
}

interface UnixForward {
  readonly socketPath: string
}

/** RFC 4254, section 7.1, and its like for sockets of the file system. */
type ListenAt = UnixForward | { readonly bindAddr: string; readonly bindPort: number }
