/**
 * What a socket does that its users rest on, whatever it is made of: one of Bun's own, one in TLS, a stream of Node's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket as NodeSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { makeCertificates } from '../../test/fixture/certificate.ts'
import { freePort } from '../../test/fixture/net.ts'
import { openssl } from '../../test/fixture/require.ts'
import { LoginStream } from './login.ts'
import { nodeSocket } from './node.ts'
import { connectRaw, listenRaw, type RawSocket, type ServerTls } from './raw.ts'
import type { Socket } from './socket.ts'

/** More than the system takes for somebody who does not read. */
const much = new Uint8Array(32 * 1024 * 1024).fill(7)

interface Pair extends Disposable {
  readonly near: Socket
  readonly peer: NodeSocket
  /** What happened to `near`, in order: bytes by how many. */
  readonly told: string[]
  readonly came: () => number
}

/** Resolves when it is true: nothing here takes long. */
async function until(what: () => boolean): Promise<void> {
  while (!what()) await Bun.sleep(1)
}

function events(told: string[]): Parameters<Socket['start']>[0] {
  return {
    data: (bytes) => told.push(new TextDecoder().decode(bytes)),
    ended: () => told.push('ended'),
    closed: (error) => told.push(error === undefined ? 'closed' : 'lost'),
  }
}

let dir: string
let server_tls: ServerTls
/** Of whoever signed {@link server_tls}. */
let ca: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-socket-'))
  const { cert_file, key_file, ca_file } = makeCertificates(dir, ['DNS:localhost', 'IP:127.0.0.1'])
  ca = readFileSync(ca_file, 'utf8')
  const [cert, key] = [readFileSync(cert_file, 'utf8'), readFileSync(key_file, 'utf8')]
  server_tls = { cert, key, requestCert: true, rejectUnauthorized: false }
})
afterAll(() => rmSync(dir, { recursive: true }))

const outcome = (made: Promise<unknown>): Promise<string> =>
  made.then(
    () => 'done',
    (error: Error) => error.message,
  )

const place = { host: '127.0.0.1', port: 0, is_shared: false }

async function rawPair(): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<RawSocket>()
  const port = listenRaw(place, resolve)
  const peer = connect({ host: '127.0.0.1', port: port.port, allowHalfOpen: true })
  return pairOf(await promise, peer, () => port.stop())
}

async function nodePair(): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<NodeSocket>()
  const server = createServer(resolve)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const peer = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  return pairOf(nodeSocket(await promise), peer, () => server.close())
}

async function tlsPair(): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<RawSocket>()
  const port = listenRaw(place, resolve)
  const peer = connectTls({ host: '127.0.0.1', port: port.port, rejectUnauthorized: false })
  peer.allowHalfOpen = true
  const near = await promise
  near.start(events([]))
  await near.secure(server_tls)
  return pairOf(near, peer, () => port.stop())
}

async function tlsClientPair(): Promise<Pair> {
  const { port, accepted, stop } = await tlsServer(server_tls)
  const near = await connectRaw('127.0.0.1', port)
  near.start(events([]))
  await near.secureTo({ host: '127.0.0.1', ca })
  return pairOf(near, await accepted, stop)
}

async function tlsServer({ cert, key }: Pick<ServerTls, 'cert' | 'key'>): Promise<{
  readonly port: number
  readonly accepted: Promise<TLSSocket>
  readonly stop: () => void
}> {
  const { promise: accepted, resolve } = Promise.withResolvers<TLSSocket>()
  const server = createTlsServer({ cert, key, allowHalfOpen: true }, resolve)
  server.on('tlsClientError', () => {})
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return { port, accepted, stop: () => server.close() }
}

function pairOf(near: Socket, peer: NodeSocket, stop: () => void): Pair {
  const told: string[] = []
  near.start(events(told))
  let came = 0
  peer.on('error', () => {})
  peer.on('data', ({ length }) => {
    came += length
  })
  return {
    ...{ near, peer, told, came: () => came },
    [Symbol.dispose]() {
      peer.destroy()
      near.destroy()
      stop()
    },
  }
}

const kinds: readonly (readonly [name: string, open: () => Promise<Pair>])[] = [
  ["Bun's own", rawPair],
  ["Bun's own in TLS", tlsPair],
  ["Bun's own in TLS, as its client", tlsClientPair],
  ["Node's", nodePair],
]

