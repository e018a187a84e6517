/**
 * What is wrong with ssh2 1.17.0, each as a program that throws, hangs or dies if it is.
 *
 * @module
 */
import { type AddressInfo, createServer } from 'node:net'
import { Duplex } from 'node:stream'
import { assert, connectRaw, exec, gather, join, type Library, type Loose, serve } from './wire.ts'
import { writes } from './writes.ts'

const megabytes = (count: number, value: number): Buffer => Buffer.alloc(count * 1024 * 1024, value)

export const defects: Readonly<Record<string, (library: Library) => Promise<void>>> = {
  /** The window is shared, and the library keeps one waiting write of each stream, of which it resumes one. */
  async 'stdout and stderr that stall together arrive whole'(library) {
    const out = megabytes(8, 1)
    const err = megabytes(8, 2)
    const { client } = await join(library, {
      onSession: (session) =>
        session.on('exec', (accept: Loose) => {
          const channel = accept()
          channel.write(out)
          channel.stderr.write(err, () => channel.end())
        }),
    })
    const channel = await exec(client)
    await Bun.sleep(200)
    const [gotOut, gotErr] = await Promise.all([gather(channel), gather(channel.stderr)])
    assert(gotOut.equals(out), `stdout: ${gotOut.length} of ${out.length} bytes, or others`)
    assert(gotErr.equals(err), `stderr: ${gotErr.length} of ${err.length} bytes, or others`)
  },

  /** One in 256 begins with a zero, which was taken for part of its encoding. */
  async 'every key that is made can be read'(library) {
    for (let made = 0; made < 3_000; made++) {
      const { private: key } = library.utils.generateKeyPairSync('ed25519')
      const parsed = library.utils.parseKey(key)
      assert(!(parsed instanceof Error), `key ${made}: ${parsed.message}`)
    }
  },

  async 'an identification string arrives in any number of pieces'(library) {
    const [port] = await serve(library)
    const socket = await connectRaw(port)
    const answered = new Promise<boolean>((resolve) => {
      let got = Buffer.alloc(0)
      socket.on('data', (bytes: Buffer) => {
        got = Buffer.concat([got, bytes])
        // The server's key exchange follows its own line once it has read ours.
        if (got.includes('curve25519-sha256')) resolve(true)
      })
      socket.once('close', () => resolve(false))
    })
    for (const character of 'SSH-2.0-pieces\r\n') {
      socket.write(character)
      await Bun.sleep(5)
    }
    assert(await Promise.race([answered, Bun.sleep(1_000).then(() => false)]), 'no answer')
  },

  async 'a server that sends no text instead of its name is left at once'(library) {
    const server = createServer((socket) =>
      socket.on('error', () => {}).write(Buffer.alloc(64, 255)),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = new (library['Client'] as Loose)()
    const failed = new Promise<boolean>((resolve) => client.on('error', () => resolve(true)))
    client.connect({ host: '127.0.0.1', port, username: 'u', password: 'p' })
    assert(await Promise.race([failed, Bun.sleep(1_000).then(() => false)]), 'it waits')
  },

  async 'what was written to stderr arrives before the channel closes'(library) {
    const err = megabytes(8, 3)
    const { client } = await join(library, {
      onSession: (session) =>
        session.on('exec', (accept: Loose) => {
          const channel = accept()
          channel.stderr.write(err)
          channel.end('out')
        }),
    })
    const channel = await exec(client)
    const [, got] = await Promise.all([gather(channel), gather(channel.stderr)])
    assert(got.equals(err), `stderr: ${got.length} of ${err.length} bytes`)
  },

  /** The result of `socket.write()` is ignored. */
  async 'a client with an endless window that stops reading does not fill the memory'(library) {
    let written = 0
    const { client, connection } = await join(library, {
      onSession: (session) =>
        session.on('exec', (accept: Loose) => {
          const channel = accept()
          const chunk = megabytes(1, 4)
          const next = (): void => {
            written += 1
            if (written < 256) channel.write(chunk, () => setImmediate(next))
          }
          next()
        }),
    })
    const channel = await exec(client)
    client['_protocol'].channelWindowAdjust(channel.outgoing.id, 0xf0000000)
    client['_sock'].pause()
    await Bun.sleep(1_000)
    const held = connection['_sock'].writableLength
    assert(held < 16e6, `${held} bytes wait in the socket, ${written} MiB were taken`)
  },

  /** Data beyond the window is kept, or dropped without a word when the window is exactly zero. */
  async 'a client that ignores our window is disconnected'(library) {
    let channel: Loose
    const { client, connection } = await join(library, {
      // Nobody reads the channel.
      onSession: (session) => session.on('exec', (accept: Loose) => (channel = accept())),
    })
    const closed = new Promise((resolve) => connection.once('close', resolve))
    const own = await exec(client)
    own.outgoing.window = 1e9
    for (let i = 0; i < 64; i++) own.write(megabytes(1, 5))
    await Promise.race([closed, Bun.sleep(1_500)])
    assert(connection['_sock'].destroyed, 'it is still connected')
    assert(channel.readableLength < 5e6, `${channel.readableLength} bytes were kept`)
  },

  /** The error of a stream that nobody listens to ends the process. */
  async 'data after EOF ends the connection, not the process'(library) {
    const { client, connection } = await join(library, {
      onSession: (session) => session.on('exec', (accept: Loose) => accept().resume()),
    })
    const closed = new Promise((resolve) => connection.once('close', resolve))
    const channel = await exec(client)
    client['_protocol'].channelEOF(channel.outgoing.id)
    client['_protocol'].channelData(channel.outgoing.id, Buffer.from('more'))
    await closed
  },

  /** Empty packets, one after the other, for ever. */
  async 'a channel with a packet size of zero is refused'(library) {
    const { client } = await join(library, {
      onSession: (session) => session.on('exec', (accept: Loose) => accept().write('hello')),
    })
    const refused = new Promise<void>((resolve) => {
      client['_protocol']['_handlers'].CHANNEL_OPEN_FAILURE = () => resolve()
    })
    client['_protocol']['_handlers'].CHANNEL_OPEN_CONFIRMATION = (_: Loose, info: Loose) =>
      client['_protocol'].exec(info.sender, 'x', true)
    client['_protocol'].session(0, 1e6, 0)
    await refused
  },

  /** The parser throws, and believes the length when the next bytes come. */
  async 'a packet that claims two gigabytes ends the connection'(library) {
    const [port] = await serve(library)
    const socket = await connectRaw(port)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const before = process.memoryUsage().arrayBuffers
    socket.write('SSH-2.0-test\r\n')
    await Bun.sleep(100)
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
    await Bun.sleep(100)
    for (let i = 0; i < 4; i++) {
      socket.write(megabytes(1, 6))
      await Bun.sleep(50)
    }
    await Promise.race([closed, Bun.sleep(500)])
    const grown = process.memoryUsage().arrayBuffers - before
    assert(grown < 500e6, `${grown} bytes were allocated`)
    assert(socket.destroyed, 'it is still connected')
  },

  /** A comma is missing between the last curve and the first RSA algorithm. */
  async 'server-sig-algs is a list that a client can read, without SHA-1'(library) {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>()
    const [port] = await serve(library)
    const client = new (library['Client'] as Loose)()
    client.on('error', () => {})
    client.connect({ host: '127.0.0.1', port, username: 'u', password: 'p' })
    client['_protocol']['_handlers'].EXT_INFO = (_: Loose, extensions: Loose) =>
      resolve(extensions[0].algs)
    const names = await promise
    assert(names.includes('ecdsa-sha2-nistp521'), names.join())
    assert(names.includes('rsa-sha2-512') && !names.includes('ssh-rsa'), names.join())
  },

  /** To create such a group blocks Bun's event loop for up to 20 s, before anyone is authenticated. */
  async 'a server offers no finite-field groups unless asked to'(library) {
    const [port] = await serve(library)
    const seen = await kexInit(port)
    assert(!seen.includes('diffie-hellman'), 'diffie-hellman-* is offered')
  },

  /** `ssh-rsa` as a signature is SHA-1 (RFC 8332). */
  async 'an RSA host key does not sign with SHA-1 unless asked to'(library) {
    const { private: key } = library.utils.generateKeyPairSync('rsa', { bits: 2048 })
    const algorithms = { serverHostKey: ['rsa-sha2-512', 'rsa-sha2-256'] }
    const [port] = await serve(library, { server: { hostKeys: [key], algorithms } })
    const names = (await kexInit(port)).split(/[^\w.@-]+/)
    assert(names.includes('rsa-sha2-512') && !names.includes('ssh-rsa'), 'ssh-rsa is offered')
  },

  ...writes,

  /** The counter grows after the write; an answer that comes during the write is encrypted with the old one. */
  async 'no IV is used twice when a transport answers at once'(library) {
    const [near, far] = directPair()
    const { private: key } = library.utils.generateKeyPairSync('ed25519')
    const server = new (library['Server'] as Loose)({ hostKeys: [key] }, (connection: Loose) => {
      connection.on('error', () => {})
      connection.on('authentication', (context: Loose) => context.accept())
      connection.on('session', (accept: Loose) =>
        accept().on('exec', (acceptExec: Loose) => acceptExec().end('done')),
      )
    })
    server.injectSocket(far)
    const client = new (library['Client'] as Loose)()
    await new Promise((resolve, reject) => {
      client.once('ready', resolve)
      client.once('error', reject)
      client.connect({ sock: near, username: 'u', password: 'p' })
    })
    assert((await gather(await exec(client))).toString() === 'done', 'no answer')
  },

  /** Read from the second byte on, by a table that is the wrong way round. */
  async 'terminal modes arrive'(library) {
    const { promise, resolve } = Promise.withResolvers<Loose>()
    const { client } = await join(library, {
      onSession: (session) => {
        session.on('pty', (accept: Loose, _reject: Loose, info: Loose) => {
          accept()
          resolve(info.modes)
        })
        session.on('shell', (accept: Loose) => accept())
      },
    })
    client.shell({ modes: { VINTR: 7, ECHO: 0 } }, () => {})
    const modes = await promise
    assert(modes.VINTR === 7 && modes.ECHO === 0, `modes are ${JSON.stringify(modes)}`)
  },

  async 'a command that is not UTF-8 arrives as it is'(library) {
    const { promise, resolve } = Promise.withResolvers<Loose>()
    const { client } = await join(library, {
      onSession: (session) =>
        session.on('exec', (accept: Loose, _reject: Loose, info: Loose) => {
          accept()
          resolve(info.commandBytes)
        }),
    })
    await exec(client, Buffer.from([0xe9, 0xff]))
    assert(Buffer.from([0xe9, 0xff]).equals((await promise) ?? Buffer.alloc(0)), 'it was decoded')
  },

  /** RFC 4254, section 5.4: a request that wants a reply gets one. */
  async 'a request to a running program gets its reply'(library) {
    const { client } = await join(library, {
      onSession: (session) => session.on('exec', (accept: Loose) => accept()),
    })
    const channel = await exec(client)
    const replied = new Promise((resolve) => channel['_callbacks'].push(resolve))
    client['_protocol'].openssh_agentForward(channel.outgoing.id, true)
    await replied
  },

  async 'a program can be signalled after the end of its stdin'(library) {
    const { promise, resolve } = Promise.withResolvers<Loose>()
    const { client } = await join(library, {
      onSession: (session) => {
        session.on('exec', (accept: Loose) => accept().resume())
        session.on('signal', (_accept: Loose, _reject: Loose, info: Loose) => resolve(info.name))
      },
    })
    const channel = await exec(client)
    client['_protocol'].channelEOF(channel.outgoing.id)
    client['_protocol'].signal(channel.outgoing.id, 'TERM')
    assert((await promise) === 'TERM', 'another signal')
  },

  /** The channel stays in the server's table, and the client waits. */
  async 'a channel that ran nothing is closed when its client closes it'(library) {
    const { client, connection } = await join(library)
    const closed = new Promise<void>((resolve) => {
      client['_protocol']['_handlers'].CHANNEL_CLOSE = () => resolve()
    })
    client['_protocol']['_handlers'].CHANNEL_OPEN_CONFIRMATION = (_: Loose, info: Loose) =>
      client['_protocol'].channelClose(info.sender)
    client['_protocol'].session(0, 1e6, 32768)
    await closed
    assert(connection['_chanMgr']['_count'] === 0, 'it is still in the table')
  },

  /** Channels queue packets without an end while keys are exchanged. */
  async 'a client that never answers a key exchange does not fill the memory'(library) {
    const { client, connection } = await join(library, {
      onSession: (session, own) =>
        session.on('exec', (accept: Loose) => {
          const channel = accept()
          own['_protocol'].rekey()
          const chunk = megabytes(1, 7)
          let written = 0
          const next = (): void => {
            written += 1
            if (written < 64) channel.write(chunk, () => setImmediate(next))
          }
          next()
        }),
    })
    // Sends without reading a reply: it does not even see that keys are to be exchanged.
    client['_sock'].removeAllListeners('data')
    client['_protocol'].session(0, 0xf0000000, 32768)
    client['_protocol'].exec(0, 'x', false)
    await Bun.sleep(500)
    const queued = (connection['_protocol']['_queue'] ?? []) as Buffer[]
    const bytes = queued.reduce((sum, packet) => sum + packet.length, 0)
    assert(bytes < 4e6, `${bytes} bytes wait for the key exchange`)
  },

  async 'a client that asks without reading the answers is disconnected'(library) {
    const { client, connection } = await join(library)
    client['_sock'].pause()
    // What it has asked for before: answers are small, and a kernel holds many.
    connection['_sock'].write(megabytes(23, 8))
    for (let round = 0; round < 20 && connection['_sock'].destroyed === false; round++) {
      for (let i = 0; i < 100; i++) client['_protocol'].ping()
      await Bun.sleep(10)
    }
    assert(connection['_sock'].destroyed, `${connection['_sock'].writableLength} bytes wait for it`)
  },
}

const once = (emitter: Loose, event: string): Promise<unknown[]> =>
  new Promise((resolve) => emitter.once(event, (...args: unknown[]) => resolve(args)))

/** What a server says first: its version, and its lists of algorithms as text. */
async function kexInit(port: number): Promise<string> {
  const socket = await connectRaw(port)
  socket.write('SSH-2.0-test\r\n')
  let seen = ''
  while (!seen.includes('hmac-sha2-256-etm')) {
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    seen += bytes.toString('latin1')
  }
  return seen
}

/** Two streams that call each other without a turn of the loop between. */
function directPair(): [Duplex, Duplex] {
  const sides: Duplex[] = []
  const side = (at: number): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        sides[1 - at]?.push(chunk)
        done()
      },
    })
  sides.push(side(0), side(1))
  return sides as [Duplex, Duplex]
}
