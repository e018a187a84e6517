/**
 * The target's side: a connection with the gateway's own credential to a target whose host key is pinned.
 * Every failure becomes a `TargetError` with one line that names the target; nothing waits without a limit.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import { TargetError, type TargetErrorCode } from '../../core/errors.ts'
import { fingerprint } from '../../core/fingerprint.ts'
import { connectRaw } from '../../socket/raw.ts'
import { targetAlgorithms } from './algorithms.ts'
import { ChannelStream } from './channel-stream.ts'
import { keyType } from './key.ts'
import { createClient, type LibraryClient, parseKey } from './library.ts'
import { connect_ms, handshake_ms, keepalive_missed_max, keepalive_ms } from './limits.ts'
import { clean } from './line.ts'
import { SocketTransport, type Transport } from './transport.ts'

/** How the gateway proves itself to a target. PEM or OpenSSH format, without a passphrase. */
export type Credential =
  | { readonly kind: 'private_key'; readonly private_key: string }
  | { readonly kind: 'password'; readonly password: string }

export interface SshTarget {
  readonly name: string
  /** `HOST:PORT`, `[IPV6]:PORT`: where it is dialled, and how it is named in records and errors. */
  readonly address: string
  /** Key blobs (RFC 4253, section 6.6). Any of them is right, and nothing else is. */
  readonly host_keys: readonly Uint8Array[]
  credential(account: string): Credential | undefined
  /** Shells there are made to tell of their commands. */
  readonly shell_integration?: boolean
  /** In place of TCP: a stream that is connected. */
  readonly connect?: () => Duplex
  /** In place of TCP from here: TCP from another target. */
  readonly via?: { readonly account: string; readonly target: () => SshTarget | undefined }
}

export interface DialedTarget {
  readonly client: LibraryClient
  readonly socket: Transport
  readonly address: string
  /** `SHA256:` fingerprint of the key that it proved to have. */
  readonly host_key: string
}

/** Limits of one dial, in milliseconds. */
export interface DialLimits {
  readonly connect_ms: number
  readonly handshake_ms: number
}

export async function dialTarget(
  target: SshTarget,
  account: string,
  ident: string,
  limits: DialLimits = { connect_ms, handshake_ms },
): Promise<DialedTarget> {
  const fail = failureOf(target)
  const credential = target.credential(account)
  if (credential === undefined)
    throw fail('credential_rejected', `has no account named "${clean(account)}"`)
  const socket =
    target.via === undefined
      ? await connectTo(target, fail, limits.connect_ms)
      : await connectThrough(target, target.via, fail, ident, limits)
  // It may have come and gone before anybody could listen: then no event will say so.
  if (socket.destroyed) throw fail('target_unreachable', 'lost the connection before the handshake')
  const { promise, resolve, reject } = Promise.withResolvers<DialedTarget>()
  const client = createClient()
  let host_key: Uint8Array | undefined
  let isTrusted = false
  let first: Error | undefined

  client.on('error', (error: Error) => {
    first ??= error
    socket.destroy()
  })
  client.once('ready', () =>
    resolve({
      client,
      socket,
      address: wayOf(target),
      host_key: fingerprint(host_key ?? nothing),
    }),
  )
  socket.once('close', () => {
    if (host_key !== undefined && !isTrusted)
      reject(fail('host_key_mismatch', mismatch(target.host_keys, host_key)))
    else reject(explain(first, account, fail))
  })

  try {
    client.connect({
      sock: socket,
      ident,
      username: account,
      algorithms: targetAlgorithms(target.host_keys.flatMap((key) => keyType(key) ?? [])),
      readyTimeout: limits.handshake_ms,
      keepaliveInterval: keepalive_ms,
      keepaliveCountMax: keepalive_missed_max,
      hostVerifier: (key) => {
        host_key = new Uint8Array(key)
        isTrusted = target.host_keys.some((pinned) => key.equals(pinned))
        return isTrusted
      },
      authHandler: authentication(credential, account),
    })
  } catch (cause) {
    const why = 'cannot be dialled with the credential that is configured'
    // Before the close, which rejects as well.
    reject(fail('credential_rejected', why, cause))
    socket.destroy()
  }
  return promise
}

/** Where it was dialled, as records say it: `HOST:PORT`, and each target on the way there. */
function wayOf({ address, via }: SshTarget): string {
  const bastion = via?.target()
  return bastion === undefined ? address : `${address} via ${bastion.name} (${wayOf(bastion)})`
}

type Fail = (code: TargetErrorCode, what: string, cause?: unknown) => TargetError