describe.each(kinds)('%s', (_, open) => {
  test('who does not read holds back whoever writes, and loses nothing', async () => {
    using pair = await open()
    pair.peer.pause()
    const order: number[] = []
    expect(pair.near.write(much, () => order.push(1))).toBe(false)
    expect(pair.near.write(Uint8Array.of(1), () => order.push(2))).toBe(false)
    await Bun.sleep(20)
    expect(order).toEqual([])
    pair.peer.resume()
    await until(() => pair.came() === much.length + 1)
    await until(() => order.length === 2)
    expect(order).toEqual([1, 2])
    expect(pair.near.write(Uint8Array.of(2))).toBe(true)
  })
  test('what waits is given up when the peer is gone, and whoever wrote it is told', async () => {
    using pair = await open()
    pair.peer.pause()
    let taken = false
    pair.near.write(much, () => {
      taken = true
    })
    await Bun.sleep(5)
    pair.peer.resetAndDestroy()
    await until(() => taken && pair.told.length > 0)
    expect(pair.told).toEqual(['lost'])
    expect(pair.near.is_writable).toBe(false)
    expect(pair.near.write(Uint8Array.of(1))).toBe(true)
  })
  test('a peer that has said its last is still answered, and both ends are the end', async () => {
    using pair = await open()
    pair.peer.end('last')
    await until(() => pair.told.includes('ended'))
    pair.near.write(much)
    let is_said = false
    pair.near.end(() => {
      is_said = true
    })
    expect(pair.near.is_writable).toBe(false)
    await until(() => pair.told.includes('closed'))
    expect(pair.told).toEqual(['last', 'ended', 'closed'])
    await until(() => pair.came() === much.length)
    expect(is_said).toBe(true)
  })
  test('a peer that resets is lost', async () => {
    using pair = await open()
    pair.peer.write('a')
    await until(() => pair.told.length === 1)
    pair.peer.resetAndDestroy()
    await until(() => pair.told.length > 1)
    expect(pair.told).toEqual(['a', 'lost'])
  })
  test('nothing comes while it is paused', async () => {
    using pair = await open()
    pair.near.pause()
    await Bun.sleep(5)
    pair.peer.write('a')
    await Bun.sleep(20)
    expect(pair.told).toEqual([])
    pair.near.resume()
    await until(() => pair.told.length === 1)
    expect(pair.told).toEqual(['a'])
  })
  test('one that is destroyed is closed, and tells of it once', async () => {
    using pair = await open()
    pair.near.destroy()
    pair.near.destroy()
    await until(() => pair.told.length > 0)
    await Bun.sleep(5)
    expect(pair.told.filter((each) => each !== 'ended')).toHaveLength(1)
  })
})

// A peer in TLS answers the end with its own.
describe.each([rawPair, nodePair])('without TLS (%p)', (open) => {
  test('who has said its last still hears', async () => {
    using pair = await open()
    pair.near.end()
    await Bun.sleep(10)
    pair.peer.end('more')
    await until(() => pair.told.includes('closed'))
    expect(pair.told).toEqual(['more', 'ended', 'closed'])
  })
})

describe('a socket that changes hands', () => {
  test('the next one is told of an end that came before', async () => {
    using pair = await rawPair()
    pair.peer.end('a')
    await until(() => pair.told.includes('ended'))
    const told: string[] = []
    pair.near.start(events(told))
    await until(() => told.length > 0)
    pair.near.end()
    await until(() => told.includes('closed'))
    expect(told).toEqual(['ended', 'closed'])
  })
  test('what was read for a login and not asked for is left to the next', async () => {
    const { promise, resolve } = Promise.withResolvers<RawSocket>()
    const port = listenRaw(place, resolve)
    const peer = connect({ host: '127.0.0.1', port: port.port })
    const stream = new LoginStream(await promise)
    peer.write('early')
    await until(() => stream.readableLength === 5)
    const { socket, early } = stream.leave()
    expect(new TextDecoder().decode(early)).toBe('early')
    const told: string[] = []
    socket.start(events(told))
    peer.write('late')
    await until(() => told.length > 0)
    expect(told).toEqual(['late'])
    peer.destroy()
    port.stop()
  })
})

