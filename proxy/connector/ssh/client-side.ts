/**
 * The gateway's side towards an authenticated client: its channels wait here until the session knows whether
 * it may run, and are then either handed over or told why not.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import { session_channels_max } from '../../core/limits.ts'
import {
  type Accept,
  disconnect_reason,
  type LibraryConnection,
  type LibrarySession,
  protocolOf,
  type RejectOpen,
  type Reply,
} from './library.ts'
import {
  refused_idle_ms,
  refused_ms,
  socket_linger_ms,
  told_ms,
  waiting_requests_max,
} from './limits.ts'
import { clean, line } from './line.ts'
import { type AllowEnv, type OpenedSession, serveSession } from './session.ts'

/** What a client asked for besides running something. The answer is why it does not get it. */
export type Asked = 'forwarding' | 'agent_forwarding' | 'x11'

export interface ClientSideEvents {
  opened(session: OpenedSession): void
  /** Returns the line for the user: none of these is granted yet. */
  asked(name: Asked, detail: string): string
}

/** A program that was refused exits as a shell does when it may not execute one. */
const refused_code = 126
/** A program that was ended with the session: ssh's own failure. */
const ended_code = 255

export class ClientSide {
  readonly #connection: LibraryConnection
  readonly #socket: Duplex
  readonly #sessions = new Set<OpenedSession>()
  #waiting: (() => void)[] = []
  #on: ClientSideEvents | undefined
  #open = 0
  #notices: string[] = []
  #refused = false
  #ended = false
  /** Called when a channel is over and none is left. */
  onIdle: (() => void) | undefined
  /** Resolves when the client is gone. */
  readonly closed: Promise<void>

  constructor(connection: LibraryConnection, socket: Duplex, allow_env: AllowEnv) {
    this.#connection = connection
    this.#socket = socket
    this.closed = new Promise((resolve) => {
      if (socket.destroyed) resolve()
      else socket.once('close', () => resolve())
    })
    connection.on('session', (accept: Accept<LibrarySession>, reject: RejectOpen) => {
      if (this.#open >= session_channels_max) {
        reject(`a session has at most ${session_channels_max} channels`)
        return
      }
      this.#open += 1
      const own: string[] = []
      serveSession(accept(), protocolOf(connection), allow_env, {
        opened: (session) => this.#later(() => this.#opened(session, own)),
        asked: (name) => this.#later(() => own.push(this.#answer(name, ''))),
        closed: () => this.#closedOne(),
      })
    })
    this.#serveForwarding()
  }

  get channels(): number {
    return this.#open
  }

  start(on: ClientSideEvents): void {
    this.#on = on
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
  }

  /** Shows the message on every channel, and disconnects when they are over. */
  refuse(message: string): void {
    this.#refused = true
    // A client without a channel (`ssh -N`) is told in the disconnect.
    const idle = setTimeout(() => this.#disconnect(message), refused_idle_ms)
    const late = setTimeout(() => this.#disconnect(), refused_ms)
    void this.closed.then(() => {
      clearTimeout(idle)
      clearTimeout(late)
    })
    this.onIdle = () => this.#disconnect()
    this.start({
      opened: (session) => {
        clearTimeout(idle)
        session.endpoint.start({ wire: () => {}, closed: () => {} })
        refuseOn(session, message, refused_code)
      },
      asked: () => message,
    })
  }

  /**
   * Sends what is written, then disconnects. The message is shown once: on the channels, or in the disconnect.
   * Channels end first, as a client that reads a disconnect drops what it has not shown yet.
   */
  end(message?: string): void {
    // Who was refused has been told, or will be: another end of the session must not cut that short.
    if (this.#refused) return
    if (message === undefined || this.#sessions.size === 0) {
      this.#disconnect(message)
      return
    }
    const late = setTimeout(() => this.#disconnect(), told_ms)
    void this.closed.then(() => clearTimeout(late))
    this.onIdle = () => this.#disconnect()
    for (const session of this.#sessions) refuseOn(session, message, ended_code)
  }

  #disconnect(message?: string): void {
    if (this.#ended) return
    this.#ended = true
    if (!this.#socket.destroyed) {
      protocolOf(this.#connection).disconnect(
        disconnect_reason.by_application,
        message === undefined ? '' : clean(`sluice: ${message}`),
      )
      this.#socket.end()
    }
    const timer = setTimeout(() => this.#socket.destroy(), socket_linger_ms)
    void this.closed.then(() => clearTimeout(timer))
  }

  #opened(session: OpenedSession, notices: readonly string[]): void {
    if (this.#on === undefined) return
    this.#sessions.add(session)
    const onGone = session.endpoint.onGone
    session.endpoint.onGone = () => {
      this.#sessions.delete(session)
      onGone?.()
    }
    for (const notice of [...this.#notices.splice(0), ...notices])
      session.endpoint.write({ kind: 'data', stream: 2, bytes: line(notice) })
    this.#on.opened(session)
  }

  #closedOne(): void {
    this.#open -= 1
    if (this.#open === 0) this.onIdle?.()
  }

  /** Runs in order, once the session is decided. */
  #later(run: () => void): void {
    if (this.#on !== undefined) run()
    else this.#waiting.push(run)
  }

  #answer(name: Asked, detail: string): string {
    return this.#on?.asked(name, detail) ?? 'not now'
  }

  #serveForwarding(): void {
    const connection = this.#connection
    const refuseOpen = (reject: RejectOpen, detail: string): void => {
      if (this.#waiting.length >= waiting_requests_max) reject('too many requests')
      else this.#later(() => reject(clean(this.#answer('forwarding', detail))))
    }
    connection.on('tcpip', (_accept: unknown, reject: RejectOpen, to: TcpTarget) =>
      refuseOpen(reject, clean(`${to.destIP}:${to.destPort}`)),
    )
    connection.on('openssh.streamlocal', (_accept: unknown, reject: RejectOpen, to: UnixTarget) =>
      refuseOpen(reject, clean(to.socketPath)),
    )
    connection.on('request', (_accept: Reply, reject: Reply, name: string) => {
      // Global requests have no reason in their refusal (RFC 4254, section 4): the next channel shows it.
      reject?.()
      if (this.#waiting.length >= waiting_requests_max) return
      this.#later(() => {
        const notice = this.#answer('forwarding', name)
        if (!this.#notices.includes(notice)) this.#notices = [notice]
      })
    })
  }
}

interface TcpTarget {
  readonly destIP: string
  readonly destPort: number
}

interface UnixTarget {
  readonly socketPath: string
}

/** Says why, sets the exit code and closes. */
export function refuseOn({ endpoint }: OpenedSession, message: string, code: number): void {
  endpoint.write({ kind: 'data', stream: 2, bytes: line(message) })
  endpoint.write({ kind: 'control', event: { kind: 'exit', code } })
  endpoint.close()
}
