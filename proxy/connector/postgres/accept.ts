/**
 * The client's side of a login: TLS where it is wanted, a name that says who they are there and where they go, and a
 * token as the password.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Identify } from '../../core/connector.ts'
import { ClientError } from '../../core/errors.ts'
import type { Identity, IdentityProof } from '../../core/identity.ts'
import type { Proven, SignIn, SignInRequest } from '../../core/sign-in.ts'
import type { Denial } from '../../core/verdict.ts'
import { LoginStream } from '../../socket/login.ts'
import type { Secured } from '../../socket/raw.ts'
import { Handshake, HandshakeError } from './handshake.ts'
import { password_bytes_max, startup_bytes_max } from './limits.ts'
import { refusedSettings } from './login-settings.ts'
import { letter, message, report, textOf } from './message.ts'
import { signInByNotice, wantedSignIn } from './sign-in.ts'
import { readStartup, type Startup } from './startup.ts'

export type Accepted =
  | { readonly kind: 'cancel'; readonly pid: number; readonly secret: Uint8Array }
  | {
      readonly kind: 'client'
      readonly stream: Duplex
      /** What it sent behind its password. */
      readonly early: Uint8Array
      readonly identity: Identity
      readonly proof: IdentityProof
      /** The client was told so already. */
      readonly is_told: boolean
      readonly account: string
      readonly target: string
      readonly tls: string
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
    }

export interface AcceptOptions {
  /** Undefined where the gateway has no certificate: who wants TLS is told that there is none. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly identify: Identify
  /** Undefined where nobody signs in by a browser. */
  readonly sign_in: SignIn | undefined
  readonly patience: () => void
  readonly source: string
}

/** TLS, GSS, a refusal of both, the start: no client asks more often. */
const packets_max = 4

/** Rejects with a `ClientError`, after the client was told. */
export async function acceptClient(socket: Duplex, options: AcceptOptions): Promise<Accepted> {
  try {
    const greeted = await greet(socket, options)
    if (greeted.startup.kind === 'cancel') return greeted.startup
    return await login(socket, greeted.handshake, greeted.startup, options)
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error
    if (error.is_gone) throw new ClientError('client_gone', 'the client left before it logged in')
    return refuse(socket, '08P01', `this is not PostgreSQL's protocol: ${error.message}`)
  }
}

type Start = Extract<Startup, { kind: 'start' }>

async function greet(
  stream: Duplex,
  { tls }: AcceptOptions,
): Promise<{
  readonly handshake: Handshake
  readonly startup: Start | Extract<Startup, { kind: 'cancel' }>
}> {
  let handshake = new Handshake(stream)
  for (let packets = 0; packets < packets_max; packets++) {
    const startup = readStartup(await handshake.packet(startup_bytes_max))
    switch (startup.kind) {
      case 'gss':
        stream.write('N')
        break
      case 'ssl':
        if (tls === undefined || !(stream instanceof LoginStream) || securedOf(stream)) {
          stream.write('N')
          break
        }
        // What stands before TLS would count as said over it (CVE-2021-23214).
        if (handshake.release().length > 0 || stream.readableLength > 0)
          return refuse(stream, '08P01', 'bytes came before TLS began')
        stream.write('S')
        await secure(stream, tls)
        handshake = new Handshake(stream)
        break
      case 'refused':
        return refuse(stream, '08P01', startup.reason)
      case 'cancel':
      case 'start':
        return { handshake, startup }
    }
  }
  return refuse(stream, '08P01', 'a start was expected')
}

async function secure(
  stream: LoginStream,
  tls: { readonly cert: string; readonly key: string },
): Promise<void> {
  try {
    // A token may be bound to the client's certificate, whoever signed that.
    await stream.secure({ ...tls, requestCert: true, rejectUnauthorized: false })
  } catch {
    throw new ClientError('client_gone', 'the client gave TLS up')
  }
}

/** Undefined without TLS. */
const securedOf = (stream: Duplex): Secured | undefined =>
  stream instanceof LoginStream ? stream.secured : undefined

