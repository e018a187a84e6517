/**
 * An unmodified OpenSSH client through the connector to an unmodified sshd: what runs, arrives as it should.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { sshArguments } from '../fixture/ssh.ts'
import type { Straight } from './straight.ts'
import { openWorld, type World, withoutWarning } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('ssh session', () => {
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

  testWith(needs, 'exit codes and separate streams', async () => {
    const ran = await world.ssh(gateway, { command: 'echo out; echo err >&2; exit 7' })
    expect(ran.code).toBe(7)
    expect(ran.stdout.toString()).toBe('out\n')
    expect(withoutWarning(ran.stderr)).toBe('err\n')
    expect((await world.ssh(gateway, { command: 'true' })).code).toBe(0)
  })

  testWith(needs, 'a program that a signal ends', async () => {
    const ran = await world.ssh(gateway, { command: 'kill -TERM $$', options: ['-v'] })
    expect(ran.code).toBe(255)
    expect(ran.stderr).toContain('exit-signal')
  })

  testWith(needs, '50 MB in, with the end of stdin, and an answer after it', async () => {
    const stdin = randomBytes(50e6)
    const ran = await world.ssh(gateway, { command: 'sha256sum; echo after', stdin })
    expect(ran.stdout.toString()).toBe(`${sha256(stdin)}  -\nafter\n`)
    expect(ran.code).toBe(0)
  })

  testWith(needs, '50 MB out, byte for byte', async () => {
    const file = join(world.dir, 'random')
    const bytes = randomBytes(50e6)
    writeFileSync(file, bytes)
    const ran = await world.ssh(gateway, { command: `cat ${file}` })
    expect(ran.stdout.length).toBe(bytes.length)
    expect(sha256(ran.stdout)).toBe(sha256(bytes))
  })

  testWith(needs, 'a command that is not UTF-8 arrives as it was typed', async () => {
    const script = join(world.dir, 'latin1.sh')
    const call = sshArguments({
      port: gateway.port,
      login: `${world.sshd.account}@web-1`,
      identities: [world.user_key.file],
    })
    writeFileSync(
      script,
      Buffer.from(`exec ${call.join(' ')} "printf '\xe9' | od -An -tx1"`, 'latin1'),
    )
    const child = Bun.spawn(['sh', script], { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' })
    expect((await new Response(child.stdout).text()).trim()).toBe('e9')
    await child.exited
  })

  testWith(needs, 'environment by allowlist', async () => {
    const env = { LANG: 'xx_YY', LC_TEST: 'one', COLORTERM: 'two', LD_PRELOAD: '', SECRET: 'no' }
    const options = ['-o', 'SendEnv=LANG LC_* COLORTERM SECRET']
    const ran = await world.ssh(gateway, { command: 'env', env, options })
    expect(ran.stdout.toString()).toContain('LANG=xx_YY\n')
    expect(ran.stdout.toString()).toContain('LC_TEST=one\n')
    expect(ran.stdout.toString()).toContain('COLORTERM=two\n')
    expect(ran.stdout.toString()).not.toContain('SECRET')
    expect(Object.keys(gateway.channels.at(-1)?.request.env ?? {})).not.toContain('SECRET')
  })

  testWith(needs, 'a terminal with its modes, its size and its changes of size', async () => {
    const { promise: printed, resolve: onReady } = Promise.withResolvers<void>()
    let text = ''
    const program =
      'stty size; stty -a | tr " " "\\n" | grep -A2 intr; echo go; read x; stty size; tty'
    const child = Bun.spawn(
      sshArguments({
        port: gateway.port,
        login: `${world.sshd.account}@web-1`,
        identities: [world.user_key.file],
        options: ['-tt'],
        command: program,
      }),
      {
        env: { PATH: Bun.env['PATH'] ?? '', TERM: 'screen' },
        terminal: {
          cols: 91,
          rows: 31,
          data: (_terminal, bytes) => {
            text += Buffer.from(bytes).toString()
            if (text.includes('go\r\n')) onReady()
          },
        },
      },
    )
    await printed
    expect(text).toContain('31 91')
    expect(gateway.channels.at(-1)?.request.pty).toEqual({ term: 'screen', columns: 91, rows: 31 })
    child.terminal?.resize(132, 50)
    // The client sends the new size when it gets the signal, and the line after it.
    await Bun.sleep(300)
    child.terminal?.write('\n')
    expect(await child.exited).toBe(0)
    expect(text).toContain('50 132')
    expect(text).toContain('/dev/pts/')
  })

  testWith(needs, 'many channels on one connection', async () => {
    const control = join(world.dir, 'control')
    const options = ['-o', `ControlPath=${control}`]
    const master = Bun.spawn(
      sshArguments({
        port: gateway.port,
        login: `${world.sshd.account}@web-1`,
        identities: [world.user_key.file],
        options: [...options, '-M', '-N'],
      }),
      { stdout: 'ignore', stderr: 'ignore' },
    )
    while (!(await Bun.file(control).exists()) && !(await isSocket(control))) await Bun.sleep(20)
    const runs = [1, 2, 3, 4, 5].map((i) =>
      world.ssh(gateway, { command: `head -c 3000000 /dev/zero; exit ${i}`, options }),
    )
    const ran = await Promise.all(runs)
    expect(ran.map((it) => it.code)).toEqual([1, 2, 3, 4, 5])
    // The master closes a channel once both sides have said their last, and waits for the code all the same.
    const silent = await world.ssh(gateway, { command: 'exec >&- 2>&-; sleep .4; exit 6', options })
    expect(silent.code).toBe(6)
    expect(ran.every((it) => it.stdout.length === 3e6)).toBe(true)
    master.kill()
    await master.exited
  })

  testWith(needs, 'the context names client and algorithms', async () => {
    await world.ssh(gateway, { command: 'true' })
    const greeting = gateway.greetings.at(-1)
    expect(greeting?.context['client_version']).toStartWith('SSH-2.0-OpenSSH_')
    expect(greeting?.context['kex']).toBe('curve25519-sha256')
    // Without being told to, the client would have chosen CTR.
    expect(greeting?.context['cipher_to_client']).toBe('aes128-gcm@openssh.com')
    expect(greeting?.identity.subject).toBe('ada')
  })
})

async function isSocket(path: string): Promise<boolean> {
  return (await Bun.$`test -S ${path}`.nothrow().quiet()).exitCode === 0
}
