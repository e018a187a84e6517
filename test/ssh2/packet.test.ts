/**
 * Packets of AES-GCM (RFC 5647, and the padding of RFC 4253), small ones and others: the runtime's cipher reads what is sealed, and
 * what is opened is what was sealed, however it was cut.
 */
import { describe, expect, test } from 'bun:test'
import { createDecipheriv } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { patched_path } from './unpatched.ts'
import type { Loose } from './wire.ts'

const crypto: Loose = createRequire(import.meta.url)(join(patched_path, 'lib/protocol/crypto.js'))
const cipher_name = 'aes128-gcm@openssh.com'
const key = Buffer.alloc(16, 7)
/** The last byte runs over within the test. */
const firstIv = (): Buffer => Buffer.from([1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 255, 250])
const channel_data = 94
const channel = 0x01020304

const dataOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 31 + length) & 255))
/** Around the sizes at which packets are sealed in another way, and each in between. */
const lengths = [...Array.from({ length: 300 }, (_, n) => n), 4_095, 4_096, 32_768]

/** The packets, each with the message in it. */
async function sealed(): Promise<readonly { packet: Buffer; message: Buffer }[]> {
  await crypto.init
  let written = Buffer.alloc(0)
  const cipher = crypto.createCipher({
    outbound: {
      seqno: 0,
      onWrite: (bytes: Buffer) => {
        written = Buffer.from(bytes)
      },
      allocWrite: (length: number) => Buffer.allocUnsafe(length),
      cipherInfo: crypto.CIPHER_INFO[cipher_name],
      cipherKey: key,
      cipherIV: firstIv(),
    },
  })
  return lengths.map((length) => {
    const data = dataOf(length)
    cipher.sealData(channel_data, channel, data)
    const head = Buffer.alloc(9)
    head[0] = channel_data
    head.writeUInt32BE(channel, 1)
    head.writeUInt32BE(length, 5)
    return { packet: written, message: Buffer.concat([head, data]) }
  })
}

function opener(iv: Buffer = firstIv()): { give(bytes: Buffer): void; got: Buffer[] } {
  const got: Buffer[] = []
  const decipher = crypto.createDecipher({
    inbound: {
      seqno: 0,
      onPayload: (payload: Buffer) => void got.push(Buffer.from(payload)),
      decipherInfo: crypto.CIPHER_INFO[cipher_name],
      decipherKey: key,
      decipherIV: iv,
    },
  })
  return {
    // Alone in its buffer, as a socket gives it.
    give: (bytes) => decipher.decrypt(new Uint8Array(bytes), 0, bytes.length),
    got,
  }
}

describe('a packet of AES-GCM', () => {
  test('is what the runtime reads', async () => {
    const iv = firstIv()
    const paddings = new Set<string>()
    for (const { packet, message } of await sealed()) {
      const decipher = createDecipheriv('aes-128-gcm', key, iv)
      decipher.setAAD(packet.subarray(0, 4))
      decipher.setAuthTag(packet.subarray(-16))
      const plain = Buffer.concat([decipher.update(packet.subarray(4, -16)), decipher.final()])
      iv.writeBigUInt64BE(iv.readBigUInt64BE(4) + 1n, 4)
      const padding = plain[0] ?? 0
      expect(packet.readUInt32BE(0)).toBe(plain.length)
      expect([plain.length % 16, padding >= 4, padding < 20]).toEqual([0, true, true])
      expect(plain.subarray(1, plain.length - padding).equals(message)).toBe(true)
      paddings.add(plain.subarray(-4).toString('hex'))
    }
    // Random, and each byte used once: two of four bytes are hardly ever the same.
    expect(paddings.size).toBeGreaterThan(lengths.length - 3)
  })

  test('is opened, however it was cut or joined', async () => {
    const packets = await sealed()
    const messages = packets.map(({ message }) => message.toString('hex'))
    const all = Buffer.concat(packets.map(({ packet }) => packet))
    for (const step of [1, 3, 16, 37, 100, 1_000, 65_536, all.length]) {
      const { give, got } = opener()
      for (let at = 0; at < all.length; at += step) give(all.subarray(at, at + step))
      expect(got.map((each) => each.toString('hex'))).toEqual(messages)
    }
    const { give, got } = opener()
    for (const { packet } of packets) give(packet)
    expect(got.map((each) => each.toString('hex'))).toEqual(messages)
  })

  test('is not opened when a byte of it is another, or when it comes again', async () => {
    const { packet } = (await sealed())[0] as { packet: Buffer } // There is one.
    for (let at = 0; at < packet.length; at++) {
      const { give, got } = opener()
      const other = Buffer.from(packet)
      other[at] = (other[at] ?? 0) ^ 1
      // What makes it longer is believed only with the bytes to it.
      expect(() => give(Buffer.concat([other, Buffer.alloc(1_024)]))).toThrow()
      expect(got).toEqual([])
    }
    const { give, got } = opener()
    give(packet)
    expect(() => give(packet)).toThrow()
    expect(got.length).toBe(1)
  })
})
