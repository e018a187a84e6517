/**
 * A client of the protocol that says what no library would.
 *
 * @module
 */
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  header_bytes,
  type Message,
  MessageCutter,
  message,
  type Part,
  reportFields,
  textOf,
  u16,
  u32,
} from '../../proxy/connector/postgres/message.ts'

export interface Wire extends AsyncDisposable {
  readonly socket: Duplex
  send(...messages: readonly Uint8Array[]): void
  /** The next message: its type, and the bytes behind its length. */
  next(): Promise<{ readonly type: string; readonly body: Uint8Array }>
  /** All up to the next ReadyForQuery, which is the last: each as {@link told} tells it. */
  ready(): Promise<string[]>
  /** All up to the end of the connection. */
  rest(): Promise<string[]>
}

/** A connection on which nothing was said. */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return wireOver(socket)
}

/** A stream on which messages come from now on. */
export function wireOver(socket: Duplex): Wire {
  const cutter = new MessageCutter(1 << 30)
  const came: Message[] = []
  let is_over = false
  let wake = Promise.withResolvers<void>()
  const wakeUp = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  socket.on('data', (bytes: Buffer) => {
    const cut = cutter.push(new Uint8Array(bytes))
    if (!cut.ok) throw new Error(cut.violation)
    came.push(...cut.messages)
    wakeUp()
  })
  socket
    .on('error', () => {})
    .once('close', () => {
      is_over = true
      wakeUp()
    })
  // It may have been read before, and stopped.
  socket.resume()
  const take = async (): Promise<Message | undefined> => {
    for (;;) {
      const first = came.shift()
      if (first !== undefined || is_over) return first
      await wake.promise
    }
  }
  return {
    socket,
    send: (...messages) => void socket.write(Buffer.concat(messages)),
    async next() {
      const found = await take()
      if (found === undefined) throw new Error('the connection is over')
      return { type: String.fromCharCode(found.type), body: found.bytes.slice(header_bytes) }
    },
    async ready() {
      const all: string[] = []
      for (;;) {
        const found = await take()
        if (found === undefined) throw new Error(`the connection is over, after ${all.join(', ')}`)
        all.push(told(found))
        if (found.type === 'Z'.charCodeAt(0)) return all
      }
    },
    async rest() {
      const all: string[] = []
      for (let found = await take(); found !== undefined; found = await take())
        all.push(told(found))
      return all
    },
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  }
}

/** Logged in, up to the first ReadyForQuery. */
export async function logIn(
  port: number,
  login: { readonly user: string; readonly password: string },
  settings: readonly string[] = [],
): Promise<Wire & { readonly key: Uint8Array }> {
  const wire = await openWire(port)
  wire.send(start(['user', login.user, 'database', 'postgres', ...settings]))
  wire.send(message('p', login.password))
  let key: Uint8Array = new Uint8Array()
  for (;;) {
    const { type, body } = await wire.next()
    if (type === 'E') throw new Error(textOf(body))
    if (type === 'K') key = body
    if (type === 'Z') return { ...wire, key }
  }
}

export const start = (settings: readonly string[], version = 0x30000): Uint8Array =>
  message(0, { u32: version }, ...settings, 0)

export const query = (sql: string): Uint8Array => message('Q', sql)
export const parse = (sql: string, name = ''): Uint8Array => message('P', name, sql, { u16: 0 })
export const describe = (of: 'S' | 'P', name = ''): Uint8Array =>
  message('D', of.charCodeAt(0), name)
export const execute = (portal = '', rows = 0): Uint8Array => message('E', portal, { u32: rows })
export const sync = (): Uint8Array => message('S')

/** `format` of all results: 0 text, 1 binary. */
export function bind(
  options: {
    readonly portal?: string
    readonly name?: string
    readonly values?: readonly (string | null)[]
    readonly format?: 0 | 1
  } = {},
): Uint8Array {
  const { portal = '', name = '', values: given = [], format = 0 } = options
  const parts = given.flatMap((value): Part[] => {
    if (value === null) return [{ u32: 0xffffffff }]
    const bytes = new TextEncoder().encode(value)
    return [{ u32: bytes.length }, bytes]
  })
  return message(
    'B',
    portal,
    name,
    { u16: 0 },
    { u16: given.length },
    ...parts,
    { u16: 1 },
    {
      u16: format,
    },
  )
}

/** The type; of rows their values (hex where they are not text), of errors code and message, of ends their tag. */
function told({ type, bytes }: Message): string {
  const letter = String.fromCharCode(type)
  switch (letter) {
    case 'D':
      return `D ${values(bytes).join('|')}`
    case 'E':
    case 'N': {
      const fields = new Map(
        reportFields(bytes)?.map(({ field, start: from, end }) => [
          field,
          textOf(bytes.subarray(from, end)),
        ]),
      )
      return `${letter} ${fields.get('C')} ${fields.get('M')}`
    }
    case 'C':
      return `C ${textOf(bytes.subarray(header_bytes, -1))}`
    case 'Z':
      return `Z ${String.fromCharCode(bytes[header_bytes] ?? 0)}`
    default:
      return letter
  }
}

function values(bytes: Uint8Array): string[] {
  const found: string[] = []
  let at = header_bytes + 2
  for (let left = u16(bytes, header_bytes); left > 0; left--) {
    const length = u32(bytes, at) | 0
    at += 4
    if (length < 0) {
      found.push('NULL')
      continue
    }
    const value = bytes.subarray(at, at + length)
    const is_text = value.every((byte) => byte >= 0x20 && byte < 0x7f)
    found.push(is_text ? textOf(value) : `0x${Buffer.from(value).toString('hex')}`)
    at += length
  }
  return found
}

/** CancelRequest, on a connection of its own; resolves when that is over. `key`: the body of BackendKeyData. */
export async function cancelWith(port: number, key: Uint8Array): Promise<void> {
  await using wire = await openWire(port)
  wire.send(message(0, { u32: 80877102 }, key))
  await wire.rest()
}
