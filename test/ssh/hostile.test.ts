/**
 * Clients and streams that do not behave, through the connector to a real sshd: nothing hangs, nothing is lost, and
 * others are served. What it costs in memory is measured where the gateway is a process of its own (test/e2e).
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { waiting_steps_max } from '../../proxy/connector/ssh/limits.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { sshArguments, stalled } from '../fixture/ssh.ts'
import type { Loose } from '../ssh2/wire.ts'
import { type Straight, sshdTarget } from './straight.ts'
import { openWorld, type World } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const nothing = new Uint8Array()

describe('ssh, hostile', () => {
  let world: World
  let gateway: Straight
  beforeAll(async () => {
    world = await openWorld()
    gateway = await world.straight()
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  const works = async (): Promise<void> => {
    const ran = await world.ssh(gateway, { command: 'echo fine' })
    expect(ran.stdout.toString()).toBe('fine\n')
  }

  /** A client that says what it likes; it emits `refused`, with the reason, for each channel that is. */
  const login = async (to: Straight): Promise<{ client: Loose; protocol: Loose }> => {
    const client = new ssh2.Client() as Loose
    const ready = new Promise<void>((resolve, reject) => {
      client.once('ready', resolve)
      client.on('error', reject)
    })
    const { account } = world.sshd
    const privateKey = world.user_key.private_key
    client.connect({ host: '127.0.0.1', port: to.port, username: `${account}@web-1`, privateKey })
    await ready
    const protocol = client['_protocol']
    Object.assign(protocol['_handlers'], {
      CHANNEL_OPEN_CONFIRMATION: () => {},
      CHANNEL_OPEN_FAILURE: (_: Loose, __: number, ___: number, why: string) =>
        client.emit('refused', why),
    })
    return { client, protocol }
  }

  for (const [name, command] of [
    ['one after the other', (file: string) => `cat ${file}; sleep .2; cat ${file} >&2`],
    ['at once', (file: string) => `cat ${file} >&2 & cat ${file}; wait`],
  ] as const)
    testWith(needs, `stdout and stderr stalled together, ${name}`, async () => {
      const bytes = randomBytes(20e6)
      const file = join(world.dir, 'both')
      writeFileSync(file, bytes)
      const call = sshArguments({
        port: gateway.port,
        login: `${world.sshd.account}@web-1`,
        identities: [world.user_key.file],
        options: ['-o', 'LogLevel=ERROR'],
        command: command(file),
      })
      const cwd = mkdtempSync(`${file}-`)
      expect(await Bun.spawn(['bash', '-c', stalled, ...call], { cwd }).exited).toBe(0)
      const [out, err] = ['out', 'err'].map((end) => readFileSync(join(cwd, end)))
      expect([out?.length, err?.length]).toEqual([bytes.length, bytes.length])
      expect([out, err].map((it) => sha256(it ?? nothing))).toEqual([sha256(bytes), sha256(bytes)])
    })

  testWith(needs, 'garbage instead of a banner', async () => {
    for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\0'.repeat(9_000), 'SSH-1.5-old\r\n']) {
      const socket = await open(gateway.port)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write(garbage)
      await closed
    }
    expect(gateway.ends.slice(-3)).toEqual([
      'client_protocol',
      'client_protocol',
      'client_protocol',
    ])
    await works()
  })

  testWith(needs, 'a packet that claims a huge length', async () => {
    const before = process.memoryUsage().arrayBuffers
    for (const length of [0x7fffffff, 0xffffffff, 0x00ffffff]) {
      const socket = await open(gateway.port)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write('SSH-2.0-test\r\n')
      const header = Buffer.alloc(4)
      header.writeUInt32BE(length)
      socket.write(Buffer.concat([header, Buffer.alloc(60_000)]))
      await closed
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(300e6)
    await works()
  })

  testWith(needs, 'a connection that is opened and left alone has no state of SSH', async () => {
    const sockets = await Promise.all(Array.from({ length: 200 }, () => open(gateway.port)))
    await works()
    for (const socket of sockets) socket.destroy()
  })

  testWith(needs, 'a client that is killed takes its program with it', async () => {
    const mark = `sleep 98${process.pid}`
    const child = Bun.spawn(
      sshArguments({
        port: gateway.port,
        login: `${world.sshd.account}@web-1`,
        identities: [world.user_key.file],
        options: ['-tt'],
        command: mark,
      }),
      { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    )
    while ((await running(mark)) === 0) await Bun.sleep(50)
    child.kill('SIGKILL')
    await child.exited
    while ((await running(mark)) > 0) await Bun.sleep(50)
  })

  testWith(needs, 'an agent that is asked for again and again is decided once', async () => {
    await using own = await world.straight()
    const { client, protocol } = await login(own)
    protocol.session(1, 2e6, 32768)
    for (let i = 0; i < 1_000; i++) protocol.openssh_agentForward(0, false)
    protocol.exec(0, 'true', false)
    while (own.channels.length === 0) await Bun.sleep(10)
    expect(own.asked).toEqual(['agent_forwarding'])
    client.destroy()
  })

  testWith(
    needs,
    'who connected is an address, and no text from one peer to the other',
    async () => {
      const target = new ssh2.Server({ hostKeys: [world.sshd.host_key.private_key] }) as Loose
      const asked: string[] = []
      target.on('connection', (connection: Loose) => {
        connection.on('error', () => {})
        connection.on('authentication', (context: Loose) => context.accept())
        connection.on('tcpip', (_: Loose, reject: Loose, { srcIP, srcPort, destIP }: Loose) => {
          asked.push(`${srcIP}:${srcPort} to ${destIP}`)
          reject()
        })
      })
      target.listen(0, '127.0.0.1')
      await once(target, 'listening')
      const address = `127.0.0.1:${target.address().port}`
      const capability = { allowed: true, rule: 'test' } as const
      const targets = [sshdTarget(world.sshd, { address })]
      await using own = await world.straight({ targets, capability })
      const { client, protocol } = await login(own)
      for (const [sender, srcIP] of ['a secret', '::1%a secret', '10.0.0.1'].entries()) {
        const refused = once(client, 'refused')
        const to = { srcIP, srcPort: 1, dstIP: 'db', dstPort: 2 }
        protocol.directTcpip(sender, 2e6, 32768, to)
        await refused
      }
      expect(asked).toEqual(['127.0.0.1:1 to db', '::1:1 to db', '10.0.0.1:1 to db'])
      client.destroy()
      target.close()
    },
  )

  testWith(
    needs,
    'programs that are closed while the target is dialled do not pile up',
    async () => {
      const silent = createServer(() => {})
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
      const at = silent.address()
      const port = at !== null && typeof at === 'object' ? at.port : 0
      const target = sshdTarget(world.sshd, { address: `127.0.0.1:${port}` })
      await using own = await world.straight({ targets: [target] })
      const { client, protocol } = await login(own)
      const rounds = 2_000
      for (let id = 0; id < rounds; id++) {
        protocol.session(id, 2e6, 32768)
        protocol.exec(id, 'true', false)
        protocol.channelClose(id)
      }
      const refusals = await new Promise<string[]>((resolve) => {
        const said: string[] = []
        client.on('refused', (why: string) => {
          said.push(why)
          if (said.length + waiting_steps_max === rounds) resolve(said)
        })
      })
      expect(new Set(refusals)).toEqual(new Set(['too much of this session waits to be decided']))
      client.destroy()
      silent.close()
    },
  )

  testWith(needs, 'new keys in the middle of a stream, both ways, by us', async () => {
    const rekey = { bytes: 4e6, ms: 60_000, check_ms: 20 }
    await using own = await world.straight({ rekey })
    const stdin = randomBytes(60e6)
    const ran = await world.ssh(own, { command: 'cat', stdin, options: ['-v'] })
    expect(sha256(ran.stdout)).toBe(sha256(stdin))
    expect(ran.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0).toBeGreaterThan(2)
  })

  testWith(needs, 'new keys in the middle of a stream, by the client', async () => {
    const stdin = randomBytes(30e6)
    const options = ['-v', '-o', 'RekeyLimit=1M']
    const ran = await world.ssh(gateway, { command: 'cat', stdin, options })
    expect(sha256(ran.stdout)).toBe(sha256(stdin))
    expect(ran.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0).toBeGreaterThan(5)
  })
})

function open(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', () => {}).resume()
  })
}

/** Processes whose command line is that, their shells not counted. */
async function running(command: string): Promise<number> {
  const found = await Bun.$`pgrep -fx ${command}`.nothrow().quiet()
  return found.stdout.toString().split('\n').filter(Boolean).length
}
