/**
 * A target that means harm: a server that takes what a client starts with, and then says what a script says.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'
import { message, type Part } from '../../proxy/connector/postgres/message.ts'
import { readStartup } from '../../proxy/connector/postgres/startup.ts'
import type { Certificates } from '../fixture/certificate.ts'
import { listening, portOf } from '../fixture/net.ts'
import { type Wire, wireOver } from './wire.ts'

export interface Hostile extends AsyncDisposable {
  readonly port: number
  /** `HOST:PORT` */
  readonly address: string
}

/** `database`: as whoever connects names it, so that it can ask for a script. Behind the script the connection is closed. */
export type Script = (wire: Wire, database: string) => Promise<void>

/** `certificates`: it speaks TLS with those, and nothing else. */
export async function startHostile(script: Script, certificates?: Certificates): Promise<Hostile> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on('error', () => {}))
    if (certificates === undefined) {
      greet(socket, script)
      return
    }
    const secureContext = createSecureContext({
      cert: readFileSync(certificates.cert_file),
      key: readFileSync(certificates.key_file),
    })
    socket.once('data', () => {
      socket.write('S')
      const secure = new TLSSocket(socket, { isServer: true, secureContext })
      greet(
        secure.on('error', () => {}),
        script,
      )
    })
  })
  await listening(server)
  const port = portOf(server)
  return {
    port,
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function greet(socket: Duplex, script: Script): void {
  let start = Buffer.alloc(0)
  const take = (bytes: Buffer): void => {
    start = Buffer.concat([start, bytes])
    if (start.length < 4 || start.length < start.readUInt32BE(0)) return
    socket.off('data', take).pause()
    const read = readStartup(new Uint8Array(start))
    const database = read.kind === 'start' ? (read.parameters.get('database') ?? '') : ''
    // Whoever connects may leave in the middle of it.
    void script(wireOver(socket), database)
      .catch(() => {})
      .then(() => socket.end())
  }
  socket.on('data', take)
}

export const letIn: Uint8Array = message('R', { u32: 0 })
export const readyForQuery: Uint8Array = message('Z', 'I'.charCodeAt(0))
export const setting = (name: string, value: string): Uint8Array => message('S', name, value)
export const complete = (tag: string): Uint8Array => message('C', tag)

/** An ErrorResponse (`E`) or a NoticeResponse (`N`) of these fields. */
export const words = (type: 'E' | 'N', fields: Readonly<Record<string, string>>): Uint8Array =>
  message(
    type,
    ...Object.entries(fields).flatMap(([field, text]): Part[] => [field.charCodeAt(0), text]),
    0,
  )

/** RowDescription: columns of text, each of a table and a place in it. */
export const described = (
  ...columns: readonly { readonly name: string; readonly relation?: number; readonly at?: number }[]
): Uint8Array =>
  message(
    'T',
    { u16: columns.length },
    ...columns.flatMap(({ name, relation = 0, at = 0 }): Part[] => [
      ...[name, { u32: relation }, { u16: at }, { u32: 25 }, { u16: 0 }, { u32: 0 }, { u16: 0 }],
    ]),
  )

export const row = (...values: readonly string[]): Uint8Array =>
  message(
    'D',
    { u16: values.length },
    ...values.flatMap((each): Part[] => {
      const bytes = new TextEncoder().encode(each)
      return [{ u32: bytes.length }, bytes]
    }),
  )

/** The server's first message of SCRAM to the client's, whose nonce it goes on with. */
export const challenge = (client_first: Uint8Array, iterations: number | string): Uint8Array => {
  const nonce = /r=([^,]+)/.exec(Buffer.from(client_first).toString('latin1'))?.[1] ?? ''
  const text = `r=${nonce}more,s=c2FsdHNhbHRzYWx0,i=${iterations}`
  return message('R', { u32: 11 }, new TextEncoder().encode(text))
}

export const offer: Uint8Array = message('R', { u32: 10 }, 'SCRAM-SHA-256', 0)
