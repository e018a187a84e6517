/**
 * The first line of a client: `TOKEN ACCOUNT@TARGET`.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import { ClientError } from '../../core/errors.ts'
import { hello_bytes_max } from './limits.ts'

export interface Hello {
  readonly jwt: string
  readonly account: string
  readonly target: string
  /** What came behind the line. */
  readonly rest: Uint8Array
}

/** Leaves the stream paused. Rejects with a `ClientError`. */
export async function readHello(socket: Duplex): Promise<Hello> {
  const bytes = await readLine(socket)
  const end = bytes.indexOf(newline)
  const line = bytes.toString('utf8', 0, end).trimEnd()
  const [, jwt, account, target] = shape.exec(line) ?? []
  if (jwt === undefined || account === undefined || target === undefined)
    throw new ClientError('client_protocol', 'the first line is not TOKEN ACCOUNT@TARGET')
  return { jwt, account, target, rest: bytes.subarray(end + 1) }
}

const newline = 10

/** The names are recorded and shown: nothing in them may be obeyed by a terminal. */
const shape = /^([^\s\p{Cc}]+) ([^\s\p{Cc}]+)@([^\s\p{Cc}@]+)$/u

/** The bytes up to the first newline, and what came with it. */
function readLine(socket: Duplex): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  let held = Buffer.alloc(0)
  const onGone = (): void => {
    stop()
    reject(new ClientError('client_gone', 'the client left before its first line was whole'))
  }
  const onData = (bytes: Buffer): void => {
    const from = held.length
    held = Buffer.concat([held, bytes])
    const end = held.indexOf(newline, from)
    if (end === -1 && held.length <= hello_bytes_max) return
    stop()
    if (end !== -1 && end <= hello_bytes_max) resolve(held)
    else reject(new ClientError('client_protocol', 'the first line is too long'))
  }
  const stop = (): void => {
    socket.pause()
    socket.off('data', onData).off('end', onGone).off('close', onGone)
  }
  socket.on('data', onData).once('end', onGone).once('close', onGone)
  if (socket.destroyed) onGone()
  return promise
}
