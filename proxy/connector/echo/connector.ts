/**
 * A protocol for tests of what stands on the seam: the client's first line is `TOKEN ACCOUNT@TARGET`, and
 * everything after it goes to the target and back, in lines.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { Connector, Greeting, Identify } from '../../core/connector.ts'
import { ClientError, TargetError } from '../../core/errors.ts'
import { nodeSocket } from '../../socket/node.ts'
import { streamEndpoint } from '../stream/endpoint.ts'
import { readHello } from './hello.ts'
import { joinTarget } from './link.ts'

export interface EchoOptions {
  /** A stream to the target of that name, if there is one that answers. */
  readonly dial: (target: string) => Duplex | undefined
}

export function echoConnector(options: EchoOptions): Connector {
  return {
    protocol: 'echo',
    async accept(socket, source, identify, signal) {
      const { promise: late, reject } = Promise.withResolvers<never>()
      const abort = (): void => {
        reject(new ClientError('client_timeout', 'not authenticated in time'))
        socket.destroy()
      }
      // A socket that nobody listens to would end the process with its error.
      socket.on('error', () => {})
      // Said before its end can be read: who has no more to say still wants an answer.
      socket.allowHalfOpen = true
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      try {
        return await Promise.race([late, greet(socket, source, identify, options)])
      } catch (error) {
        socket.destroy()
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
  }
}

async function greet(
  socket: Duplex,
  source: string,
  identify: Identify,
  options: EchoOptions,
): Promise<Greeting> {
  const { jwt, account, target: name, rest } = await readHello(socket)
  const client = streamEndpoint('client', nodeSocket(socket), { early: rest })
  const identity = await identify({ kind: 'token', jwt })
  if ('allowed' in identity) {
    client.closeWith(identity.message)
    // Who is not accepted loses the connection at once, and would not read why.
    await client.gone
    throw new ClientError('unidentified', identity.message)
  }
  let is_welcomed = false
  return {
    identity,
    proof: { kind: 'token', fields: { jwt: new TextEncoder().encode(jwt) } },
    account,
    target: name,
    source,
    context: {},
    closed: client.gone,
    async welcome() {
      assert(!is_welcomed, 'a client is welcomed once')
      is_welcomed = true
      const target = options.dial(name)
      if (target === undefined)
        throw new TargetError('target_unreachable', `there is no target named "${name}"`)
      return joinTarget(client, streamEndpoint('target', nodeSocket(target)), name)
    },
    refuse: (denial) => client.closeWith(denial.message),
  }
}