async function login(
  stream: Duplex,
  handshake: Handshake,
  { minor, parameters }: Start,
  options: AcceptOptions,
): Promise<Accepted> {
  const { source } = options
  const tls = securedOf(stream)?.version ?? 'off'
  if (tls === 'off' && !isLoopback(source))
    return refuse(stream, '28000', 'a password goes over TLS only: connect with sslmode=require')
  const replication = parameters.get('replication')
  if (replication !== undefined && !/^(?:false|off|no|0)$/i.test(replication))
    return refuse(stream, '0A000', 'replication is not let through: its changes cannot be masked')
  const unjudged = refusedSettings(parameters)
  if (unjudged !== undefined) return refuse(stream, '42501', unjudged)
  const user = parameters.get('user') ?? ''
  const at = user.lastIndexOf('@')
  const [account, target] = [user.slice(0, at), user.slice(at + 1)]
  // Both are recorded and shown: nothing in them may be obeyed by a terminal.
  if (at < 1 || target === '' || /[\s\p{C}]/u.test(user))
    return refuse(stream, '28000', 'log in as ACCOUNT@TARGET, with a token as the password')
  const wanted = wantedSignIn(parameters.get('options'))
  const proven =
    wanted === undefined
      ? await byToken(stream, handshake, options.identify)
      : await bySignIn(stream, handshake, wanted.provider, options, { source, account, target })
  if ('allowed' in proven) {
    await farewell(stream, report('FATAL', '28P01', proven.message))
    throw new ClientError('unidentified', proven.message)
  }
  const settings = new Map(parameters)
  if (wanted !== undefined) settings.set('options', wanted.rest)
  return {
    ...{ kind: 'client', stream, early: handshake.release(), ...proven, account, target },
    ...{ tls, minor, parameters: settings, is_told: wanted !== undefined },
  }
}

async function byToken(
  stream: Duplex,
  handshake: Handshake,
  identify: Identify,
): Promise<Proven | Denial> {
  stream.write(message('R', { u32: 3 }))
  const { type, bytes } = await handshake.message(password_bytes_max)
  if (type !== letter('p') || bytes.at(-1) !== 0)
    return refuse(stream, '08P01', 'a password was expected')
  const jwt = bytes.slice(5, -1)
  const client_certificate = certificateOf(stream)
  const identity = await identify({
    ...{ kind: 'token', jwt: textOf(jwt) },
    ...(client_certificate === undefined ? {} : { client_certificate }),
  })
  if ('allowed' in identity) return identity
  return { identity, proof: { kind: 'token', fields: { jwt } } }
}

/** Base64url of its SHA-256; undefined for who showed none. */
function certificateOf(stream: Duplex): string | undefined {
  const certificate = securedOf(stream)?.certificate
  if (certificate === undefined) return undefined
  return createHash('sha256').update(certificate).digest('base64url')
}

/** Without a password: the client has to be told that it needs none before it hears anything else. */
async function bySignIn(
  stream: Duplex,
  handshake: Handshake,
  provider: string,
  { sign_in, patience }: AcceptOptions,
  asked: SignInRequest,
): Promise<Proven | Denial> {
  stream.write(message('R', { u32: 0 }))
  const gone = new AbortController()
  void handshake.ended().then(() => gone.abort())
  const say = (notice: Uint8Array): void => void stream.write(notice)
  const proven = await signInByNotice(provider, sign_in, asked, gone.signal, say, patience)
  if (gone.signal.aborted)
    throw new ClientError('client_gone', 'the client left before it logged in')
  return proven
}

async function refuse(stream: Duplex, code: string, reason: string): Promise<never> {
  await farewell(stream, report('FATAL', code, reason))
  throw new ClientError('client_protocol', reason)
}

/** Waits until the client has read why, or is gone: a connection that is destroyed loses what it was sent. */
async function farewell(stream: Duplex, last: Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => {
    stream.once('close', () => resolve())
    stream.end(last, () => setTimeout(resolve, farewell_ms))
    stream.resume()
    if (stream.destroyed) resolve()
  })
}

const farewell_ms = 200

/** `IP:PORT` */
function isLoopback(source: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:127\.\d+\.\d+\.\d+\]):\d+$/.test(source)
}
