/**
 * PostgreSQL, protocol 3.0: a client logs in as `ACCOUNT@TARGET` with a token, the gateway logs in at the target with
 * the account's own password, and what passes between them is read message by message.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { Connector, Greeting, Link, Passage } from '../../core/connector.ts'
import { ClientError, TargetError } from '../../core/errors.ts'
import type { SignIn } from '../../core/sign-in.ts'
import { socketOf } from '../../socket/login.ts'
import { streamEndpoint } from '../stream/endpoint.ts'
import { type Accepted, acceptClient } from './accept.ts'
import { type CancelKey, CancelKeys } from './cancel.ts'
import { type CatalogSource, createCatalogSource } from './catalog-source.ts'
import { cancelAt, type Dialled, dialTarget, type PostgresTarget } from './dial.ts'
import { joinTarget } from './link.ts'
import { createLookups, type Lookups } from './lookup.ts'
import { joined, message, report } from './message.ts'
import type { Analyser } from './plan.ts'
import { createAnalyser } from './sql/analyse.ts'
import { isReadable } from './sql/settings.ts'
import { loadParser } from './sql/tree.ts'

export interface PostgresOptions {
  readonly target: (name: string) => PostgresTarget | undefined
  /** Whether policy speaks of objects by their names: then a target is asked where it looks names up. */
  readonly speaksOfObjects?: () => boolean
  /** Monotonic milliseconds. */
  readonly now_ms: () => number
  /** Signing in by a browser; nobody can without it. */
  readonly sign_in?: SignIn
  /** PEM; without it there is no TLS towards clients. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Asked to cancel by a key that is none of here: another process with the same port may have given it out. */
  readonly elsewhere?: (key: CancelKey) => void
}

export interface PostgresConnector extends Connector {
  /** Cancels what runs under this key; nothing when it is none of here. */
  cancel(key: CancelKey): void
}

