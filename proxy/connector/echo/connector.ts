/**
 * A protocol for tests of what stands on the seam: the client's first line is `TOKEN ACCOUNT@TARGET`, and
 * everything after it goes to the target and back, in lines.
 *
 * @module
 */
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
  const abort = (): void => {
    socket.destroy()
  }
  signal.addEventListener('abort', abort, { once: true })
  const hello = await readLine(socket).finally(() => signal.removeEventListener('abort', abort))
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
  return {
    identity,
    proof: { kind: 'token', fields: { jwt: new TextEncoder().encode(jwt) } },
    account,
    target,
    source,
    context: {},
    closed,
    async welcome() {
      const duplex = options.dial(target)
      if (duplex === undefined)
        throw new TargetError('target_unreachable', `there is no target named "${target}"`)
      return link(socket, duplex, target, closed)
    },
    refuse(denial) {
      socket.end(`${denial.message}\n`)
    },
  }
}

function link(client: Duplex, target: Duplex, name: string, closed: Promise<void>): Link {
  let reason: 'client' | 'target' | 'gateway' | undefined
  const target_closed = new Promise<void>((resolve) => {
    target.once('close', () => {
      reason ??= 'target'
      resolve()
    })
  })
  void closed.then(() => {
    reason ??= 'client'
  })
  return {
    dialled: { address: name, host_key: '' },
    start(on: LinkEvents) {
      on.channel({
        id: 1,
        request: { kind: 'shell', command: new Uint8Array(), env: {} },
        client: streamEndpoint(client, 0),
        codec: { to_target: new LineCodec(0), to_client: new LineCodec(1) },
        dial: async () => streamEndpoint(target, 1),
        refuse(message) {
          client.end(`${message}\n`)
          target.destroy()
        },
      })
      void Promise.all([closed, target_closed]).then(() => on.closed(reason ?? 'gateway'))
    },
    close(message) {
      reason ??= 'gateway'
      client.end(message === undefined ? '' : `${message}\n`)
      target.destroy()
    },
  }
}

/** The bytes up to the first newline; what follows stays in the stream. */
function readLine(socket: Duplex): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let held = Buffer.alloc(0)
  const onClose = (): void => reject(new ClientError('client_gone', 'the client said nothing'))
  const onData = (bytes: Buffer): void => {
    held = Buffer.concat([held, bytes])
    const end = held.indexOf(10)
    if (end === -1 && held.length <= hello_bytes_max) return
    socket.off('data', onData)
    socket.off('close', onClose)
    socket.pause()
    if (end === -1) {
      socket.destroy()
      reject(new ClientError('client_protocol', 'the first line is too long'))
      return
    }
    if (end + 1 < held.length) socket.unshift(held.subarray(end + 1))
    resolve(held.toString('utf8', 0, end).trimEnd())
  }
  socket.on('data', onData)
  socket.once('close', onClose)
  return promise
}
