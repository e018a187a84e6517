/**
 * The key exchange that the patch adds: its primitive against known answers, and the library on both sides of it
 * over transports that cut and join packets.
 */
import { describe, expect, test } from 'bun:test'
import { randomBytes, webcrypto } from 'node:crypto'
import { createRequire } from 'node:module'
import { Duplex } from 'node:stream'
import vector from './mlkem768.json'
import { patched_path } from './unpatched.ts'
import { exec, gather, join, type Library, type Loose } from './wire.ts'

const library = createRequire(import.meta.url)(patched_path) as Library
const algorithms = { kex: ['mlkem768x25519-sha256'] }

/** WebCrypto as the patch calls it; its types know no ML-KEM yet. */
const subtle: Loose = webcrypto.subtle
const kem = { name: 'ML-KEM-768' }
const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const privateKey = (seed: string): Promise<Loose> =>
  subtle.importKey('raw-seed', hex(seed), kem, true, ['decapsulateBits'])
/** `pkcs8` and `jwk` alone carry a public key out of a private one. */
async function publicBytes(key: Loose): Promise<Buffer> {
  const { pub } = await subtle.exportKey('jwk', key)
  return Buffer.from(pub, 'base64url')
}

describe('ML-KEM-768', () => {
  test('a seed makes its key', async () => {
    const made = await publicBytes(await privateKey(vector.seed))
    expect(made.length).toBe(1184)
    expect(made.toString('hex')).toBe(vector.public_key)
  })

  test('a ciphertext that was not made with the key has another secret, and always the same', async () => {
    const key = await privateKey(vector.seed)
    const secret = await subtle.decapsulateBits(kem, key, hex(vector.ciphertext))
    expect(Buffer.from(secret).toString('hex')).toBe(vector.secret)
  })

  test('what is encapsulated is decapsulated', async () => {
    const ek = await subtle.importKey('raw-public', hex(vector.public_key), kem, true, [
      'encapsulateBits',
    ])
    const { ciphertext, sharedKey } = await subtle.encapsulateBits(kem, ek)
    expect(ciphertext.byteLength).toBe(1088)
    const key = await privateKey(vector.seed)
    const found = Buffer.from(await subtle.decapsulateBits(kem, key, ciphertext))
    expect(found.equals(Buffer.from(sharedKey))).toBe(true)
    expect(found.length).toBe(32)
  })
})

/** Two streams that hand over what is written as `cut` divides it. */
function pair(cut: (chunk: Buffer) => readonly Buffer[]): [Duplex, Duplex] {
  const sides: Duplex[] = []
  const side = (at: number): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        for (const piece of cut(chunk)) sides[1 - at]?.push(piece)
        done()
      },
    })
  sides.push(side(0), side(1))
  return sides as [Duplex, Duplex]
}

/** What is written in one turn of the loop arrives in one piece, however many packets it is. */
function joined(): [Duplex, Duplex] {
  const sides: Duplex[] = []
  const side = (at: number): Duplex => {
    let waiting: Buffer[] = []
    return new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        waiting.push(chunk)
        if (waiting.length === 1)
          setTimeout(() => {
            sides[1 - at]?.push(Buffer.concat(waiting))
            waiting = []
          }, 1)
        done()
      },
    })
  }
  sides.push(side(0), side(1))
  return sides as [Duplex, Duplex]
}

const transports: Readonly<Record<string, () => [Duplex, Duplex]>> = {
  'answers at once': () => pair((chunk) => [chunk]),
  'gives a byte at a time': () => pair((chunk) => [...chunk].map((byte) => Buffer.of(byte))),
  'joins what it can': joined,
}

describe('mlkem768x25519-sha256', () => {
  for (const [what, make] of Object.entries(transports))
    test(`a transport that ${what}`, async () => {
      const [near, far] = make()
      const { private: key } = library.utils.generateKeyPairSync('ed25519')
      const Server = library['Server'] as Loose
      const server = new Server({ hostKeys: [key], algorithms }, (connection: Loose) => {
        connection.on('error', () => {})
        connection.on('authentication', (context: Loose) => context.accept())
        connection.on('session', (accept: Loose) =>
          accept().on('exec', (acceptExec: Loose) => acceptExec().end('done')),
        )
      })
      server.injectSocket(far)
      const client = new (library['Client'] as Loose)()
      const negotiated = new Promise<Loose>((resolve) => client.once('handshake', resolve))
      await new Promise((resolve, reject) => {
        client.once('ready', resolve)
        client.once('error', reject)
        client.connect({ sock: near, username: 'u', password: 'p', algorithms })
      })
      expect((await negotiated).kex).toBe('mlkem768x25519-sha256')
      expect((await gather(await exec(client))).toString()).toBe('done')
    })

  for (const who of ['client', 'connection'] as const)
    test(`the ${who === 'client' ? 'client' : 'server'} changes keys while data flows`, async () => {
      const bytes = randomBytes(1024 * 1024)
      const { client, connection } = await join(library, {
        server: { algorithms },
        client: { algorithms },
        onSession: (session) =>
          session.on('exec', (accept: Loose) => {
            const channel = accept()
            channel.pipe(channel)
          }),
      })
      const asks = who === 'client' ? client : connection
      const channel = await exec(client)
      const got = gather(channel)
      for (let round = 0; round < 5; round++) {
        const changed = new Promise((resolve) => asks.once('handshake', resolve))
        channel.write(bytes.subarray(0, bytes.length / 2))
        asks['_protocol'].rekey()
        channel.write(bytes.subarray(bytes.length / 2))
        await changed
      }
      channel.end()
      expect((await got).equals(Buffer.concat(Array(5).fill(bytes)))).toBe(true)
      client.end()
    })

  test('nothing of an exchange is kept once it is over', async () => {
    const { client, connection } = await join(library, {
      server: { algorithms },
      client: { algorithms },
    })
    for (const side of [client, connection]) {
      const exchange = side['_protocol']['_kex']
      expect(exchange.type).toBe('mlkem768x25519')
      for (const secret of ['_kemSecret', '_kemKeys', '_keys', '_public'])
        expect(exchange[secret], secret).toBeNull()
    }
    client.end()
  })
})
