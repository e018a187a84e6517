/**
 * The trial's target through the connector: a real shell, reachable without a port.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSshKey } from '../../proxy/config/ssh-keygen.ts'
import { fingerprint } from '../../proxy/core/fingerprint.ts'
import { startTrialTarget, type TrialTarget } from '../../proxy/trial/target.ts'
import { type KeyPair, makeKey } from '../fixture/keys.ts'
import { ssh, ssh_keygen, testSlow, testWith } from '../fixture/require.ts'
import { runSsh, type SshCommand, type SshResult, sshArguments } from '../fixture/ssh.ts'
import { type Straight, startStraight } from './straight.ts'

const needs = [ssh, ssh_keygen]
describe('trial target', () => {
  const own = generateSshKey('gateway')
  const host = generateSshKey('trial')
  let dir: string
  let user_key: KeyPair
  let trial: TrialTarget
  let gateway: Straight
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-trial-'))
    user_key = makeKey(join(dir, 'user'))
    trial = startTrialTarget({
      home: dir,
      account: 'demo',
      authorized_key: own.public_key.blob,
      host_key: host.private_text,
    })
    gateway = await startStraight({
      host_key: makeKey(join(dir, 'host')),
      user_key,
      targets: [
        {
          name: 'trial',
          address: 'trial:22',
          host_keys: [host.public_key.blob],
          credential: () => ({ kind: 'private_key', private_key: own.private_text }),
          connect: () => trial.connect(),
        },
        {
          name: 'stranger',
          address: 'trial:22',
          host_keys: [host.public_key.blob],
          credential: () => ({ kind: 'private_key', private_key: host.private_text }),
          connect: () => trial.connect(),
        },
      ],
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    trial.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const run = (command: Partial<SshCommand>): Promise<SshResult> =>
    runSsh({
      port: gateway.port,
      login: 'demo@trial',
      identities: [user_key.file],
      options: ['-o', 'LogLevel=ERROR'],
      ...command,
    })

  testWith(needs, 'exec: exit codes, streams, home', async () => {
    const ran = await run({ command: 'pwd; echo $USER >&2; exit 7' })
    expect([ran.stdout.toString(), ran.stderr, ran.code]).toEqual([`${dir}\n`, 'demo\n', 7])
  })

  testWith(needs, 'stdin with its end, and much of it', async () => {
    const ran = await run({ command: 'wc -c', stdin: new Uint8Array(20e6) })
    expect(ran.stdout.toString().trim()).toBe('20000000')
  })

  testWith(needs, 'a login shell in a terminal, with job control', async () => {
    const options = ['-tt', '-o', 'LogLevel=ERROR']
    const stdin = Buffer.from('echo sum=$((40+2)); jobs; exit 5\n')
    const ran = await run({ options, stdin })
    expect(ran.stdout.toString()).toContain('sum=42')
    expect(ran.stdout.toString()).not.toContain('no job control')
    expect(ran.code).toBe(5)
  })

  testSlow(needs, 'a terminal that prints more than the client reads', async () => {
    const command = 'yes 0123456789abcdef | head -c 60000000; echo; echo last'
    const child = Bun.spawn(
      sshArguments({
        port: gateway.port,
        login: 'demo@trial',
        identities: [user_key.file],
        options: ['-tt', '-o', 'LogLevel=ERROR'],
        command,
      }),
      { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' },
    )
    await Bun.sleep(100)
    child.kill('SIGSTOP')
    await Bun.sleep(300)
    const before = process.memoryUsage.rss()
    await Bun.sleep(700)
    expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(40)
    child.kill('SIGCONT')
    const text = await new Response(child.stdout).text()
    expect(text).toEndWith('last\r\n')
    expect(text.replaceAll('\r', '').length).toBeGreaterThan(60e6)
    expect(await child.exited).toBe(0)
  })

  testWith(needs, 'another key than the gateway has is not let in', async () => {
    const ran = await run({ login: 'demo@stranger', command: 'true' })
    expect(ran.code).toBe(126)
    expect(ran.stderr).toContain('did not accept the gateway')
    expect(ran.stderr).not.toContain(fingerprint(own.public_key.blob))
  })

  testWith(needs, 'a client that leaves takes its program with it', async () => {
    const mark = `sleep 97${process.pid}`
    const child = Bun.spawn(
      sshArguments({
        port: gateway.port,
        login: 'demo@trial',
        identities: [user_key.file],
        command: mark,
      }),
      { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    )
    const running = async (): Promise<boolean> =>
      (await Bun.$`pgrep -fx ${mark}`.nothrow().quiet()).exitCode === 0
    while (!(await running())) await Bun.sleep(20)
    child.kill('SIGKILL')
    await child.exited
    while (await running()) await Bun.sleep(20)
  })
})