/** Resolves once the parser is loaded. */
export async function postgresConnector(options: PostgresOptions): Promise<PostgresConnector> {
  await loadParser()
  const keys = new CancelKeys()
  const { tls } = options
  const plain = createAnalyser()
  const catalogs = createCatalogSource(options.now_ms)
  const { speaksOfObjects = () => false } = options
  const lookups = createLookups(options.now_ms)
  const made: Made = { target: options.target, keys, plain, catalogs, speaksOfObjects, lookups }
  return {
    protocol: 'postgres',
    cancel: (key) => void keys.cancel(key),
    async accept(socket, source, identify, signal, patience = () => {}) {
      const { promise: late, reject } = Promise.withResolvers<never>()
      const abort = (): void => {
        reject(new ClientError('client_timeout', 'not authenticated in time'))
        socket.destroy()
      }
      // A socket that nobody listens to would end the process with its error.
      socket.on('error', () => {})
      socket.allowHalfOpen = true
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      try {
        const accepting = acceptClient(socket, {
          ...{ tls, identify, source, patience, sign_in: options.sign_in },
        })
        accepting.catch(() => {})
        const accepted = await Promise.race([late, accepting])
        if (accepted.kind === 'client') return greetingOf(accepted, source, made)
        if (!keys.cancel(accepted)) options.elsewhere?.(accepted)
        return passageOf(socket)
      } catch (error) {
        socket.destroy()
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
  }
}

interface Made {
  readonly target: PostgresOptions['target']
  readonly keys: CancelKeys
  /** Where no columns are protected. */
  readonly plain: Analyser
  readonly catalogs: CatalogSource
  readonly speaksOfObjects: () => boolean
  readonly lookups: Lookups
}

/** Without its catalogue a target is of no use, and its connection must not stay. */
async function both(
  dialling: Promise<Dialled>,
  reading: Promise<Analyser> | Analyser,
): Promise<[Dialled, Analyser]> {
  try {
    return await Promise.all([dialling, reading])
  } catch (error) {
    void dialling.then(
      ({ stream }) => stream.destroy(),
      () => {},
    )
    throw error
  }
}

/** A request to cancel is answered by nothing but the end of its connection. */
function passageOf(socket: Duplex): Passage {
  const closed = new Promise<void>((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
  socket.destroy()
  return { passage: true, closed }
}

function greetingOf(
  accepted: Extract<Accepted, { kind: 'client' }>,
  source: string,
  { target: targetOf, keys, plain, catalogs, speaksOfObjects, lookups }: Made,
): Greeting {
  // The stream was for the login alone: nothing here keeps it.
  const { stream, early, ...said } = accepted
  const { identity, proof, account, target: name, parameters } = said
  const left = socketOf(stream)
  const client = streamEndpoint('client', left.socket, {
    early: inOne(early, left.early),
    farewell: (text) => report('FATAL', '57P01', text),
  })
  let is_welcomed = false
  return {
    identity,
    proof,
    account,
    target: name,
    source,
    context: contextOf(said),
    closed: client.gone,
    async welcome() {
      assert(!is_welcomed, 'a client is welcomed once')
      is_welcomed = true
      const target = targetOf(name)
      if (target === undefined)
        throw new TargetError('target_unreachable', `there is no target named "${name}"`)
      return dial(target)
    },
    refuse: ({ message: text }) => client.closeWith(text),
  }

  async function dial(target: PostgresTarget): Promise<Link> {
    const database = databaseOf(parameters, account)
    const wanted = new Map([['user', account], ['database', database], ...settings(parameters)])
    const [dialled, analyser] = await both(
      dialTarget(target, account, wanted),
      target.columns.size === 0 ? plain : catalogs.analyser(target, account, database),
    )
    for (const [setting, value] of dialled.parameters)
      if (!isReadable(setting, value)) {
        dialled.stream.destroy()
        throw new TargetError(
          'target_protocol',
          `the setting ${setting} is not one that can be read here`,
        )
      }
    const { lookup, rest } = speaksOfObjects()
      ? await lookups.ask(dialled, JSON.stringify([name, database]))
      : { lookup: { schemas: undefined }, rest: dialled.rest }
    const cancel = { pid: dialled.pid, secret: dialled.secret }
    const near = socketOf(dialled.stream)
    const far = streamEndpoint('target', near.socket, {
      // What it says before it is ready goes the way of all that it says: masked, and on record before it is shown.
      early: inOne(inOne(dialled.said, rest), near.early),
      event: (event) => {
        if (event.kind === 'signal') void cancelAt(target, cancel)
      },
    })
    // It is recorded before it reaches the target, like everything that a client sends.
    const key = keys.add(() => client.inject({ kind: 'signal', signal: 'CANCEL' }))
    void client.gone.then(() => keys.remove(key))
    let hello: Uint8Array | undefined = Buffer.concat([
      ...(said.is_told ? [] : [message('R', { u32: 0 })]),
      ...negotiated(said),
      message('K', { u32: key.pid }, key.secret),
    ])
    return joinTarget({
      ...{ client, target: far, database, host_key: dialled.host_key },
      address: `${target.host}:${target.port}`,
      analyser,
      lookup,
      recorded_rows_max: target.recorded_rows_max,
      welcome() {
        if (hello !== undefined) client.write({ kind: 'data', stream: 1, bytes: hello })
        hello = undefined
      },
    })
  }
}

type Said = Omit<Extract<Accepted, { kind: 'client' }>, 'stream' | 'early'>

const inOne = (first: Uint8Array, then: Uint8Array): Uint8Array =>
  joined([first, then], first.length + then.length)

/** A database is named as its user is where nothing else is said: that name is the account's here. */
function databaseOf(parameters: ReadonlyMap<string, string>, account: string): string {
  const named = parameters.get('database')
  return named === undefined || named === '' || named === parameters.get('user') ? account : named
}

const own = new Set(['user', 'database', 'replication'])

/** Settings that go on to the target; those of the protocol itself are this gateway's business. */
function settings(parameters: ReadonlyMap<string, string>): [string, string][] {
  return [...parameters].filter(([name]) => !own.has(name) && !name.startsWith('_pq_.'))
}

/** NegotiateProtocolVersion, for who asks for more than 3.0. */
function negotiated({ minor, parameters }: Said): readonly Uint8Array[] {
  const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
  if (minor === 0 && unknown.length === 0) return []
  return [message('v', { u32: 0x30000 }, { u32: unknown.length }, ...unknown)]
}

/** What a client says of itself: the recorder masks it. */
function contextOf({ tls, parameters }: Said): Readonly<Record<string, string>> {
  const context: Record<string, string> = { tls }
  for (const name of ['application_name', 'database', 'client_encoding', 'options']) {
    const value = parameters.get(name)
    if (value !== undefined) context[name] = value.replace(/\p{C}/gu, '?').slice(0, 256)
  }
  return context
}
