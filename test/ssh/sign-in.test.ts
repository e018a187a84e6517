/**
 * A client that waits for a person: how long, beside whom, and what it may do meanwhile.
 */

import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { sshConnector } from '../../proxy/connector/ssh/connector.ts'
import { createClient, protocolOf } from '../../proxy/connector/ssh/library.ts'
import type { Identity } from '../../proxy/core/identity.ts'
import type { Proven, SignIn, SignInRequest } from '../../proxy/core/sign-in.ts'
import type { Denial } from '../../proxy/core/verdict.ts'
import type { ListenerLimits } from '../../proxy/listener/limits.ts'
import { type Listener, listen } from '../../proxy/listener/listener.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'
import { serve, sshdTarget } from './straight.ts'
import { openWorld, type World, withoutWarning } from './world.ts'

const needs = [ssh, sshd, ssh_keygen, '/usr/bin/setsid']
const eve: Identity = {
  issuer: 'https://idp.example.com',
  subject: 'eve',
  groups: [],
  method: 'token',
  credential: 't',
}
const proven: Proven = { identity: eve, proof: { kind: 'token', fields: {} } }

interface Door extends Disposable {
  readonly listener: Listener
  readonly events: string[]
  /** What each sign-in was begun for, and a way to end it. */
  readonly begun: {
    about: SignInRequest
    signal: AbortSignal
    end: (result: Proven | Denial) => void
  }[]
}

describe('a client that waits for a person', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  const open = async (limits: Partial<ListenerLimits>): Promise<Door> => {
    const events: string[] = []
    const begun: Door['begun'][number][] = []
    const sign_in: SignIn = {
      providers: ['corp'],
      begin: async (_provider, about, signal) => {
        const ended = Promise.withResolvers<Proven | Denial>()
        begun.push({ about, signal, end: ended.resolve })
        return { url: 'https://idp.example.com/device', code: 'BCDF', ended: ended.promise }
      },
    }
    const listener = await listen({
      host: '127.0.0.1',
      port: 0,
      connector: sshConnector({
        host_keys: [world.host_key.private_key],
        target: () => sshdTarget(world.sshd),
        env: [],
        sign_in,
      }),
      identify: async () => ({ allowed: false, rule: 'test', message: 'unknown' }),
      serve: async (greeting) => {
        expect(greeting.identity).toEqual(eve)
        await serve(greeting, {}, { greetings: [], channels: [], ends: [], asked: [] })
        await greeting.closed
      },
      log: (event, { code }) => events.push(code === undefined ? event : `${event} ${code}`),
      limits: { drop_log_ms: 10, ...limits },
    })
    return { listener, events, begun, [Symbol.dispose]: () => listener.stop() }
  }
  /** Without a terminal OpenSSH answers every prompt at once, with nothing. */
  const run = async (door: Door, command: string): Promise<{ out: string; err: string }> => {
    const argv = sshArguments({
      port: door.listener.address.port,
      login: `${world.sshd.account}@web-1`,
      identities: [],
      options: ['-o', 'BatchMode=no'],
      command,
    })
    const child = Bun.spawn(['setsid', '-w', ...argv], {
      env: { PATH: Bun.env['PATH'] ?? '' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    return { out, err: withoutWarning(err) }
  }
  const isBegun = (door: Door): Promise<Door['begun'][number]> => {
    return until('somebody is asked to sign in', () => door.begun[0])
  }

  testWith(needs, 'has the time of a person, and is asked for what it wants', async () => {
    using door = await open({ login_ms: 1_500, sign_in_ms: 20_000 })
    const running = run(door, 'echo in')
    const { about, end } = await isBegun(door)
    expect(about).toEqual({
      source: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      account: world.sshd.account,
      target: 'web-1',
    })
    await Bun.sleep(2_000)
    end(proven)
    expect((await running).out).toBe('in\n')
    expect(door.events).toEqual([])
  })

  testWith(needs, 'does not wait for ever', async () => {
    using door = await open({ sign_in_ms: 300 })
    const running = run(door, 'echo in')
    const { signal } = await isBegun(door)
    expect((await running).out).toBe('')
    expect(signal.aborted).toBe(true)
    expect(door.events).toEqual(['client_refused client_timeout'])
  })

  testWith(needs, 'is told why not', async () => {
    using door = await open({})
    const running = run(door, 'echo in')
    const { end } = await isBegun(door)
    end({ allowed: false, rule: 'test', message: 'not today\u001b[2J' })
    const { out, err } = await running
    expect(out).toBe('')
    expect(err).toContain('sluice: not today [2J')
    expect(door.events).toEqual(['client_refused unidentified'])
  })

  testWith(needs, 'keeps its place in a flood', async () => {
    using door = await open({ unauthenticated_max: 6 })
    const running = run(door, 'echo in')
    const { end } = await isBegun(door)
    const sockets: Socket[] = []
    for (let i = 0; i < 60; i++) {
      const socket = connect(door.listener.address.port, '127.0.0.1')
      socket.on('error', () => {}).resume()
      // Some speak, and as much as they like.
      if (i % 2 === 0) socket.write(`SSH-2.0-flood\r\n${'x'.repeat(300)}`)
      sockets.push(socket)
    }
    while (!door.events.includes('connections_dropped')) await Bun.sleep(10)
    expect(door.listener.unauthenticated).toBeLessThanOrEqual(6)
    end(proven)
    expect((await running).out).toBe('in\n')
    for (const socket of sockets) socket.destroy()
  })

  testWith(needs, 'that asks for another way meanwhile is let go', async () => {
    using door = await open({})
    const client = createClient()
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    client.on('error', () => {})
    client.on('keyboard-interactive', (...args: readonly unknown[]) => {
      // Its word that somebody was there, so that only the provider is waited for.
      const answer = args.at(-1) as (answers: readonly string[]) => void
      answer([''])
      // The library has no call for this, nor does any client of good will.
      const raw = protocolOf(client) as unknown as { authNone(user: string): void }
      raw.authNone(`${world.sshd.account}@web-1`)
    })
    client.connect({
      sock: connect(door.listener.address.port, '127.0.0.1'),
      ident: 'test',
      username: `${world.sshd.account}@web-1`,
      algorithms: {},
      readyTimeout: 10_000,
      keepaliveInterval: 0,
      keepaliveCountMax: 0,
      hostVerifier: () => true,
      authHandler: () => 'keyboard-interactive',
      tryKeyboard: true,
    } as unknown as Parameters<typeof client.connect>[0])
    await closed
    const { signal, end } = await isBegun(door)
    while (!signal.aborted) await Bun.sleep(10)
    // Too late: nobody is there to be let in.
    end(proven)
    await Bun.sleep(50)
    expect(door.listener.sessions).toBe(0)
    expect(door.events).toEqual(['client_refused unidentified'])
  })
})