const nothing = new Uint8Array()

const failureOf =
  (target: SshTarget): Fail =>
  (code, what, cause) =>
    new TargetError(code, `target ${target.name} (${target.address}) ${what}`, { cause })

async function connectTo(target: SshTarget, fail: Fail, limit_ms: number): Promise<Transport> {
  const stream = target.connect?.()
  if (stream !== undefined) return stream
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(fail('target_timeout', `does not answer within ${limit_ms} ms`)),
    limit_ms,
  )
  const { host, port } = addressOf(target.address)
  const connecting = connectRaw(host, port).catch((error: Error & { code?: string }) => {
    const why = `cannot be reached: ${error.code ?? 'no connection'}`
    throw fail('target_unreachable', why, error)
  })
  try {
    return new SocketTransport(await Promise.race([connecting, late]))
  } catch (error) {
    // It may still be connected when nobody waits for it.
    connecting.then(
      (socket) => socket.destroy(),
      () => {},
    )
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** A failure on the way there is named as that of the target which it is about. */
async function connectThrough(
  target: SshTarget,
  { account, target: bastionOf }: NonNullable<SshTarget['via']>,
  fail: Fail,
  ident: string,
  limits: DialLimits,
): Promise<Duplex> {
  const bastion = bastionOf()
  if (bastion === undefined) throw fail('target_unreachable', 'has no way that leads to it')
  const outer = await dialTarget(bastion, account, ident, limits)
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
  const timer = setTimeout(
    () => reject(fail('target_timeout', `is not reached from ${bastion.name} in time`)),
    limits.connect_ms,
  )
  outer.socket.once('close', () =>
    reject(fail('target_unreachable', `cannot be reached: the way over ${bastion.name} was lost`)),
  )
  const { host, port } = addressOf(target.address)
  try {
    outer.client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
      if (error === undefined) resolve(new ChannelStream(channel))
      else reject(fail('target_unreachable', `cannot be reached from ${bastion.name}`, error))
    })
  } catch (error) {
    // It ended in the same breath as it let us in. Rejected rather than thrown: its close, and the timer, reject too.
    reject(fail('target_unreachable', `cannot be reached: ${bastion.name} has hung up`, error))
  }
  try {
    const stream = await promise
    if (stream.destroyed) outer.client.end()
    else stream.once('close', () => outer.client.end())
    return stream
  } catch (error) {
    outer.socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** `HOST:PORT` or `[IPV6]:PORT`; the configuration has checked the form. */
function addressOf(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}

/** Each way once, the cheapest first: no "none", no question about a key that will be signed with anyway. */
function authentication(credential: Credential, account: string): () => unknown {
  const ways: unknown[] = []
  if (credential.kind === 'private_key') {
    const key = parseKey(credential.private_key)
    ways.push({ type: 'publickey', username: account, key, noProbe: true })
  } else {
    const { password } = credential
    ways.push({ type: 'password', username: account, password })
    // PAM asks for passwords this way. One question, else it asks for something that we do not have.
    const prompt = (...args: unknown[]): void => {
      const [prompts, finish] = args.slice(-2) as [readonly unknown[], (answers: string[]) => void]
      finish(prompts.length === 1 ? [password] : [])
    }
    ways.push({ type: 'keyboard-interactive', username: account, prompt })
  }
  return () => ways.shift() ?? false
}

function mismatch(pinned: readonly Uint8Array[], shown: Uint8Array): string {
  const expected = pinned.map(fingerprint).join(' or ')
  return `has the host key ${fingerprint(shown)}, not the pinned ${expected}: it was not used`
}

/** What a failed handshake means. The library has only levels and texts to tell them apart. */
function explain(
  error: (Error & { level?: string }) | undefined,
  account: string,
  fail: Fail,
): Error {
  if (error === undefined)
    return fail('target_protocol', 'closed the connection during the handshake')
  switch (error.level) {
    case 'client-authentication':
      return fail('credential_rejected', `did not accept the gateway as "${clean(account)}"`, error)
    case 'client-timeout':
      return fail('target_timeout', 'did not finish the handshake in time', error)
    case 'client-socket':
      return fail('target_unreachable', 'lost the connection during the handshake', error)
    case 'handshake': {
      // Not the peer's own text, as in `open.ts`: nobody knows yet who it is.
      const why = error.message.replace(/^(Wrong signature type): .*$/s, '$1')
      return fail('target_protocol', `cannot agree on a handshake: ${clean(why)}`, error)
    }
    case undefined:
    default:
      return fail('target_protocol', 'does not speak SSH as it should', error)
  }
}
