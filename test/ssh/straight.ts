/**
 * The connector without a session pipeline: every channel is dialled and joined to the client as it is.
 *
 * @module
 */
import { createServer, type Server, type Socket } from 'node:net'
import { type SshOptions, sshConnector } from '../../proxy/connector/ssh/connector.ts'
import type { SshTarget } from '../../proxy/connector/ssh/dial.ts'
import type { Channel, Connector, Endpoint, Greeting, Link } from '../../proxy/core/connector.ts'
import type { Claim, Identity } from '../../proxy/core/identity.ts'
import type { Denial, Grant } from '../../proxy/core/verdict.ts'
import type { KeyPair } from '../fixture/keys.ts'
import type { Sshd } from '../fixture/sshd.ts'

export interface StraightOptions extends Partial<SshOptions> {
  readonly host_key: KeyPair
  readonly user_key: KeyPair
  readonly targets: readonly SshTarget[]
  readonly connect?: (greeting: Greeting) => Grant | Denial
  readonly channel?: (channel: Channel) => string | undefined
  readonly capability?: Grant | Denial
}

export interface Straight extends AsyncDisposable {
  readonly port: number
  readonly connector: Connector
  readonly probes: Claim[]
  readonly greetings: Greeting[]
  readonly channels: Channel[]
  readonly ends: string[]
  /** Asked of policy besides channels. */
  readonly asked: string[]
}

const grant: Grant = { allowed: true, rule: 'test' }
const denial: Denial = { allowed: false, rule: 'test', message: 'not here' }

export function sshdTarget(sshd: Sshd, change: Partial<SshTarget> = {}): SshTarget {
  return {
    name: 'web-1',
    address: sshd.address,
    host_keys: [sshd.host_key.blob],
    credential: (account) =>
      account === sshd.account
        ? { kind: 'private_key', private_key: sshd.user_key.private_key }
        : undefined,
    ...change,
  }
}

export async function startStraight(options: StraightOptions): Promise<Straight> {
  const known = Buffer.from(options.user_key.blob)
  const probes: Claim[] = []
  const identify = async (claim: Claim): Promise<Identity | Denial> => {
    probes.push(claim)
    return claim.kind === 'public_key' && known.equals(claim.blob)
      ? { issuer: 'keys', subject: 'ada', groups: [], method: 'public_key', credential: 'k' }
      : denial
  }
  const connector = sshConnector({
    host_keys: [options.host_key.private_key],
    target: (name) => options.targets.find((target) => target.name === name),
    env: ['LANG', 'LC_*', 'COLORTERM'],
    ...options,
  })
  const sockets = new Set<Socket>()
  const straight = {
    connector,
    probes,
    greetings: [] as Greeting[],
    channels: [] as Channel[],
    ends: [] as string[],
    asked: [] as string[],
  }
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const source = `${socket.remoteAddress}:${socket.remotePort}`
    connector
      .accept(socket, source, identify, new AbortController().signal)
      .then(async (greeting) => {
        if ('passage' in greeting) straight.ends.push('passage')
        else await serve(greeting, options, straight)
      })
      .catch((error: Error & { code?: string }) => straight.ends.push(error.code ?? error.message))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    ...straight,
    port: portOf(server),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const portOf = (server: Server): number => {
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

/** Dials, and joins every channel; what it saw goes into `seen`. */
export async function serve(
  greeting: Greeting,
  options: Pick<StraightOptions, 'connect' | 'channel' | 'capability'>,
  seen: Pick<Straight, 'greetings' | 'channels' | 'ends' | 'asked'>,
): Promise<void> {
  seen.greetings.push(greeting)
  const verdict = options.connect?.(greeting) ?? grant
  if (!verdict.allowed) {
    greeting.refuse(verdict)
    return
  }
  let link: Link
  try {
    link = await greeting.welcome(verdict)
  } catch (error) {
    seen.ends.push((error as { code: string }).code)
    greeting.refuse({ ...denial, message: (error as Error).message })
    return
  }
  link.start({
    channel(channel) {
      seen.channels.push(channel)
      const refusal = options.channel?.(channel) ?? notForwarded(channel, options)
      if (refusal !== undefined) channel.refuse(refusal, 126)
      else void join(channel)
    },
    async capability(name, detail) {
      seen.asked.push(`${name} ${detail}`.trim())
      return options.capability ?? { ...denial, message: `${name} is off` }
    },
    closed: (reason) => seen.ends.push(reason),
  })
}

/** What carries a connection needs the capability. */
function notForwarded(
  { request: { kind } }: Channel,
  { capability }: Pick<StraightOptions, 'capability'>,
): string | undefined {
  const isProgram = kind === 'exec' || kind === 'shell' || kind === 'subsystem'
  return isProgram || capability?.allowed === true ? undefined : 'forwarding is off'
}

async function join(channel: Channel): Promise<void> {
  const target = await channel.dial().catch((error: Error) => {
    channel.refuse(error.message, 255)
    return undefined
  })
  if (target === undefined) return
  pass(channel.client, target)
  pass(target, channel.client)
}

/** One direction, with at most this many bytes not yet accepted. */
function pass(from: Endpoint, to: Endpoint): void {
  const pending_max = 1024 * 1024
  let pending = 0
  from.start({
    wire(wire) {
      const bytes = wire.kind === 'data' ? wire.bytes.length : 0
      pending += bytes
      if (pending > pending_max) from.pause()
      to.write(wire, () => {
        pending -= bytes
        if (pending < pending_max / 2) from.resume()
      })
    },
    closed: () => to.close(),
  })
}
