/**
 * A protocol for tests of what stands on the seam: the client's first line is `TOKEN ACCOUNT@TARGET`, and
 * everything after it goes to the target and back, in lines.
 *
 * @module
 */
import assert from 'node:assert'
import type { Duplex } from 'node:stream'
import type { Connector, Greeting, Identify, Link, LinkEvents } from '../../core/connector.ts'
import { ClientError, TargetError } from '../../core/errors.ts'
import { streamEndpoint } from './channel.ts'
import { LineCodec } from './codec.ts'
import { hello_bytes_max } from './limits.ts'

export interface EchoOptions {
  /** A connected stream to the target of that name. */
  readonly dial: (target: string) => Duplex | undefined
}

export function echoConnector(options: EchoOptions): Connector {
  return {
    protocol: 'echo',
    accept: (socket, source, identify, signal) => accept(socket, source, identify, signal, options),
  }
}

async function accept(
  socket: Duplex,
  source: string,
  identify: Identify,
  signal: AbortSignal,
  options: EchoOptions,
): Promise<Greeting> {
  // Each way ends by itself.
  socket.allowHalfOpen = true
  const hello = await readLine(socket, signal)
  const [, jwt, account, target] = /^(\S+) (\S+)@([^@\s]+)$/.exec(hello) ?? []
  if (jwt === undefined || account === undefined || target === undefined) {
    socket.destroy()
    throw new ClientError('client_protocol', 'the first line is not TOKEN ACCOUNT@TARGET')
  }
  const identity = await identify({ kind: 'token', jwt })
  if ('allowed' in identity) {
    socket.end(`${identity.message}\n`)
    throw new ClientError('unidentified', identity.message)
  }
  const closed = new Promise<void>((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
  let isWelcomed = false
  return {
    identity,
    proof: { kind: 'token', fields: { jwt: new TextEncoder().encode(jwt) } },
    account,
    target,
    source,
    context: {},
    closed,
    async welcome() {
      assert(!isWelcomed, 'a client is welcomed once')
      isWelcomed = true
      const duplex = options.dial(target)
      if (duplex === undefined)
        throw new TargetError('target_unreachable', `there is no target named "${target}"`)
      return link(socket, duplex, target, closed)
    },
    refuse: (denial) => say(socket, denial.message),
  }
}

function link(client: Duplex, target: Duplex, name: string, closed: Promise<void>): Link {
  let reason: 'client' | 'target' | 'gateway' | undefined
  const client_end = streamEndpoint(client, 0)
  const target_end = streamEndpoint(target, 1)
  const target_closed = new Promise<void>((resolve) => {
    target.once('close', () => {
      reason ??= 'target'
      resolve()
    })
  })
  void closed.then(() => {
    reason ??= 'client'
    target.destroy()
  })
  return {
    dialled: { address: name, host_key: '' },
    start(on: LinkEvents) {
      on.channel({
        id: 1,
        request: { kind: 'shell', command: new Uint8Array(), env: {} },
        client: client_end,
        codec: { to_target: new LineCodec(0), to_client: new LineCodec(1) },
        dial: async () => target_end,
        refuse(message) {
          say(client, message)
          target.destroy()
        },
      })
      void Promise.all([closed, target_closed]).then(() => on.closed(reason ?? 'gateway'))
    },
    close(message) {
      reason ??= 'gateway'
      say(client, message)
      target.destroy()
    },
  }
}

/** Sends the line, if any, and ends: what the client still says is read and dropped. */
function say(client: Duplex, message: string | undefined): void {
  if (!client.writableEnded) client.end(message === undefined ? '' : `${message}\n`)
  client.resume()
}

/** The bytes up to the first newline; what follows stays in the stream, which is paused. */
function readLine(socket: Duplex, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let held = Buffer.alloc(0)
  const end = (error?: ClientError): void => {
    socket.off('data', onData)
    socket.off('close', onClose)
    socket.off('end', onClose)
    signal.removeEventListener('abort', onAbort)
    if (error === undefined) return
    socket.destroy()
    reject(error)
  }
  const onClose = (): void => end(new ClientError('client_gone', 'the client said nothing'))
  const onAbort = (): void => end(new ClientError('client_timeout', 'not authenticated in time'))
  const onData = (bytes: Buffer): void => {
    held = Buffer.concat([held, bytes])
    const newline = held.indexOf(10)
    if (newline === -1) {
      if (held.length > hello_bytes_max)
        end(new ClientError('client_protocol', 'the first line is too long'))
      return
    }
    end()
    socket.pause()
    if (newline + 1 < held.length) socket.unshift(held.subarray(newline + 1))
    resolve(held.toString('utf8', 0, newline).trimEnd())
  }
  // A socket that nobody listens to would end the process with its error.
  socket.on('error', () => {})
  socket.on('data', onData)
  socket.once('close', onClose)
  socket.once('end', onClose)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  else if (socket.destroyed) onClose()
  return promise
}
