/**
 * One side of a key exchange by hand: packets in clear text (RFC 4253, section 6), with nothing between the
 * test and the wire.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'

const kexinit = 20
export const newkeys = 21
export const kex_init = 30
export const kex_reply = 31

export const sshString = (value: Uint8Array | string): Buffer => {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** `byte type`, then the rest, padded to eight bytes. */
export function packet(type: number, ...rest: readonly Uint8Array[]): Buffer {
  const payload = Buffer.concat([Buffer.of(type), ...rest])
  const padding = 4 + ((8 - ((4 + 1 + payload.length + 4) % 8)) % 8)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(1 + payload.length + padding)
  head[4] = padding
  return Buffer.concat([head, payload, Buffer.alloc(padding)])
}

/** Our lists: one key exchange, one host key type, one cipher. */
export const lists = (kex: string): Buffer =>
  packet(
    kexinit,
    randomBytes(16),
    ...[kex, 'ssh-ed25519', 'aes128-gcm@openssh.com', 'aes128-gcm@openssh.com'].map(sshString),
    ...['hmac-sha2-256', 'hmac-sha2-256', 'none', 'none', '', ''].map(sshString),
    Buffer.alloc(5),
  )

/** The payload of the first packet of a type that a peer sends; undefined when it is gone before. */
export async function receive(socket: Socket, type: number): Promise<Buffer | undefined> {
  let bytes = Buffer.alloc(0)
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk])
  }
  socket.on('data', take)
  try {
    for (;;) {
      const found = payloads(bytes).find((payload) => payload[0] === type)
      if (found !== undefined || socket.destroyed) return found
      await Promise.race([once(socket, 'data'), once(socket, 'close')])
    }
  } finally {
    socket.off('data', take)
  }
}

/** After the identification string, which is one line. */
function payloads(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  let at = bytes.indexOf('\n') + 1
  while (at > 0 && at + 5 <= bytes.length) {
    const length = bytes.readUInt32BE(at)
    if (at + 4 + length > bytes.length) break
    found.push(bytes.subarray(at + 5, at + 4 + length - (bytes[at + 4] ?? 0)))
    at += 4 + length
  }
  return found
}
