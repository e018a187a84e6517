/**
 * A port for one protocol: admits connections, has them authenticated in time, and hands over those that are.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import type { Connector, Greeting, Identify, Passage } from '../core/connector.ts'
import { ClientError } from '../core/errors.ts'
import { createAdmission } from './admission.ts'
import { openDoor } from './door.ts'
import { type ListenerLimits, listener_limits } from './limits.ts'

/** More than an identification string (RFC 4253, section 4.2), less than a first packet of key exchange. */
const greeting_bytes_max = 256

export interface ListenerOptions {
  readonly host: string
  /** 0 for a port of the system's choice. */
  readonly port: number
  /** Other processes of the same user may open the same port; the system spreads connections over all (SO_REUSEPORT). */
  readonly is_shared?: boolean
  readonly connector: Connector
  readonly identify: Identify
  /** Runs a session; resolves when it is over. */
  readonly serve: (greeting: Greeting) => Promise<void>
  /** Facts for the operator. Never carries payload. */
  readonly log: (event: string, fields: Readonly<Record<string, string | number>>) => void
  readonly limits?: Partial<ListenerLimits>
}

export interface Listener {
  readonly address: { readonly host: string; readonly port: number }
  /** Sessions that run. */
  readonly sessions: number
  readonly unauthenticated: number
  /** Takes a connection that came otherwise than by the port, from one who was admitted. */
  admit(stream: Duplex, source: string, connector: Connector): void
  /** Accepts no one any more, and drops who has not authenticated. Sessions go on. Idempotent. */
  stop(): void
}

/** Resolves when the port is open; rejects with the error of the system when it cannot be. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const limits = { ...listener_limits, ...options.limits }
  const { connector, log } = options
  const aborts = new Map<Duplex, AbortController>()
  /** Who was asked to sign in: bounded by who asks them, and the last to go for others. */
  const signing_in = new Set<Duplex>()
  const admission = createAdmission<Duplex>(limits.unauthenticated_max, (stream) =>
    signing_in.has(stream) ? progress_max : progressOf(stream),
  )
  const reportDrops = countDrops(limits.drop_log_ms, (dropped) =>
    log('connections_dropped', { protocol: connector.protocol, dropped }),
  )
  let sessions = 0

  const authenticate = async (
    socket: Duplex,
    source: string,
    by: Connector,
  ): Promise<Greeting | Passage> => {
    const abort = new AbortController()
    aborts.set(socket, abort)
    const dropped = admission.enter(socket)
    if (dropped !== undefined) {
      reportDrops()
      aborts.get(dropped)?.abort()
    }
    let timer = setTimeout(() => abort.abort(), limits.login_ms)
    const patience = (): void => {
      // Once: nobody gets more time by asking again.
      if (signing_in.has(socket) || !aborts.has(socket)) return
      signing_in.add(socket)
      clearTimeout(timer)
      timer = setTimeout(() => abort.abort(), limits.sign_in_ms)
    }
    try {
      return await by.accept(socket, source, options.identify, abort.signal, patience)
    } finally {
      clearTimeout(timer)
      admission.leave(socket)
      signing_in.delete(socket)
      aborts.delete(socket)
    }
  }

  const run = async (
    greeting: Greeting | Passage,
    source: string,
    destroy: () => void,
  ): Promise<void> => {
    if (sessions >= limits.sessions_max) {
      const message = 'the gateway is full: try again later'
      if ('passage' in greeting) destroy()
      else greeting.refuse({ allowed: false, rule: 'sessions_max', message })
      log('session_refused', { source, reason: 'sessions_max' })
      return
    }
    sessions += 1
    try {
      if ('passage' in greeting) await greeting.closed
      else await options.serve(greeting)
    } finally {
      sessions -= 1
    }
  }

  // What a login needed is not kept while its session runs: the stream among it, where the socket is another's by then.
  const admit = (
    socket: Duplex,
    source: string,
    by: Connector,
    destroy: () => void = () => void socket.destroy(),
  ): void => {
    const failed = (error: unknown): void => {
      destroy()
      if (!(error instanceof ClientError)) {
        // A fault of ours. Its text may hold anything, so only its name goes out.
        log('internal_error', { error: error instanceof Error ? error.name : typeof error })
        return
      }
      if (error.code !== 'client_gone') log('client_refused', { source, code: error.code })
    }
    authenticate(socket, source, by)
      .then((greeting) => run(greeting, source, destroy))
      .catch(failed)
  }
  const door = openDoor(options, (stream, source, destroy) =>
    admit(stream, source, connector, destroy),
  )

  return {
    address: { host: options.host, port: door.port },
    get sessions() {
      return sessions
    },
    get unauthenticated() {
      return admission.size
    },
    admit: (socket, source, by) => admit(socket, source, by),
    stop() {
      door.stop()
      for (const abort of aborts.values()) abort.abort()
    },
  }
}

const progress_max = 3

/** How far a connection has come; one inside of another is an authenticated client's. */
function progressOf(stream: Duplex): number {
  const { bytesRead = greeting_bytes_max } = stream as { bytesRead?: number }
  return bytesRead === 0 ? 0 : bytesRead < greeting_bytes_max ? 1 : 2
}

/** A flood is one line per interval, not one per connection. */
function countDrops(interval_ms: number, report: (dropped: number) => void): () => void {
  let dropped = 0
  return () => {
    dropped += 1
    if (dropped > 1) return
    setTimeout(() => {
      report(dropped)
      dropped = 0
    }, interval_ms).unref()
  }
}
