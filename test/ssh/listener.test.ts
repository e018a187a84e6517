/**
 * The port: who is admitted, for how long, and what a flood does to the others.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { sshConnector } from '../../proxy/connector/ssh/connector.ts'
import type { Identity } from '../../proxy/core/identity.ts'
import type { ListenerLimits } from '../../proxy/listener/limits.ts'
import { type Listener, listen } from '../../proxy/listener/listener.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { serve, sshdTarget } from './straight.ts'
import { openWorld, type World, withoutWarning } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]
const ada: Identity = {
  issuer: 'keys',
  subject: 'ada',
  groups: [],
  method: 'public_key',
  credential: 'k',
}

interface Door extends Disposable {
  readonly listener: Listener
  readonly events: string[]
}

describe('ssh listener', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  const open = async (limits: Partial<ListenerLimits>): Promise<Door> => {
    const events: string[] = []
    const listener = await listen({
      host: '127.0.0.1',
      port: 0,
      connector: sshConnector({
        host_keys: [world.host_key.private_key],
        target: () => sshdTarget(world.sshd),
        env: [],
      }),
      identify: async () => ada,
      serve: async (greeting) => {
        await serve(greeting, {}, { greetings: [], channels: [], ends: [], asked: [] })
        await greeting.closed
      },
      log: (event) => events.push(event),
      limits: { drop_log_ms: 10, ...limits },
    })
    return { listener, events, [Symbol.dispose]: () => listener.stop() }
  }
  const run = async (door: Door, command: string): Promise<{ out: string; err: string }> => {
    const child = Bun.spawn(
      sshArguments({
        port: door.listener.address.port,
        login: `${world.sshd.account}@web-1`,
        identities: [world.user_key.file],
        command,
      }),
      { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    )
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    return { out, err: withoutWarning(err) }
  }

  testWith(needs, 'a free port, a session, and a stop', async () => {
    using door = await open({})
    expect(door.listener.address.port).toBeGreaterThan(0)
    const running = run(door, 'sleep .5; echo done')
    while (door.listener.sessions === 0) await Bun.sleep(10)
    door.listener.stop()
    expect((await running).out).toBe('done\n')
    expect((await run(door, 'true')).err).toContain('Connection refused')
    while (door.listener.sessions > 0) await Bun.sleep(10)
  })

  testWith(needs, 'who does not authenticate in time has to go', async () => {
    using door = await open({ login_ms: 200 })
    const silent = await connected(door.listener.address.port)
    const speaking = await connected(door.listener.address.port)
    speaking.write('SSH-2.0-slow\r\n')
    await Promise.all([closed(silent), closed(speaking)])
    expect(door.listener.unauthenticated).toBe(0)
    expect(door.events).toEqual(['client_refused', 'client_refused'])
  })

  testWith(
    needs,
    'a full house still lets a user in, for the oldest silent connection',
    async () => {
      using door = await open({ unauthenticated_max: 10 })
      const port = door.listener.address.port
      const sockets = await Promise.all(Array.from({ length: 30 }, () => connected(port)))
      while (door.listener.unauthenticated < 10) await Bun.sleep(5)
      expect((await run(door, 'echo in')).out).toBe('in\n')
      expect(door.listener.unauthenticated).toBeLessThanOrEqual(10)
      expect(door.events).toContain('connections_dropped')
      for (const socket of sockets) socket.destroy()
    },
  )

  testWith(needs, 'one session too many is told so', async () => {
    using door = await open({ sessions_max: 1 })
    const first = run(door, 'sleep 1')
    while (door.listener.sessions === 0) await Bun.sleep(10)
    expect((await run(door, 'true')).err).toBe('sluice: the gateway is full: try again later\r\n')
    await first
    while (door.listener.sessions > 0) await Bun.sleep(10)
    expect((await run(door, 'echo again')).out).toBe('again\n')
  })

  testSlow(needs, '10,000 half-open connections: users get in, memory is flat', async () => {
    using door = await open({})
    const port = door.listener.address.port
    await run(door, 'true')
    Bun.gc(true)
    const before = process.memoryUsage.rss()
    const sockets: Socket[] = []
    let isFlooding = true
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 10_000; i++) {
        sockets.push(await connected(port))
        if (i % 100 === 0) await Bun.sleep(1)
      }
      isFlooding = false
    }
    const flooded = flood()
    let users = 0
    while (isFlooding) {
      expect((await run(door, 'echo in')).out).toBe('in\n')
      users += 1
    }
    await flooded
    expect((await run(door, 'echo in')).out).toBe('in\n')
    expect(users).toBeGreaterThan(0)
    expect(door.listener.unauthenticated).toBeLessThanOrEqual(1_024)
    // Of both sides: the clients live in this process too.
    expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(200)
    for (const socket of sockets) socket.destroy()
  })
})

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })

function connected(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', () => {}).resume()
  })
}