describe('TLS', () => {
  const logIn = async (): Promise<{ stream: LoginStream; peer: NodeSocket; stop: () => void }> => {
    const { promise, resolve } = Promise.withResolvers<RawSocket>()
    const port = listenRaw(place, resolve)
    const peer = connect({ host: '127.0.0.1', port: port.port })
    peer.on('error', () => {})
    const stream = new LoginStream(await promise)
    stream.on('error', () => {})
    return { stream, peer, stop: () => port.stop() }
  }
  test('what came before it is not taken for said over it', async () => {
    const { stream, peer, stop } = await logIn()
    peer.write('before')
    await until(() => stream.readableLength > 0)
    expect(await outcome(stream.secure(server_tls))).toContain('before TLS')
    peer.destroy()
    stop()
  })
  test('is not agreed upon with who speaks something else, and the connection is closed', async () => {
    const { stream, peer, stop } = await logIn()
    const securing = stream.secure(server_tls)
    peer.write('something else, which is long enough to be looked at as if it were a record')
    expect(await outcome(securing)).toBe('TLS was not agreed upon')
    await until(() => stream.destroyed)
    stop()
  })
  test('is not agreed upon with who leaves', async () => {
    const { stream, peer, stop } = await logIn()
    const securing = stream.secure(server_tls)
    peer.end()
    expect(await outcome(securing)).toBe('TLS was not agreed upon')
    stop()
  })
  test('a version before 1.2 is not spoken', async () => {
    const port = listenRaw(place, (socket) => {
      socket.start(events([]))
      socket.secure(server_tls).catch(() => {})
    })
    const words = ['s_client', '-connect', `127.0.0.1:${port.port}`, '-cipher', 'ALL@SECLEVEL=0']
    const said = async (version: string): Promise<string> => {
      const client = Bun.spawn([openssl, ...words, version], {
        ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
      })
      return (await client.stdout.text()) + (await client.stderr.text())
    }
    expect(await said('-tls1_2')).toContain('New, TLSv1.2')
    expect(await said('-tls1_1')).toContain('alert protocol version')
    port.stop()
  })
  test.each([
    ['an authority', 'DNS:localhost', 'localhost', false],
    ['the host', 'DNS:elsewhere.example', 'localhost', true],
    ['the address', 'IP:127.0.0.2', '127.0.0.1', true],
  ] as const)(
    'a certificate that is not of %s that is wanted is not taken, and hears nothing',
    async (_, of, host, is_signed) => {
      const own = mkdtempSync(join(dir, 'own-'))
      const files = makeCertificates(own, [of])
      const [cert, key] = [
        readFileSync(files.cert_file, 'utf8'),
        readFileSync(files.key_file, 'utf8'),
      ]
      const { port, accepted, stop } = await tlsServer({ cert, key })
      let heard = 0
      void accepted.then((peer) => {
        peer.on('error', () => {})
        peer.on('data', ({ length }) => {
          heard += length
        })
      })
      const stream = new LoginStream(await connectRaw('127.0.0.1', port))
      const securing = stream.secureTo({
        host,
        ca: is_signed ? readFileSync(files.ca_file, 'utf8') : ca,
      })
      stream.write('for the right one alone')
      expect(await outcome(securing)).toContain(is_signed ? 'does not match' : 'unable to verify')
      await until(() => stream.destroyed)
      await Bun.sleep(20)
      expect([heard, stream.secured]).toEqual([0, undefined])
      stop()
    },
  )
  test('one of the right host is taken, and its certificate is who it is', async () => {
    const { port, accepted, stop } = await tlsServer(server_tls)
    for (const host of ['localhost', '127.0.0.1']) {
      const stream = new LoginStream(await connectRaw('127.0.0.1', port))
      const { version, certificate } = await stream.secureTo({ host, ca })
      const shown = new X509Certificate(server_tls.cert).raw
      expect([version, Buffer.compare(certificate ?? Buffer.of(), shown)]).toEqual(['TLSv1.3', 0])
      stream.destroy()
    }
    ;(await accepted).destroy()
    stop()
  })
  test('is not begun over what came before it, also as its client', async () => {
    const port = listenRaw(place, (socket) => {
      socket.start(events([]))
      socket.write(new TextEncoder().encode('before'))
    })
    const stream = new LoginStream(await connectRaw('127.0.0.1', port.port))
    await until(() => stream.readableLength > 0)
    expect(await outcome(stream.secureTo({ host: '127.0.0.1', ca }))).toContain('before TLS')
    stream.destroy()
    port.stop()
  })
  test('a version before 1.2 is not spoken with a server either', async () => {
    const port = await freePort()
    const server = Bun.spawn(
      [
        ...[openssl, 's_server', '-accept', `${port}`, '-cert', join(dir, 'tls.pem')],
        ...['-key', join(dir, 'tls.key'), '-tls1_1', '-cipher', 'ALL@SECLEVEL=0'],
      ],
      { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
    )
    await saying(server.stdout, 'ACCEPT')
    const stream = new LoginStream(await connectRaw('127.0.0.1', port))
    stream.on('error', () => {})
    expect(await outcome(stream.secureTo({ host: '127.0.0.1', ca }))).not.toBe('done')
    await saying(server.stderr, 'unsupported protocol')
    server.kill()
    await server.exited
  })
})

/** Resolves when it has said that. */
async function saying(stream: ReadableStream<Uint8Array>, wanted: string): Promise<void> {
  let said = ''
  for await (const part of stream) {
    said += new TextDecoder().decode(part)
    if (said.includes(wanted)) return
  }
  throw new Error(`it said: ${said}`)
}
