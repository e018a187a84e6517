/**
 * Targets that are not there, not who they should be, or not willing: a clear line, the right code, no hang.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import ssh2 from 'ssh2'
import type { SshTarget } from '../../proxy/connector/ssh/dial.ts'
import { fingerprint } from '../../proxy/core/fingerprint.ts'
import { makeKey } from '../fixture/keys.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { sshdTarget } from './straight.ts'
import { openWorld, type World, withoutWarning } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]
const dial = { connect_ms: 1_000, handshake_ms: 1_000 }

describe('ssh target', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  testWith(
    needs,
    'a wrong host key names both fingerprints, and no credential is shown',
    async () => {
      const other = makeKey(join(world.dir, 'wrong-host'))
      const target = sshdTarget(world.sshd, { host_keys: [other.blob] })
      await using gateway = await world.straight({ targets: [target] })
      const before = world.sshd.log().split('Accepted publickey').length
      const ran = await world.ssh(gateway, { command: 'true' })
      expect(gateway.ends).toEqual(['host_key_mismatch'])
      expect(ran.stderr).toContain(fingerprint(other.blob))
      expect(ran.stderr).toContain(fingerprint(world.sshd.host_key.blob))
      expect(ran.stderr).toContain('web-1')
      expect(world.sshd.log().split('Accepted publickey').length).toBe(before)
    },
  )

  testWith(needs, 'one of several pinned host keys is enough', async () => {
    const other = makeKey(join(world.dir, 'wrong-host'))
    const target = sshdTarget(world.sshd, { host_keys: [other.blob, world.sshd.host_key.blob] })
    await using gateway = await world.straight({ targets: [target] })
    expect((await world.ssh(gateway, { command: 'true' })).code).toBe(0)
  })

  testWith(needs, 'a wrong credential', async () => {
    const other = makeKey(join(world.dir, 'wrong-user'))
    const credential = { kind: 'private_key', private_key: other.private_key } as const
    const target = sshdTarget(world.sshd, { credential: () => credential })
    await using gateway = await world.straight({ targets: [target] })
    const ran = await world.ssh(gateway, { command: 'true' })
    expect(gateway.ends).toEqual(['credential_rejected'])
    expect(withoutWarning(ran.stderr)).toContain(`web-1 (${world.sshd.address}) did not accept`)
    expect(ran.code).toBe(126)
  })

  testWith(needs, 'a wrong password', async () => {
    const credential = { kind: 'password', password: 'wrong' } as const
    const target = sshdTarget(world.sshd, { credential: () => credential })
    await using gateway = await world.straight({ targets: [target] })
    const ran = await world.ssh(gateway, { command: 'true' })
    expect(gateway.ends).toEqual(['credential_rejected'])
    expect(ran.stderr).not.toContain('wrong')
  })

  testWith(needs, 'a target that is away', async () => {
    await using away = await fakeTarget(() => {})
    const { address } = away
    await away[Symbol.asyncDispose]()
    const target = sshdTarget(world.sshd, { address })
    await using gateway = await world.straight({ targets: [target] })
    const ran = await world.ssh(gateway, { command: 'true' })
    expect(gateway.ends).toEqual(['target_unreachable'])
    expect(withoutWarning(ran.stderr)).toContain(
      `web-1 (${address}) cannot be reached: ECONNREFUSED`,
    )
  })

  testWith(needs, 'a target that accepts and says nothing', async () => {
    await using silent = await fakeTarget(() => {})
    const target = sshdTarget(world.sshd, { address: silent.address })
    await using gateway = await world.straight({ targets: [target], dial })
    const ran = await world.ssh(gateway, { command: 'true' })
    expect(gateway.ends).toEqual(['target_timeout'])
    expect(ran.stderr).toContain('did not finish the handshake in time')
  })

  testWith(needs, 'a target that is no SSH server', async () => {
    await using http = await fakeTarget((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const target = sshdTarget(world.sshd, { address: http.address })
    await using gateway = await world.straight({ targets: [target], dial })
    await world.ssh(gateway, { command: 'true' })
    expect(gateway.ends).toEqual(['target_protocol'])
  })

  testWith(needs, 'a bastion that hangs up as it lets the gateway in', async () => {
    // Its last packet and its end arrive together, as where packets wait for a key exchange.
    const bastion = hasty(world, (connection, far) =>
      connection.on('authentication', () => far.end()),
    )
    const via = { account: world.sshd.account, target: () => bastion }
    const target = sshdTarget(world.sshd, { via })
    await using gateway = await world.straight({ targets: [target], dial })
    const ran = await world.ssh(gateway, { command: 'true' })
    expect(gateway.ends).toEqual(['target_unreachable'])
    expect(ran.stderr).toContain('cannot be reached: hasty has hung up')
    // What is rejected later, and heard by nobody, would end the gateway.
    await Bun.sleep(dial.connect_ms + 200)
  })

  testWith(needs, 'a bastion whose way is closed as it is opened', async () => {
    const bastion = hasty(world, (connection) =>
      connection.on('tcpip', (accept) => accept().close()),
    )
    const via = { account: world.sshd.account, target: () => bastion }
    await using gateway = await world.straight({ targets: [sshdTarget(world.sshd, { via })], dial })
    const ran = await world.ssh(gateway, { command: 'true' })
    expect(gateway.ends).toEqual(['target_unreachable'])
    expect(ran.stderr).toContain('lost the connection before the handshake')
  })

  testWith(needs, 'a target that talks nonsense as it lets the gateway in', async () => {
    const target = hasty(world, (connection, far) =>
      connection.on('authentication', () => far.write(Buffer.alloc(64))),
    )
    await using gateway = await world.straight({ targets: [target], dial })
    const login = `${world.sshd.account}@hasty`
    const ran = await world.ssh(gateway, { command: 'true', login, timeout_ms: 10_000 })
    expect(ran.code).not.toBe(0)
    while (gateway.ends.length === 0) await Bun.sleep(20)
    expect(gateway.ends).toEqual(['target'])
  })

  testWith(needs, 'a target that names a signal as it likes', async () => {
    let name = ''
    const target = hasty(world, (connection) =>
      connection.on('session', (accept) =>
        accept().on('exec', (start) => {
          const channel = start()
          channel.exit(name)
          channel.end()
        }),
      ),
    )
    await using gateway = await world.straight({ targets: [target] })
    const ended = async (): Promise<readonly unknown[]> => {
      const client = new ssh2.Client()
      const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>()
      client.on('error', reject).on('ready', () =>
        client.exec('true', (error, channel) => {
          if (error !== undefined) reject(error)
          else channel.on('exit', (...how: unknown[]) => resolve(how)).resume()
        }),
      )
      const { private_key: privateKey } = world.user_key
      const username = `${world.sshd.account}@hasty`
      client.connect({ host: '127.0.0.1', port: gateway.port, username, privateKey })
      return promise.finally(() => client.end())
    }
    name = 'KILL'
    expect(await ended()).toEqual([null, 'SIGKILL', false, ''])
    // Nobody masks it.
    name = 'whatever-it-likes@example.com'
    expect(await ended()).toEqual([255])
  })

  testWith(needs, 'a target that is lost while a program runs', async () => {
    await using gateway = await world.straight()
    // The parent of the shell is the sshd of this connection.
    const command = 'echo before; sleep .5; kill -9 $PPID; sleep 5'
    const ran = await world.ssh(gateway, { command })
    expect(ran.stdout.toString()).toBe('before\n')
    expect(ran.code).not.toBe(0)
    while (gateway.ends.length === 0) await Bun.sleep(20)
    expect(gateway.ends).toEqual(['target'])
  })
})

/** A target of ours, which says several things in one turn of the loop. */
function hasty(
  world: World,
  misbehave: (connection: ssh2.Connection, far: Duplex) => unknown,
): SshTarget {
  const host = makeKey(join(world.dir, 'hasty-host'))
  const server = new ssh2.Server({ hostKeys: [host.private_key] })
  const connect = (): Duplex => {
    const [near, far] = pair()
    server.once('connection', (connection: ssh2.Connection) => {
      connection.on('error', () => {})
      connection.on('authentication', (context) => context.accept())
      misbehave(connection, far)
    })
    server.injectSocket(far as unknown as Socket) // It needs a Duplex.
    return near
  }
  return sshdTarget(world.sshd, { name: 'hasty', host_keys: [host.blob], connect })
}

/** What one writes the other has read, in the same turn of the loop. */
function pair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(bytes: Buffer, _encoding, done) {
        other().push(Buffer.from(bytes))
        done()
      },
      final(done) {
        other().push(null)
        done()
      },
    })
  const near: Duplex = make(() => far)
  const far: Duplex = make(() => near)
  return [near, far]
}

interface FakeTarget extends AsyncDisposable {
  readonly address: string
}

async function fakeTarget(serve: (socket: Socket) => void): Promise<FakeTarget> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const at = server.address()
  return {
    address: `127.0.0.1:${at !== null && typeof at === 'object' ? at.port : 0}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
