/**
 * The gateway's own connection to a target: TLS whose certificate is that of the address, the account's password by
 * SCRAM-SHA-256, and what the target says of itself until it is ready.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { ColumnRule } from '../../core/column.ts'
import { TargetError } from '../../core/errors.ts'
import { LoginStream } from '../../socket/login.ts'
import { connectRaw } from '../../socket/raw.ts'
import { Handshake, HandshakeError } from './handshake.ts'
import { dial_ms, greeting_bytes_max, handshake_bytes_max } from './limits.ts'
import { letter, type Message, message, sqlState, stringEnd, textOf, u32 } from './message.ts'
import { endPointBinding, type Scram, startScram } from './scram.ts'

export interface PostgresTarget {
  readonly name: string
  readonly host: string
  readonly port: number
  /** `verify-full`: the certificate is of an authority in `ca` (PEM; without one, of those the system knows). */
  readonly tls: { readonly kind: 'verify-full'; readonly ca?: string } | { readonly kind: 'off' }
  /** Passwords by account; undefined for one that there is not. */
  password(account: string): string | undefined
  /** Protected columns, `SCHEMA.TABLE.COLUMN`, and what becomes of them. */
  readonly columns: ReadonlyMap<string, ColumnRule>
  /** How many rows of each result go on record, with a digest of those behind them; all without it. */
  readonly recorded_rows_max?: number | undefined
}

export interface Dialled {
  readonly stream: Duplex
  /** ParameterStatus and NoticeResponse, as they came, and the first ReadyForQuery, for the client: nobody has looked at it. */
  readonly said: Uint8Array
  readonly parameters: ReadonlyMap<string, string>
  readonly pid: number
  readonly secret: Uint8Array
  /** What came behind the first ReadyForQuery. */
  readonly rest: Uint8Array
  /** `SHA256:` fingerprint of the certificate; empty without TLS. */
  readonly host_key: string
}

/** Rejects with a `TargetError`; no connection is left then. */
export async function dialTarget(
  target: PostgresTarget,
  account: string,
  parameters: ReadonlyMap<string, string>,
): Promise<Dialled> {
  const password = target.password(account)
  if (password === undefined)
    throw new TargetError('credential_rejected', 'the gateway has no password for this account')
  return reach(target, async (stream, certificate) => {
    stream.write(message(0, { u32: 0x30000 }, ...[...parameters].flat(), 0))
    const handshake = new Handshake(stream)
    const binding = certificate === undefined ? undefined : endPointBinding(certificate)
    await authenticate(handshake, stream, password, certificate !== undefined, binding)
    const ready = await untilReady(handshake)
    return { stream, ...ready, rest: handshake.release(), host_key: fingerprintOf(certificate) }
  })
}

/** Asks the target to cancel what runs in a session; resolves when it has heard, or never will. */
export async function cancelAt(
  target: PostgresTarget,
  { pid, secret }: { readonly pid: number; readonly secret: Uint8Array },
): Promise<void> {
  await reach(target, async (stream) => {
    stream.end(message(0, { u32: 80877102 }, { u32: pid }, secret))
    stream.resume()
    await new Promise<void>((resolve) => stream.once('close', () => resolve()))
  }).catch(() => {})
}

