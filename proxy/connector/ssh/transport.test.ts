/**
 * One of Bun's own sockets, as the SSH library uses a stream of Node's.
 */
import { describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { LoginStream } from '../../socket/login.ts'
import { listenRaw, type RawSocket } from '../../socket/raw.ts'
import { SocketTransport, transportOf } from './transport.ts'

interface Pair extends Disposable {
  readonly near: SocketTransport
  readonly peer: Socket
  /** What the near end was told, bytes as text; data that follow each other are one. */
  readonly told: readonly string[]
}

async function open(): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<RawSocket>()
  const port = listenRaw({ host: '127.0.0.1', port: 0, is_shared: false }, resolve)
  const peer = connect({ host: '127.0.0.1', port: port.port, allowHalfOpen: true })
  peer.on('error', () => {})
  return pairOf(new SocketTransport(await promise), peer, () => port.stop())
}

function pairOf(near: SocketTransport, peer: Socket, stop: () => void): Pair {
  const told: string[] = []
  near.on('data', (bytes: Uint8Array) => told.push(new TextDecoder().decode(bytes)))
  for (const event of ['end', 'error', 'close']) near.on(event, () => told.push(`(${event})`))
  return {
    near,
    peer,
    told,
    [Symbol.dispose]() {
      near.destroy()
      peer.destroy()
      stop()
    },
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(1)
}

describe('a socket as the library wants it', () => {
  test('nothing comes before it is asked for', async () => {
    using pair = await open()
    pair.peer.write('a')
    await Bun.sleep(20)
    expect(pair.told).toEqual([])
    pair.near.resume()
    await until(() => pair.told.length > 0)
    expect(pair.told).toEqual(['a'])
  })

  test('what was read for a login and what was given back come first, in order, and not within the call', async () => {
    const { promise, resolve } = Promise.withResolvers<RawSocket>()
    const port = listenRaw({ host: '127.0.0.1', port: 0, is_shared: false }, resolve)
    const peer = connect({ host: '127.0.0.1', port: port.port })
    const login = new LoginStream(await promise)
    peer.write('early')
    await until(() => login.readableLength === 5)
    const near = transportOf(login)
    if (!(near instanceof SocketTransport)) throw new Error('it is still a stream')
    using pair = pairOf(near, peer, () => port.stop())
    peer.write('later')
    near.unshift(new TextEncoder().encode('again'))
    near.resume()
    expect(pair.told).toEqual([])
    await until(() => pair.told.length === 3)
    expect(pair.told).toEqual(['again', 'early', 'later'])
    expect(near.bytesRead).toBe(10)
  })

  test('a reader that pauses gets what it gave back, and the end behind it', async () => {
    using pair = await open()
    pair.near.once('data', () => {
      pair.near.pause()
      pair.near.unshift(new TextEncoder().encode('rest'))
    })
    pair.near.resume()
    pair.peer.end('a')
    await Bun.sleep(20)
    expect(pair.told).toEqual(['a'])
    pair.near.resume()
    await until(() => pair.told.includes('(close)'))
    expect(pair.told).toEqual(['a', 'rest', '(end)', '(close)'])
  })

  test('who pauses at what was given back is given no more', async () => {
    using pair = await open()
    for (const text of ['c', 'b', 'a']) pair.near.unshift(new TextEncoder().encode(text))
    pair.near.on('data', () => pair.near.pause())
    pair.near.resume()
    await Bun.sleep(5)
    expect(pair.told).toEqual(['a'])
    pair.near.resume()
    await Bun.sleep(5)
    expect(pair.told).toEqual(['a', 'b'])
  })

  test('a peer that ends is ended in turn, and written to no more', async () => {
    using pair = await open()
    const ended = once(pair.peer, 'end')
    pair.peer.resume()
    pair.near.resume()
    pair.peer.end()
    await ended
    expect([pair.near.writable, pair.near.readable]).toEqual([false, false])
    await until(() => pair.told.includes('(close)'))
    expect(pair.told).toEqual(['(end)', '(close)'])
  })

  test('what the peer does not take is counted, and told when it has', async () => {
    using pair = await open()
    const block = new Uint8Array(4 * 2 ** 20).fill(120)
    const written: number[] = []
    let drains = 0
    pair.near.on('drain', () => {
      drains += 1
    })
    for (let n = 0; n < 8; n++) pair.near.write(block, () => written.push(n))
    await Bun.sleep(20)
    const waits = pair.near.writableLength
    expect(waits).toBeGreaterThan(0)
    expect(waits).toBe((8 - written.length) * block.length)
    expect(drains).toBe(0)
    let came = 0
    pair.peer.on('data', (bytes: Buffer) => {
      came += bytes.length
    })
    await until(() => came === 8 * block.length && drains === 1)
    expect(written).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect([pair.near.writableLength, pair.near.bytesWritten]).toEqual([0, came])
  })

  test('what is never taken is told of too, and is no room for more', async () => {
    using pair = await open()
    let drains = 0
    pair.near.on('drain', () => {
      drains += 1
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    pair.near.write(new Uint8Array(32 * 2 ** 20), resolve)
    expect(pair.near.writableLength).toBeGreaterThan(0)
    pair.near.destroy()
    await promise
    await until(() => pair.told.length > 0)
    expect([pair.told, drains]).toEqual([['(close)'], 0])
  })

  test('who destroys it hears of the close later, and once', async () => {
    using pair = await open()
    pair.near.resume()
    pair.near.destroy()
    pair.near.destroy()
    expect([pair.near.destroyed, pair.told.length]).toEqual([true, 0])
    await Bun.sleep(10)
    expect(pair.told).toEqual(['(close)'])
  })

  test('a peer that resets is an error, then a close; it need not be listened to', async () => {
    using pair = await open()
    pair.near.resume()
    pair.peer.write('a')
    await until(() => pair.told.length === 1)
    pair.peer.resetAndDestroy()
    await until(() => pair.told.includes('(close)'))
    expect(pair.told).toEqual(['a', '(error)', '(close)'])
    using other = await open()
    other.near.removeAllListeners('close')
    other.peer.resetAndDestroy()
    await until(() => other.near.destroyed)
  })

  test('what was said before the end is said', async () => {
    using pair = await open()
    const said: Buffer[] = []
    pair.peer.on('data', (bytes: Buffer) => said.push(bytes))
    const ended = once(pair.peer, 'end')
    pair.near.resume()
    const block = new Uint8Array(8 * 2 ** 20).fill(120)
    pair.near.write(block)
    pair.near.end()
    await ended
    expect(Buffer.concat(said).length).toBe(block.length)
    pair.peer.end()
    await until(() => pair.told.includes('(close)'))
    expect(pair.told).toEqual(['(end)', '(close)'])
  })

  test('a stream of Node is what it is', () => {
    const stream = connect({ host: '127.0.0.1', port: 1 }).on('error', () => {})
    expect(transportOf(stream)).toBe(stream)
    stream.destroy()
  })
})
