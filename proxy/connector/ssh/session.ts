/**
 * A session channel as its client sets it up (RFC 4254, section 6): terminal, environment, then one program.
 *
 * @module
 */
import type { ChannelRequest } from '../../core/connector.ts'
import { command_bytes_max } from '../../core/limits.ts'
import { ChannelEndpoint, isSignal } from './channel.ts'
import type { Accept, LibraryChannel, LibraryProtocol, LibrarySession, Reply } from './library.ts'
import {
  env_value_bytes_max,
  env_variables_max,
  pty_modes_bytes_max,
  term_bytes_max,
} from './limits.ts'

/** A terminal as it came, with what {@link ChannelRequest} does not carry. */
export interface Pty {
  readonly term: string
  readonly columns: number
  readonly rows: number
  readonly width: number
  readonly height: number
  /** Encoded terminal modes (RFC 4254, section 8). */
  readonly modes: Uint8Array
}

/** A program that a client wants to run. The client has been told that it runs; nothing has been dialled. */
export interface OpenedSession {
  readonly request: ChannelRequest & { readonly kind: ProgramKind }
  readonly pty: Pty | undefined
  readonly endpoint: ChannelEndpoint
}

type Capability = 'agent_forwarding' | 'x11'

export interface SessionEvents {
  opened(session: OpenedSession): void
  /** The client asked for something that policy is asked about; the user is told when it is denied. */
  asked(name: Capability): void
  /** The channel is over, or was closed before anything ran. */
  closed(): void
}

/** Whether a variable may be passed on. */
export type AllowEnv = (name: string) => boolean

/** The handlers answer synchronously: a client's early EOF would lose a session that is accepted later. */
export function serveSession(
  session: LibrarySession,
  protocol: LibraryProtocol,
  allow_env: AllowEnv,
  on: SessionEvents,
): void {
  const env: Record<string, string> = Object.create(null)
  const asked = new Set<Capability>()
  let pty: Pty | undefined
  let endpoint: ChannelEndpoint | undefined

  /** Each is decided once for a channel, however often it is asked for. */
  const ask = (name: Capability): void => {
    if (asked.has(name)) return
    asked.add(name)
    on.asked(name)
  }
  const open = (
    accept: Accept<LibraryChannel>,
    reject: Reply,
    kind: ProgramKind,
    command: Uint8Array,
  ) => {
    if (endpoint !== undefined || command.length > command_bytes_max) {
      reject?.()
      return
    }
    endpoint = new ChannelEndpoint('client', { exits: true })
    endpoint.onGone = on.closed
    endpoint.has_terminal = pty !== undefined
    const channel = accept()
    channel.direct(endpoint.receiver)
    endpoint.attach(channel, protocol)
    const terminal = pty && { term: pty.term, columns: pty.columns, rows: pty.rows }
    const request = { kind, command, env, ...(terminal && { pty: terminal }) }
    on.opened({ request, pty, endpoint })
  }

  session.on('pty', (accept: Reply, reject: Reply, info: PtyInfo) => {
    if (endpoint !== undefined || Buffer.byteLength(info.term) > term_bytes_max) {
      reject?.()
      return
    }
    pty = readPty(info)
    accept?.()
  })
  session.on('env', (accept: Reply, reject: Reply, info: { key: string; val: string }) => {
    const fits =
      Buffer.byteLength(info.val) <= env_value_bytes_max &&
      Object.keys(env).length < env_variables_max
    if (endpoint !== undefined || !fits || !allow_env(info.key)) {
      reject?.()
      return
    }
    env[info.key] = info.val
    accept?.()
  })
  session.on('exec', (accept: Accept<LibraryChannel>, reject: Reply, info: ExecInfo) =>
    open(accept, reject, 'exec', new Uint8Array(info.commandBytes)),
  )
  session.on('shell', (accept: Accept<LibraryChannel>, reject: Reply) =>
    open(accept, reject, 'shell', new Uint8Array()),
  )
  session.on('subsystem', (accept: Accept<LibraryChannel>, reject: Reply, info: { name: string }) =>
    open(accept, reject, 'subsystem', new TextEncoder().encode(info.name)),
  )
  session.on('window-change', (_accept: Reply, _reject: Reply, info: SizeInfo) => {
    const columns = size(info.cols)
    const rows = size(info.rows)
    if (endpoint !== undefined) endpoint.receiveEvent({ kind: 'resize', columns, rows })
    else if (pty !== undefined) pty = { ...pty, columns, rows }
  })
  session.on('signal', (_accept: Reply, reject: Reply, info: { name: string }) => {
    if (endpoint === undefined || !isSignal(info.name)) reject?.()
    else endpoint.receiveEvent({ kind: 'signal', signal: info.name })
  })
  session.on('auth-agent', (accept: Reply) => {
    // Replies come in order (RFC 4254, section 5.4), and the program's cannot wait for policy: yes, and no
    // connection to the agent is ever opened when policy denies it.
    accept?.()
    ask('agent_forwarding')
  })
  session.on('x11', (_accept: Reply, reject: Reply) => {
    reject?.()
    ask('x11')
  })
  session.on('close', () => {
    if (endpoint === undefined) on.closed()
  })
}

export type ProgramKind = 'exec' | 'shell' | 'subsystem'

interface SizeInfo {
  readonly cols: number
  readonly rows: number
}

interface PtyInfo extends SizeInfo {
  readonly term: string
  readonly width: number
  readonly height: number
  readonly modesBinary: Buffer
}

interface ExecInfo {
  readonly commandBytes: Buffer
}

function readPty(info: PtyInfo): Pty {
  const { length } = info.modesBinary
  return {
    term: info.term,
    columns: size(info.cols),
    rows: size(info.rows),
    width: size(info.width),
    height: size(info.height),
    // Zero is TTY_OP_END: no modes.
    modes: length <= pty_modes_bytes_max ? new Uint8Array(info.modesBinary) : new Uint8Array(1),
  }
}

/** `struct winsize` has 16 bits. */
const size = (value: number): number => Math.min(value, 0xffff)