/** Within the time that a dial has. Destroys the connection when `use` rejects. */
async function reach<T>(
  target: PostgresTarget,
  use: (stream: Duplex, certificate: Uint8Array | undefined) => Promise<T>,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  late.catch(() => {})
  const timer = setTimeout(
    () =>
      reject(
        new TargetError('target_timeout', `the target ${target.name} does not answer in time`),
      ),
    dial_ms,
  )
  const unreachable = (cause: unknown): TargetError =>
    new TargetError('target_unreachable', `the target ${target.name} cannot be reached`, { cause })
  const opened: Duplex[] = []
  let is_given_up = false
  const keep = <S extends Duplex>(stream: S): S => {
    opened.push(stream)
    stream.on('error', (error) => reject(unreachable(error)))
    if (is_given_up) stream.destroy()
    return stream
  }
  try {
    const used = (async () => {
      const { host, port, tls } = target
      const socket = await connectRaw(host, port).catch((error: unknown) => {
        throw unreachable(error)
      })
      const stream = keep(new LoginStream(socket))
      return use(stream, tls.kind === 'off' ? undefined : await secure(stream, host, tls.ca))
    })()
    used.catch(() => {})
    return await Promise.race([used, late])
  } catch (error) {
    is_given_up = true
    for (const stream of opened) stream.destroy()
    if (!(error instanceof HandshakeError)) throw error
    const what = error.is_gone ? 'it closed the connection' : error.message
    throw new TargetError('target_protocol', `the target does not speak PostgreSQL: ${what}`)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * SSLRequest, then TLS as `sslmode=verify-full` has it: a chain to an authority, and the name that was dialled. Resolves with the
 * certificate.
 */
async function secure(
  stream: LoginStream,
  host: string,
  ca: string | undefined,
): Promise<Uint8Array> {
  stream.write(message(0, { u32: 80877103 }))
  const handshake = new Handshake(stream)
  const answer = await handshake.byte()
  // Nothing may stand between the answer and TLS: it would count as said over TLS (CVE-2021-23222).
  if (answer !== letter('S') || handshake.release().length > 0)
    throw new TargetError('target_protocol', 'the target does not offer TLS, which is demanded')
  const { certificate } = await stream.secureTo({ host, ca }).catch((error: unknown) => {
    throw untrusted(error)
  })
  if (certificate === undefined) throw untrusted(new Error('it showed none'))
  return certificate
}

const untrusted = (cause: unknown): TargetError =>
  new TargetError(
    'host_key_mismatch',
    'the certificate of the target is not one that is trusted for its address',
    { cause },
  )

/** Of a login: asked for a password, or through SCRAM. */
type Step = 'begun' | 'asked' | 'offered' | 'proven' | 'verified'

async function authenticate(
  handshake: Handshake,
  stream: Duplex,
  password: string,
  is_secure: boolean,
  binding: Uint8Array | undefined,
): Promise<void> {
  let scram: Scram | undefined
  // Each step once, in its order: a server that could go back would ask for a password in the clear behind its SCRAM,
  // or for a million rounds again and again.
  const at: { step: Step } = { step: 'begun' }
  const go = (from: Step, to: Step): void => {
    if (at.step !== from) throw unspoken('an answer is out of place')
    at.step = to
  }
  for (let heard_bytes = 0; ; ) {
    const { type, bytes } = await handshake.message(handshake_bytes_max)
    heard_bytes += bytes.length
    if (heard_bytes > greeting_bytes_max) throw unspoken(too_much)
    if (type === letter('E')) throw refusal(bytes)
    if (type === letter('N') || type === letter('v')) continue
    if (type !== letter('R') || bytes.length < 9) throw unspoken('an answer is out of place')
    const body = textOf(bytes.subarray(9))
    switch (u32(bytes, 5)) {
      case 0:
        // A server that skips the end of SCRAM has not proven that it knows the password.
        if (scram !== undefined && at.step !== 'verified')
          throw unspoken('it did not prove who it is')
        return
      case 3:
        if (!is_secure) throw unusable('a password in the clear')
        go('begun', 'asked')
        stream.write(message('p', password))
        break
      case 10: {
        go('begun', 'offered')
        scram = startScram(body.split('\0'), password, binding)
        if (scram === undefined) throw unusable('a mechanism that is not SCRAM-SHA-256')
        const first = new TextEncoder().encode(scram.first)
        stream.write(message('p', scram.mechanism, { u32: first.length }, first))
        break
      }
      case 11:
        go('offered', 'proven')
        stream.write(message('p', new TextEncoder().encode((await scram?.final(body)) ?? '')))
        break
      case 12:
        go('proven', 'verified')
        scram?.verify(body)
        break
      default:
        throw unusable('a login that is not known here (MD5 is one: use scram-sha-256)')
    }
  }
}

const too_much = 'it says too much before it is ready'

async function untilReady(
  handshake: Handshake,
): Promise<Pick<Dialled, 'said' | 'parameters' | 'pid' | 'secret'>> {
  const said: Uint8Array[] = []
  let heard_bytes = 0
  const parameters = new Map<string, string>()
  let pid = 0
  let secret: Uint8Array = new Uint8Array(4)
  for (;;) {
    const { type, bytes }: Message = await handshake.message(handshake_bytes_max)
    heard_bytes += bytes.length
    if (heard_bytes > greeting_bytes_max) throw unspoken(too_much)
    switch (String.fromCharCode(type)) {
      case 'E':
        throw refusal(bytes)
      case 'K':
        pid = u32(bytes, 5)
        secret = bytes.slice(9)
        break
      case 'S': {
        const end = stringEnd(bytes, 5)
        if (end >= 0 && bytes.at(-1) === 0)
          parameters.set(textOf(bytes.subarray(5, end)), textOf(bytes.subarray(end + 1, -1)))
        said.push(bytes)
        break
      }
      case 'N':
        said.push(bytes)
        break
      case 'Z':
        said.push(bytes)
        return { said: Buffer.concat(said), parameters, pid, secret }
      default:
        throw unspoken('an answer is out of place')
    }
  }
}

/** What the codes mean that a login ends with. The target's own words may repeat what somebody typed. */
const reasons: Readonly<Record<string, string>> = {
  '28P01': 'it does not accept the password that the gateway has',
  '28000': 'it does not let this account in',
  '3D000': 'there is no such database',
  '42501': 'this account may not connect to the database',
  '53300': 'it has too many connections',
  '57P03': 'it is starting or stopping',
  '22023': 'it does not take one of the settings',
  '42704': 'it does not know one of the settings',
}

function refusal(bytes: Uint8Array): TargetError {
  const state = sqlState(bytes)
  const code = state.startsWith('28') ? 'credential_rejected' : 'target_unreachable'
  const shown = /^[0-9A-Z]{5}$/.test(state) ? ` (SQLSTATE ${state})` : ''
  return new TargetError(
    code,
    `the target refuses: ${reasons[state] ?? 'its log says why'}${shown}`,
  )
}

const unspoken = (what: string): TargetError =>
  new TargetError('target_protocol', `the target does not speak PostgreSQL: ${what}`)

const unusable = (what: string): TargetError =>
  new TargetError('credential_rejected', `the target asks for ${what}`)

function fingerprintOf(certificate: Uint8Array | undefined): string {
  if (certificate === undefined) return ''
  const digest = createHash('sha256').update(certificate).digest('base64')
  return `SHA256:${digest.replace(/=+$/, '')}`
}
