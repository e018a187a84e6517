/**
 * What a channel may ask for besides running a program: nothing of it happens, policy is asked, and the user
 * is told why.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { connectTo, freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { sshArguments } from '../fixture/ssh.ts'
import type { Straight } from './straight.ts'
import { openWorld, type World, withoutWarning } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]

describe('ssh capabilities', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  testWith(needs, '-W is refused with the message', async () => {
    await using gateway = await world.straight()
    const ran = await world.ssh(gateway, { options: ['-W', '127.0.0.1:22'] })
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toContain('administratively prohibited: forwarding is off')
    expect(gateway.channels.map(({ request }) => request.kind)).toEqual(['forward'])
  })

  for (const [flag, to] of [
    ['-L', '127.0.0.1:9'],
    ['-D', ''],
  ] as const)
    testWith(needs, `${flag} is refused with the message`, async () => {
      await using gateway = await world.straight()
      const port = await freePort()
      const child = start(world, gateway, [flag, to === '' ? `${port}` : `${port}:${to}`, '-N'])
      const socket = await connectTo(port)
      // SOCKS 5, no authentication, connect to 127.0.0.1:9 (RFC 1928).
      if (flag === '-D') socket.write(Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 9]))
      await new Promise((resolve) => socket.once('close', resolve).resume())
      // A client that is about to wait for its sockets misses SIGTERM until the next packet comes.
      child.kill('SIGKILL')
      expect(await new Response(child.stderr).text()).toContain('forwarding is off')
      expect(gateway.channels.map(({ request }) => request.kind)).toEqual(['forward'])
      await child.exited
    })

  testWith(needs, '-R is refused, and the program runs with the message', async () => {
    await using gateway = await world.straight()
    const ran = await world.ssh(gateway, { options: ['-R', '0:127.0.0.1:9'], command: 'echo ran' })
    expect(ran.stdout.toString()).toBe('ran\n')
    expect(ran.stderr).toContain('sluice: forwarding is off')
    expect(gateway.asked).toEqual(['forwarding tcpip-forward localhost:0'])
  })

  testWith(needs, 'an agent is not forwarded, and the program runs with the message', async () => {
    await using gateway = await world.straight()
    await using agent = await startAgent(world.dir)
    const env = { SSH_AUTH_SOCK: agent.path }
    const options = ['-A', '-o', 'IdentityAgent=SSH_AUTH_SOCK']
    const command = 'echo "agent=$SSH_AUTH_SOCK"'
    const ran = await world.ssh(gateway, { options, env, command })
    expect(ran.stdout.toString()).toBe('agent=\n')
    expect(withoutWarning(ran.stderr)).toBe('sluice: agent_forwarding is off\r\n')
    expect(gateway.asked).toEqual(['agent_forwarding'])
  })

  for (const flag of ['-X', '-Y'])
    testWith(needs, `${flag} is refused, and the program runs without a display`, async () => {
      await using gateway = await world.straight()
      const command = 'echo "display=$DISPLAY"'
      // Nobody is there: ssh asks for it without a look.
      const env = { DISPLAY: '127.0.0.1:99' }
      const options = [flag, '-o', 'ForwardX11Timeout=0']
      const ran = await world.ssh(gateway, { options, env, command })
      expect(ran).toMatchObject({ code: 0 })
      expect(ran.stdout.toString()).toBe('display=\n')
      expect(ran.stderr).toContain('X11 forwarding request failed')
      expect(gateway.channels.map(({ request }) => request.kind)).toEqual(['exec'])
    })

  testWith(needs, 'a refused channel ends with its code, and others run', async () => {
    const channel = (it: { request: { kind: string } }): string | undefined =>
      it.request.kind === 'subsystem' ? 'transfers are off' : undefined
    await using gateway = await world.straight({ channel })
    const refused = await world.ssh(gateway, { options: ['-s'], command: 'sftp' })
    expect(refused.code).toBe(126)
    expect(withoutWarning(refused.stderr)).toBe('sluice: transfers are off\r\n')
    expect((await world.ssh(gateway, { command: 'exit 3' })).code).toBe(3)
  })
})

const start = (world: World, gateway: Straight, options: readonly string[]) =>
  Bun.spawn(
    sshArguments({
      port: gateway.port,
      login: `${world.sshd.account}@web-1`,
      identities: [world.user_key.file],
      options,
    }),
    { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
  )

async function startAgent(dir: string): Promise<AsyncDisposable & { path: string }> {
  const path = `${dir}/agent.sock`
  const child = Bun.spawn(['ssh-agent', '-D', '-a', path], { stdout: 'ignore', stderr: 'ignore' })
  while ((await Bun.$`test -S ${path}`.nothrow().quiet()).exitCode !== 0) await Bun.sleep(20)
  return {
    path,
    async [Symbol.asyncDispose]() {
      child.kill()
      await child.exited
    },
  }
}
