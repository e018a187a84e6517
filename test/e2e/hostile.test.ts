/**
 * Clients that do not behave, against the gateway as a process of its own with recording and masking: its memory
 * stays flat, others are served meanwhile, nothing is lost, and what is left verifies.
 */

import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { sshArguments, stalled } from '../fixture/ssh.ts'
import { unremarkableBytes } from '../fixture/unremarkable.ts'
import { until } from '../fixture/until.ts'
import { connectRaw, exec, type Loose } from '../ssh2/wire.ts'

const needs = [ssh, sshd, ssh_keygen]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const endless = 0xf0000000
/**
 * In flight there are windows, sockets and a few records of 128 KiB; without a bound it would be gigabytes. The
 * collector lets as much garbage lie about as the heap is large, which is 120 MB in a gateway at rest, and a
 * process gives none of it back at once.
 */
const growth_mb_max = 250

describe('hostile clients', () => {
  let guarded: Guarded
  beforeAll(async () => {
    guarded = await openGuarded()
    // What is allocated once should not be counted as growth.
    await works()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  /** A client whose internals are open. */
  const login = async (): Promise<Loose> => {
    const client = new ssh2.Client() as Loose
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    client.once('ready', resolve)
    client.on('error', reject)
    client.connect({
      host: '127.0.0.1',
      port: guarded.gateway.ssh.port,
      username: `${guarded.target.account}@web-1`,
      privateKey: guarded.client.private_key,
    })
    await promise
    return client
  }
  const works = async (): Promise<void> => {
    expect(await guarded.run('echo fine')).toEqual({ code: 0, stdout: 'fine\n', stderr: '' })
  }
  const rss_mb = (): number => guarded.gateway.rss_mb()
  const ended = async (): Promise<void> => {
    await until('the end of the sessions', async () =>
      (await guarded.look()).every((session) => session.end_reason !== undefined),
    )
  }

  testWith(needs, 'a 4 GB window, and a client that stops reading an endless print', async () => {
    const client = await login()
    const channel = await exec(client, "yes 'a line of the log that goes on'")
    client['_protocol'].channelWindowAdjust(channel.outgoing.id, endless)
    await Bun.sleep(200)
    client['_sock'].pause()
    await Bun.sleep(300)
    const before = rss_mb()
    await Bun.sleep(1_500)
    expect(rss_mb() - before).toBeLessThan(growth_mb_max)
    await works()
    // It was waiting, not broken: it goes on where it stopped.
    const more = new Promise((resolve) => channel.once('data', resolve))
    client['_sock'].resume()
    await more
    client.destroy()
    await ended()
  })

  testWith(needs, 'a client that ignores our window', async () => {
    const client = await login()
    client.removeAllListeners('error').on('error', () => {})
    const closed = new Promise((resolve) => client.once('close', resolve))
    const channel = await exec(client, 'sleep 1000')
    const before = rss_mb()
    channel.outgoing.window = endless
    for (let i = 0; i < 40 && client['_sock'].destroyed === false; i++) {
      channel.write(Buffer.alloc(1024 * 1024))
      await Bun.sleep(1)
    }
    await closed
    expect(rss_mb() - before).toBeLessThan(growth_mb_max)
    await works()
    await ended()
  })

  testSlow(needs, 'a window of one-byte packets into a program that does not read', async () => {
    const client = await login()
    const channel = await exec(client, 'sleep 1000')
    const before = rss_mb()
    const { id } = channel.outgoing
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 2_000; i++) client['_protocol'].channelData(id, Buffer.from('x'))
      await Bun.sleep(5)
    }
    // Without joining, each byte would cost a record and a message.
    expect(rss_mb() - before).toBeLessThan(growth_mb_max)
    await works()
    client.destroy()
    await ended()
  })

  for (const [name, command] of [
    ['one after the other', (file: string) => `cat ${file}; sleep .2; cat ${file} >&2`],
    ['at once', (file: string) => `cat ${file} >&2 & cat ${file}; wait`],
  ] as const)
    testWith(needs, `stdout and stderr stalled together, ${name}, arrive whole`, async () => {
      const bytes = unremarkableBytes(12e6)
      const file = join(guarded.dir, 'both')
      writeFileSync(file, bytes)
      const call = sshArguments({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [guarded.client.file],
        options: ['-o', 'LogLevel=ERROR'],
        command: command(file),
      })
      const cwd = mkdtempSync(`${file}-`)
      expect(await Bun.spawn(['bash', '-c', stalled, ...call], { cwd }).exited).toBe(0)
      const found = ['out', 'err'].map((end) => readFileSync(join(cwd, end)))
      expect(found.map((it) => it.length)).toEqual([bytes.length, bytes.length])
      expect(found.map(sha256)).toEqual([sha256(bytes), sha256(bytes)])
    })

  const garbage: readonly (readonly [string, string | Uint8Array])[] = [
    ['another protocol', 'GET / HTTP/1.1\r\nHost: gateway\r\n\r\n'],
    ['an old version', 'SSH-1.5-old\r\n'],
    ['no end of the line', '\0'.repeat(9_000)],
    ['random bytes', new Uint8Array(randomBytes(64 * 1024))],
  ]
  for (const [name, bytes] of garbage)
    testWith(needs, `instead of a banner: ${name}`, async () => {
      const socket = await connectRaw(guarded.gateway.ssh.port)
      const closed = closeOf(socket)
      socket.write(bytes)
      await closed
      await works()
    })

  for (const length of [0xffffffff, 0x7fffffff, 0x00ffffff, 0])
    testWith(needs, `a packet that claims ${length} bytes`, async () => {
      const before = rss_mb()
      const sockets = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const socket = await connectRaw(guarded.gateway.ssh.port)
          socket.write('SSH-2.0-test\r\n')
          const header = Buffer.alloc(4)
          header.writeUInt32BE(length)
          const closed = closeOf(socket)
          socket.write(Buffer.concat([header, Buffer.alloc(60_000)]))
          return closed
        }),
      )
      expect(sockets).toHaveLength(20)
      expect(rss_mb() - before).toBeLessThan(growth_mb_max)
      await works()
    })

  testSlow(needs, '10,000 half-open connections, and a real login works', async () => {
    const before = rss_mb()
    const sockets: Socket[] = []
    let flooding = true
    const flooded = (async () => {
      for (let i = 0; i < 10_000; i++) {
        const socket = await connectRaw(guarded.gateway.ssh.port)
        // Half of them have begun to speak.
        if (i % 2 === 0) socket.write('SSH-2.0-half\r\n')
        sockets.push(socket.resume())
        if (i % 100 === 0) await Bun.sleep(1)
      }
      flooding = false
    })()
    // While they pour in, a login may lose its place to a newer connection; then it is tried again.
    let logins = 0
    while (flooding) if ((await guarded.run('echo fine')).code === 0) logins += 1
    await flooded
    // Left alone, they are in nobody's way.
    await works()
    await works()
    expect(logins + sockets.length).toBeGreaterThanOrEqual(10_000)
    expect(rss_mb() - before).toBeLessThan(growth_mb_max)
    for (const socket of sockets) socket.destroy()
    await works()
  })

  testWith(needs, 'what is left verifies, and no fault was logged', async () => {
    await ended()
    await guarded.trust()
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    const events = guarded.gateway
      .stderr()
      .split('\n')
      .filter((line) => /"(fault|internal_error|api_fault|recording_failed|store_gone)"/.test(line))
    expect(events).toEqual([])
    expect(await guarded.gateway.stop()).toBe(0)
  })
})

const closeOf = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.resume()
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
