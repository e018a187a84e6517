/**
 * Connections that a real ssh carries through the gateway: -W, -L, -D, -R and the agent, where policy allows
 * them. They are masked and recorded like any output, and every destination is on record.
 */

import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { type Guarded, openGuarded, type StoredRecord } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import { connectTo, freePort, listening, portOf } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { runSsh, type SshCommand, type SshResult, sshArguments } from '../fixture/ssh.ts'
import { unremarkableBytes } from '../fixture/unremarkable.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const masked = '*'.repeat(secret.length)

describe('forwarding, allowed', () => {
  let guarded: Guarded
  /** Sends back what it gets, and ends when its peer does. */
  let echo: Server
  beforeAll(async () => {
    guarded = await openGuarded({
      sections: {
        policy: {
          forwarding: 'allow',
          agent_forwarding: 'allow',
          transfers: { upload: 'deny', download: 'deny' },
        },
      },
    })
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    await listening(echo)
  }, 60_000)
  afterAll(async () => {
    echo.close()
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  const command = (given: Partial<SshCommand>): SshCommand => ({
    port: guarded.gateway.ssh.port,
    login: `${guarded.target.account}@web-1`,
    identities: [guarded.client.file],
    ...given,
  })
  const run = (given: Partial<SshCommand>): Promise<SshResult> => runSsh(command(given))
  const spawn = (given: Partial<SshCommand>) =>
    Bun.spawn(sshArguments(command(given)), {
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      env: { PATH: Bun.env['PATH'] ?? '', ...given.env },
    })
  /** The records of the newest session, once it has ended. */
  const recorded = async (): Promise<readonly StoredRecord[]> => {
    const { id } = await until('the end of the session', async () => {
      const [session] = await guarded.look()
      return session?.end_reason === undefined ? undefined : session
    })
    return guarded.records(id)
  }
  const text = ({ payload }: StoredRecord): string => Buffer.from(payload).toString()
  const kinds = (records: readonly StoredRecord[]): string[] =>
    records.flatMap(({ header }) => (header.kind === 'channel' ? [header.request] : []))
  const commands = (records: readonly StoredRecord[]): string[] =>
    records.filter(({ header }) => header.kind === 'command').map(text)

  testWith(needs, '-W carries 8 MB there and back, and says where to', async () => {
    const stdin = unremarkableBytes(8e6)
    const to = `127.0.0.1:${portOf(echo)}`
    const ran = await run({ options: ['-W', to], stdin })
    expect(ran.code).toBe(0)
    expect(sha256(ran.stdout)).toBe(sha256(stdin))
    const records = await recorded()
    expect(kinds(records)).toEqual(['forward'])
    expect(commands(records)).toEqual([to])
    expect(records.map(({ header }) => header)).toContainEqual(
      expect.objectContaining({ kind: 'verdict', allowed: true, rule: 'policy.forwarding' }),
    )
    const bytes = (kind: 'output' | 'stdin'): number =>
      records.reduce((sum, { header }) => (header.kind === kind ? sum + header.length : sum), 0)
    expect([bytes('stdin'), bytes('output')]).toEqual([stdin.length, stdin.length])
  })

  testWith(
    needs,
    'what comes through a forward is masked in the client and in the record',
    async () => {
      const ran = await run({
        options: ['-W', `127.0.0.1:${portOf(echo)}`],
        stdin: Buffer.from(`token ${secret} end\n`),
      })
      expect(ran.stdout.toString()).toBe(`token ${masked} end\n`)
      const records = await recorded()
      const output = records
        .filter(({ header }) => header.kind === 'output')
        .map(text)
        .join('')
      expect(output).toBe(`token ${masked} end\n`)
      expect(records.map(text).join('')).not.toContain(secret)
    },
  )

  for (const [flag, dial] of [
    ['-L', undefined],
    ['-D', (port: number) => [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]],
  ] as const)
    testWith(needs, `${flag}, several connections at once`, async () => {
      const port = await freePort()
      const to = portOf(echo)
      const child = spawn({ options: [flag, dial ? `${port}` : `${port}:127.0.0.1:${to}`, '-N'] })
      const one = async (): Promise<void> => {
        const sent = unremarkableBytes(300_000)
        const socket = await connectTo(port)
        // SOCKS 5, no authentication, connect (RFC 1928): 2 and 10 bytes of answer.
        if (dial) socket.write(Buffer.from(dial(to)))
        socket.end(sent)
        const parts: Buffer[] = []
        for await (const part of socket) parts.push(part)
        const got = Buffer.concat(parts).subarray(dial ? 12 : 0)
        expect(sha256(got)).toBe(sha256(sent))
      }
      await Promise.all(Array.from({ length: 8 }, one))
      child.kill()
      await child.exited
      const records = await recorded()
      expect(kinds(records)).toEqual(Array<string>(8).fill('forward'))
      expect(new Set(commands(records))).toEqual(new Set([`127.0.0.1:${to}`]))
    })

  testWith(needs, 'a socket of the file system as destination', async () => {
    const path = join(guarded.dir, 'echo.sock')
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
    await listening(server, { path })
    const port = await freePort()
    const child = spawn({ options: ['-L', `${port}:${path}`, '-N'] })
    const socket = await connectTo(port)
    socket.end('to a path')
    expect(await new Response(stream(socket)).text()).toBe('to a path')
    child.kill()
    await child.exited
    server.close()
    expect(commands(await recorded())).toEqual([path])
  })

  testWith(
    needs,
    'a destination that does not answer is the failure of that connection',
    async () => {
      const port = await freePort()
      const ran = await run({ options: ['-W', `127.0.0.1:${port}`] })
      expect(ran.code).not.toBe(0)
      expect(ran.stderr).toContain(`refused to connect to 127.0.0.1:${port}: connect failed`)
      expect((await recorded()).map(({ header }) => header)).toContainEqual(
        expect.objectContaining({ kind: 'failed', code: 'target_protocol' }),
      )
      expect((await guarded.run('echo fine')).stdout).toBe('fine\n')
    },
  )

  testWith(needs, '-R brings connections back from a port of the target', async () => {
    const far = await freePort()
    const to = portOf(echo)
    const child = spawn({ options: ['-R', `${far}:127.0.0.1:${to}`, '-N'] })
    const sent = unremarkableBytes(500_000)
    const socket = await connectTo(far)
    socket.end(sent)
    const got = await new Response(stream(socket)).arrayBuffer()
    expect(sha256(new Uint8Array(got))).toBe(sha256(sent))
    child.kill()
    await child.exited
    const records = await recorded()
    expect(kinds(records)).toEqual(['reverse'])
    expect(commands(records)[0]).toStartWith(`localhost:${far} from 127.0.0.1:`)
    expect(records.map(({ header }) => header)).toContainEqual(
      expect.objectContaining({
        kind: 'verdict',
        allowed: true,
        asked: `forwarding tcpip-forward localhost:${far}`,
      }),
    )
  })

  testWith(needs, '-R with a port that the target chooses, and one that is cancelled', async () => {
    const control = join(guarded.dir, 'control')
    const master = spawn({ options: ['-M', '-o', `ControlPath=${control}`, '-N'] })
    while (!existsSync(control)) await Bun.sleep(20)
    const ask = (verb: string, at: string) =>
      run({ options: ['-o', `ControlPath=${control}`, '-O', verb, '-R', at] })
    const to = `127.0.0.1:${portOf(echo)}`
    const port = Number((await ask('forward', `0:${to}`)).stdout.toString())
    expect(port).toBeGreaterThan(1024)
    const socket = await connectTo(port)
    socket.end('there')
    expect(await new Response(stream(socket)).text()).toBe('there')
    // OpenSSH cannot cancel a port that it did not choose.
    const chosen = await freePort()
    await ask('forward', `${chosen}:${to}`)
    ;(await connectTo(chosen)).destroy()
    expect((await ask('cancel', `${chosen}:${to}`)).stderr).toBe('')
    // It asks for no reply.
    while (!(await isRefused(chosen))) await Bun.sleep(20)
    master.kill()
    await master.exited
  })

  testWith(needs, '-R where the target may not listen is refused', async () => {
    const port = portOf(echo)
    const options = ['-R', `127.0.0.1:${port}:127.0.0.1:9`, '-o', 'ExitOnForwardFailure=yes']
    const ran = await run({ options, command: 'echo never' })
    expect(ran.stdout.toString()).toBe('')
    expect(ran.stderr).toContain('remote port forwarding failed')
  })

  testWith(needs, 'the agent is reached from the target, and its use is on record', async () => {
    await using agent = await startAgent(guarded.dir)
    const key = makeKey(join(guarded.dir, 'agent_key'))
    const env = { SSH_AUTH_SOCK: agent.path }
    expect(Bun.spawnSync(['ssh-add', key.file], { env, stderr: 'ignore' }).exitCode).toBe(0)
    const options = ['-A', '-o', 'IdentityAgent=SSH_AUTH_SOCK']
    const ran = await run({ options, env, command: 'ssh-add -L' })
    expect(ran.stdout.toString().split(' ')[1]).toBe(key.public_line.split(' ')[1] ?? '')
    const records = await recorded()
    expect(kinds(records)).toEqual(['exec', 'agent'])
    // Not without asking for it.
    const without = await run({ command: 'echo "agent=$SSH_AUTH_SOCK"' })
    expect(without.stdout.toString()).toBe('agent=\n')
  })

  testWith(needs, 'what is left verifies, and no fault was logged', async () => {
    await recorded()
    await guarded.trust()
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    const faults = guarded.gateway
      .stderr()
      .split('\n')
      .filter((line) => /"(fault|internal_error|recording_failed)"/.test(line))
    expect(faults).toEqual([])
  })
})

const stream = (socket: NodeJS.ReadableStream): ReadableStream =>
  new ReadableStream({
    start(controller) {
      socket.on('data', (bytes: Buffer) => controller.enqueue(new Uint8Array(bytes)))
      socket.on('end', () => controller.close())
      socket.on('error', (error: Error) => controller.error(error))
    },
  })

const isRefused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })

async function startAgent(dir: string): Promise<AsyncDisposable & { path: string }> {
  const path = join(dir, 'agent.sock')
  const child = Bun.spawn(['ssh-agent', '-D', '-a', path], { stdout: 'ignore', stderr: 'ignore' })
  while (!existsSync(path)) await Bun.sleep(20)
  return {
    path,
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
    },
  }
}
