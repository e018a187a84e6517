/**
 * An unmodified ssh through the whole gateway, as a process of its own, to an unmodified sshd: what runs runs as
 * it would without the gateway, and what policy denies says so.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import { type Ran, ranOf } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { runSsh, type SshCommand } from '../fixture/ssh.ts'
import { unremarkableBytes } from '../fixture/unremarkable.ts'

const needs = [ssh, sshd, ssh_keygen]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('a session', () => {
  let guarded: Guarded
  beforeAll(async () => {
    guarded = await openGuarded()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  /** Like {@link Guarded.run}, with everything else that ssh can be told. */
  const run = async (command: Partial<SshCommand>): Promise<Ran & { stdout_bytes: Buffer }> => {
    const ran = await runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [guarded.client.file],
      ...command,
    })
    const stderr = ran.stderr.replace(/^Warning: Permanently added .*\r?\n/m, '')
    return { code: ran.code, stdout: ran.stdout.toString(), stdout_bytes: ran.stdout, stderr }
  }
  const lastRecords = async () => {
    const [session] = await guarded.sessions()
    if (session === undefined) throw new Error('no session on record')
    return guarded.records(session.id)
  }

  for (const code of [0, 1, 7, 126, 255])
    testWith(needs, `exit code ${code}`, async () => {
      expect(await guarded.run(`exit ${code}`)).toEqual({ code, stdout: '', stderr: '' })
    })

  testWith(needs, 'a separate error stream', async () => {
    const ran = await guarded.run('echo out; echo err >&2; exit 3')
    expect(ran).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' })
  })

  testWith(needs, 'a program that a signal ends', async () => {
    const ran = await run({ command: 'echo first; kill -TERM $$', options: ['-v'] })
    expect(ran.code).toBe(255)
    expect(ran.stdout).toBe('first\n')
    expect(ran.stderr).toContain('rtype exit-signal')
    const signals = (await lastRecords()).filter(({ header }) => header.kind === 'exit_signal')
    expect(signals.map(({ header }) => header)).toMatchObject([{ signal: 'TERM' }])
  })

  testWith(needs, '20 MB of stdin with its end, and an answer after it', async () => {
    const stdin = unremarkableBytes(20e6)
    const ran = await run({ command: 'sha256sum; echo after; exit 4', stdin })
    expect(ran.stdout).toBe(`${sha256(stdin)}  -\nafter\n`)
    expect(ran.code).toBe(4)
  })

  testWith(needs, '20 MB there and back', async () => {
    const stdin = unremarkableBytes(20e6)
    const ran = await run({ command: 'cat', stdin })
    expect(ran.stdout_bytes.length).toBe(stdin.length)
    expect(sha256(ran.stdout_bytes)).toBe(sha256(stdin))
  })

  testWith(needs, 'the environment by allowlist', async () => {
    const env = { LANG: 'xx_YY', LC_TEST: 'one', LD_TEST: 'two', SECRET: 'three' }
    const options = ['-o', 'SendEnv=LANG LC_* LD_* SECRET']
    const ran = await run({ command: 'env', env, options })
    expect(ran.stdout).toContain('LANG=xx_YY\n')
    expect(ran.stdout).toContain('LC_TEST=one\n')
    expect(ran.stdout).not.toMatch(/^(LD_TEST|SECRET)=/m)
    const channel = (await lastRecords()).find(({ header }) => header.kind === 'channel')
    expect(channel?.header).toMatchObject({ env: { LANG: 'xx_YY', LC_TEST: 'one' } })
    expect(JSON.stringify(channel?.header)).not.toContain('SECRET')
  })

  testWith(needs, 'a secret that a client says beside its streams rests nowhere', async () => {
    const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
    const env = { LC_TOKEN: secret, TERM: secret }
    await run({ env, options: ['-tt', '-o', 'SendEnv=LC_*'], command: `true ${secret}` })
    await run({ options: ['-W', `${secret}:22`] })
    await run({ options: ['-R', `/tmp/${secret}:127.0.0.1:9`], command: 'true' })
    await run({ login: `${guarded.target.account}@${secret}`, command: 'true' })
    await run({ login: `${secret}@web-1`, command: 'true' })
    const masked = (await guarded.sessions()).filter(({ target, account }) =>
      `${account}@${target}`.includes('*'.repeat(secret.length)),
    )
    expect(masked).toHaveLength(2)
    const holders = await Bun.$`grep -rlaF ${secret} ${guarded.data}`.nothrow().text()
    expect(holders).toBe('')
    expect(guarded.gateway.stderr()).not.toContain(secret)
  })

  testWith(needs, 'an unknown key is refused, and there is no session', async () => {
    const before = await guarded.sessions()
    const stranger = makeKey(join(guarded.dir, 'stranger'))
    const ran = await run({ identities: [stranger.file], command: 'echo in' })
    expect(ran).toMatchObject({ code: 255, stdout: '' })
    expect(ran.stderr).toContain('Permission denied (publickey)')
    expect(await guarded.sessions()).toEqual(before)
  })

  testWith(needs, 'a known key among strangers lets in', async () => {
    const strangers = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => makeKey(join(guarded.dir, `other-${i}`)))
    const identities = [...strangers.map(({ file }) => file), guarded.client.file]
    expect(await run({ identities, command: 'echo in' })).toMatchObject({ code: 0, stdout: 'in\n' })
  })

  describe('denied by policy', () => {
    /** Every tool of OpenSSH reads it, with the same names. */
    let config = ''
    let reached = 0
    const inside = createServer((socket) => {
      reached += 1
      socket.destroy()
    })
    let inside_port = 0
    beforeAll(async () => {
      config = join(guarded.dir, 'ssh_config')
      writeFileSync(config, guarded.sshConfig('gateway', 'IdentityAgent SSH_AUTH_SOCK'))
      await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve))
      const at = inside.address()
      inside_port = at !== null && typeof at === 'object' ? at.port : 0
    })
    afterAll(async () => {
      await new Promise((resolve) => inside.close(resolve))
    })

    const call = async (argv: readonly string[], env = {}): Promise<Ran> => {
      const child = Bun.spawn([...argv], {
        env: { ...process.env, SSH_AUTH_SOCK: '', ...env },
        stdin: new TextEncoder().encode('ls\n'),
        stdout: 'pipe',
        stderr: 'pipe',
      })
      return ranOf(child)
    }
    /** What policy was asked, and did not allow. */
    const denials = async (): Promise<string[]> =>
      (await lastRecords()).flatMap(({ header }) =>
        header.kind === 'verdict' && !header.allowed ? [header.rule] : [],
      )

    testWith(needs, 'forwarding to a port', async () => {
      const ran = await call(['ssh', '-F', config, '-W', `127.0.0.1:${inside_port}`, 'gateway'])
      expect(ran.code).not.toBe(0)
      expect(ran.stderr).toContain('policy.forwarding: deny')
      expect(await denials()).toEqual(['policy.forwarding'])
      expect(reached).toBe(0)
    })

    testWith(needs, 'forwarding from a port, and the program runs', async () => {
      const listen = `0:127.0.0.1:${inside_port}`
      const ran = await call(['ssh', '-F', config, '-R', listen, 'gateway', 'echo ran'])
      expect(ran.stdout).toBe('ran\n')
      expect(ran.stderr).toContain('policy.forwarding: deny')
      expect(await denials()).toEqual(['policy.forwarding'])
    })

    testWith([...needs, '/usr/bin/ssh-agent'], 'the agent, and the program runs', async () => {
      const path = join(guarded.dir, 'agent.sock')
      const agent = Bun.spawn(['ssh-agent', '-D', '-a', path], { stdout: 'ignore' })
      try {
        while (!existsSync(path)) await Bun.sleep(10)
        const env = { SSH_AUTH_SOCK: path }
        const ran = await call(
          ['ssh', '-F', config, '-A', 'gateway', 'echo "agent=$SSH_AUTH_SOCK"'],
          env,
        )
        expect(ran.stdout).toBe('agent=\n')
        expect(ran.stderr).toContain('policy.agent_forwarding: deny')
        expect(await denials()).toEqual(['policy.agent_forwarding'])
      } finally {
        agent.kill()
        await agent.exited
      }
    })

    const transfers: readonly (readonly [string, string, (to: string) => string[]])[] = [
      ['sftp', '/usr/bin/sftp', () => ['sftp', '-F', config, '-b', '-', 'gateway']],
      ['scp', '/usr/bin/scp', (to) => ['scp', '-F', config, config, `gateway:${to}`]],
      [
        'scp as it was',
        '/usr/bin/scp',
        (to) => ['scp', '-O', '-F', config, config, `gateway:${to}`],
      ],
      [
        'scp from there',
        '/usr/bin/scp',
        (to) => ['scp', '-O', '-F', config, `gateway:${config}`, to],
      ],
      [
        'rsync',
        '/usr/bin/rsync',
        (to) => ['rsync', '-e', `ssh -F ${config}`, config, `gateway:${to}`],
      ],
    ]
    for (const [name, tool, command] of transfers)
      testWith([...needs, tool], name, async () => {
        const to = join(guarded.dir, 'arrived')
        const ran = await call(command(to))
        expect(ran.code).not.toBe(0)
        expect(ran.stderr).toMatch(/file transfer by .* is off by policy: policy\.transfers\./)
        expect((await denials()).join()).toStartWith('policy.transfers.')
        expect(existsSync(to)).toBe(false)
      })
  })
})
