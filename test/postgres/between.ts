/**
 * Somebody between the gateway and its target, with a certificate that the gateway trusts: TLS ends there, and begins anew.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { createSecureContext, connect as secureConnect, TLSSocket } from 'node:tls'
import { message } from '../../proxy/connector/postgres/message.ts'
import type { Certificates } from '../fixture/certificate.ts'
import { listening, portOf } from '../fixture/net.ts'

export interface Between extends AsyncDisposable {
  /** `HOST:PORT` */
  readonly address: string
}

/** SSLRequest, in a message without a type. */
const asks_for_tls = message(0, { u32: 80877103 })
const offers = 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0'

/** `hides_binding`: what the target offers is told without SCRAM-SHA-256-PLUS. */
export async function startBetween(
  port: number,
  { cert_file, key_file }: Certificates,
  hides_binding: boolean,
): Promise<Between> {
  const secureContext = createSecureContext({
    cert: readFileSync(cert_file),
    key: readFileSync(key_file),
  })
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => {})
    client.once('data', () => {
      client.write('S')
      const near = new TLSSocket(client, { isServer: true, secureContext })
      const target = connect(port, '127.0.0.1')
      sockets.add(target)
      target.write(asks_for_tls)
      target.once('data', () => {
        const far = secureConnect({ socket: target, rejectUnauthorized: false })
        near.on('error', () => {}).on('data', (bytes: Buffer) => far.write(bytes))
        far
          .on('error', () => {})
          .on('data', (bytes: Buffer) => {
            near.write(hides_binding ? withoutBinding(bytes) : bytes)
          })
        near.on('close', () => target.destroy())
        far.on('close', () => near.end())
      })
    })
  })
  await listening(server)
  return {
    address: `127.0.0.1:${portOf(server)}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function withoutBinding(bytes: Buffer): Uint8Array {
  if (!bytes.toString('latin1').endsWith(offers)) return bytes
  return message('R', { u32: 10 }, Buffer.from('SCRAM-SHA-256\0\0'))
}
