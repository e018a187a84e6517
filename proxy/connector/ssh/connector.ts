/**
 * SSH as the gateway speaks it: unmodified OpenSSH clients on one side, unmodified sshd on the other.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { Connector, Greeting, Passage } from '../../core/connector.ts'
import { ClientError, TargetError } from '../../core/errors.ts'
import type { SignIn } from '../../core/sign-in.ts'
import { type Authenticated, type AuthenticateOptions, authenticate, splitLogin } from './accept.ts'
import { listenerAlgorithms } from './algorithms.ts'
import { ChannelStream } from './channel-stream.ts'
import { ClientSide } from './client-side.ts'
import { type DialLimits, dialTarget, type SshTarget } from './dial.ts'
import { type HostKeys, hostKeysFor, type Jump, type Preset } from './jump.ts'
import {
  createServer,
  type LibraryServer,
  type LibraryServerConnection,
  protocolOf,
  socketOf,
} from './library.ts'
import { keepalive_missed_max, keepalive_ms } from './limits.ts'
import { clean } from './line.ts'
import { joinTarget } from './link.ts'
import { type RekeyLimits, rekeyOften } from './rekey.ts'
import { security_key_types } from './security-key.ts'
import { type Transport, transportOf } from './transport.ts'

export interface SshOptions {
  /** Private keys in OpenSSH or PEM format, without a passphrase; one of each type counts. */
  readonly host_keys: readonly string[]
  /** The target of that name, if there is one. */
  readonly target: (name: string) => SshTarget | undefined
  /** Environment variables that are passed on; a trailing `*` stands for any ending. */
  readonly env: readonly string[]
  readonly dial?: DialLimits
  readonly rekey?: RekeyLimits
  /** Without it, who does not say where to go is refused. */
  readonly jump?: Jump
  /** Without it, a client without a known key is refused. */
  readonly sign_in?: SignIn
  /** Whether a job's ID token may be the password; not, unless given. */
  readonly tokens?: boolean
  /** Told of a good certificate in the hands of somebody who cannot sign with its key. */
  readonly refused?: AuthenticateOptions['refused']
}

/** The software's name without a version: scanners learn nothing. */
const ident = 'sluice'

/** Throws when a host key cannot be read. */
export function sshConnector(options: SshOptions): Connector {
  return connectorTo(undefined, options)
}

function connectorTo(preset: Preset | undefined, options: SshOptions): Connector {
  const { host_keys, jump } = options
  const host: HostKeys =
    preset === undefined || jump === undefined
      ? { hostKeys: host_keys, hostCertificates: [] }
      : hostKeysFor(preset.target, jump)
  const greeted = new WeakMap<
    Transport,
    (connection: LibraryServerConnection, version: string) => void
  >()
  const serve = (client: 'openssh' | 'other'): LibraryServer => {
    const server = createServer({
      ...host,
      algorithms: listenerAlgorithms(client),
      ident,
      keepaliveInterval: keepalive_ms,
      keepaliveCountMax: keepalive_missed_max,
      identSent: true,
      sigAlgs: security_key_types,
    })
    server.on('connection', (connection: LibraryServerConnection, info: ConnectionInfo) =>
      greeted.get(socketOf(connection))?.(connection, info.header.identRaw),
    )
    return server
  }
  const servers = { openssh: serve('openssh'), other: serve('other') }
  const allow_env = allowlist(options.env)

  return {
    protocol: 'ssh',
    async accept(stream, source, identify, signal, patience = () => {}) {
      const abort = (): void => {
        stream.destroy()
      }
      // A stream that nobody listens to would end the process with its error.
      stream.on('error', () => {})
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      try {
        const server = servers[await firstBytes(stream)]
        const socket = transportOf(stream)
        const { promise, resolve } = Promise.withResolvers<void>()
        let parts: Parts | undefined
        const about: AuthenticateOptions = {
          identify,
          asked: (login) => ({
            source,
            ...(whereTo(login, preset) ?? { account: login, target: '' }),
          }),
          way: options.sign_in === undefined ? undefined : { sign_in: options.sign_in, patience },
          tokens: options.tokens ?? false,
          refused: options.refused,
        }
        greeted.set(socket, (connection, version) => {
          const authenticated = authenticate(connection, socket, version, about)
          const client = new ClientSide(connection, socket, allow_env)
          client.jump = jumpOf(options, authenticated, source)
          // A promise resolved here would come after the rest of the packet was parsed.
          parts = { connection, client, authenticated }
          authenticated.catch(() => {})
          resolve()
        })
        server.injectSocket(socket)
        await Promise.race([promise, gone(socket)])
        if (parts === undefined) throw new ClientError('client_protocol', 'no SSH client')
        return await greet(parts, preset, socket, source, options)
      } catch (error) {
        if (signal.aborted)
          throw new ClientError('client_timeout', 'not authenticated in time', { cause: error })
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
  }
}

interface ConnectionInfo {
  readonly header: { readonly identRaw: string }
}

interface Parts {
  readonly connection: LibraryServerConnection
  readonly client: ClientSide
  readonly authenticated: Promise<Authenticated>
}

/**
 * Says who we are (RFC 4253, section 4.2: the server need not wait), and waits for the client to say something:
 * a connection that is opened and left alone costs a socket and no state of SSH.
 */
function firstBytes(socket: Duplex): Promise<'openssh' | 'other'> {
  const { promise, resolve, reject } = Promise.withResolvers<'openssh' | 'other'>()
  const onClose = (): void => reject(new ClientError('client_gone', 'the client said nothing'))
  socket.write(`SSH-2.0-${ident}\r\n`)
  socket.once('close', onClose)
  socket.once('end', onClose)
  socket.once('data', (bytes: Buffer) => {
    socket.pause()
    socket.unshift(bytes)
    socket.off('close', onClose)
    socket.off('end', onClose)
    resolve(bytes.toString('latin1', 0, 16) === 'SSH-2.0-OpenSSH_' ? 'openssh' : 'other')
  })
  if (socket.destroyed) onClose()
  return promise
}

const gone = (socket: Transport): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })

async function greet(
  { connection, client, authenticated }: Parts,
  preset: Preset | undefined,
  socket: Transport,
  source: string,
  options: SshOptions,
): Promise<Greeting | Passage> {
  const { identity, proof, login, context } = await authenticated
  const where = whereTo(login, preset)
  rekeyOften(protocolOf(connection), socket, options.rekey)
  if (where === undefined) {
    const message = `say where to go: ssh ACCOUNT@TARGET@GATEWAY (the login name was "${clean(login)}")`
    if (options.jump === undefined) client.refuse(message)
    else client.pass(`${message}, or ssh -J GATEWAY ACCOUNT@TARGET`)
    return { passage: true, closed: client.closed }
  }
  const { account, target: name } = where
  let is_welcomed = false
  return {
    identity,
    proof,
    account,
    target: name,
    source,
    context: preset === undefined ? context : { ...context, jump: preset.subject },
    closed: client.closed,
    async welcome() {
      assert(!is_welcomed, 'a client is welcomed once')
      is_welcomed = true
      const target = options.target(name)
      if (target === undefined)
        throw new TargetError('target_unreachable', `there is no target named "${clean(name)}"`)
      const dialled = await dialTarget(target, account, ident, options.dial)
      rekeyOften(protocolOf(dialled.client), dialled.socket, options.rekey)
      return joinTarget(client, dialled, name, target.shell_integration === true)
    },
    refuse: (denial) => client.refuse(denial.message),
  }
}

function whereTo(
  login: string,
  preset: Preset | undefined,
): { readonly account: string; readonly target: string } | undefined {
  return preset === undefined ? splitLogin(login) : { account: login, target: preset.target }
}

/** How a client's connections to targets come in again; nothing where it names none. */
function jumpOf(
  options: SshOptions,
  authenticated: Promise<Authenticated>,
  source: string,
): ClientSide['jump'] {
  const { jump, target } = options
  if (jump === undefined) return undefined
  let subject = ''
  authenticated.then(
    ({ identity }) => {
      subject = identity.subject
    },
    () => {},
  )
  return (host) => {
    if (target(host) === undefined) return undefined
    return (channel) => {
      const connection = new ChannelStream(channel)
      jump.open(connection, source, connectorTo({ target: host, subject }, options))
      return connection
    }
  }
}

function allowlist(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const starts = patterns.filter((pattern) => pattern.endsWith('*')).map((it) => it.slice(0, -1))
  // A name is a shell identifier: nothing else is worth the risk of what a target makes of it.
  return (name) =>
    /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name) &&
    (exact.has(name) || starts.some((start) => name.startsWith(start)))
}
