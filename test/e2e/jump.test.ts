/**
 * The gateway as a jump host: an engineer's ssh with the lines of `sluice ssh-config`, and nothing else to know.
 * What goes through is masked and recorded as if it came by the port.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import type { Ran } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { unremarkableBytes } from '../fixture/unremarkable.ts'

const needs = [ssh, sshd, ssh_keygen]
const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const masked = '*'.repeat(secret.length)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('a jump host', () => {
  let guarded: Guarded
  /** What `Include` would read, and who the engineer is. */
  let config = ''
  beforeAll(async () => {
    guarded = await openGuarded()
    const file = join(guarded.dir, 'ssh_config')
    const made = await sluice([
      ...['ssh-config', '--config', join(guarded.dir, 'gateway/sluice.yaml')],
      ...['--data', guarded.data, '-o', file],
      ...['--host', '127.0.0.1', '--port', String(guarded.gateway.ssh.port)],
    ])
    if (made.code !== 0) throw new Error(made.stderr)
    config = join(guarded.dir, 'config')
    writeFileSync(
      config,
      [
        `Host *`,
        `  IdentityFile ${guarded.client.file}`,
        `  IdentitiesOnly yes`,
        `  IdentityAgent none`,
        `  BatchMode yes`,
        // A question about a host key is a failure.
        `  StrictHostKeyChecking yes`,
        readFileSync(file, 'utf8'),
      ].join('\n'),
    )
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  const run = async (
    words: readonly string[],
    stdin: Uint8Array | 'ignore' = 'ignore',
  ): Promise<Ran & { stdout_bytes: Uint8Array }> => {
    const child = Bun.spawn(['ssh', '-F', config, ...words], {
      stdin,
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 50_000)
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).arrayBuffer(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    clearTimeout(timer)
    const bytes = new Uint8Array(stdout)
    return { code, stdout: Buffer.from(bytes).toString(), stdout_bytes: bytes, stderr }
  }
  const last = async () => {
    const [session] = await guarded.sessions()
    if (session === undefined) throw new Error('no session on record')
    return { session, records: await guarded.records(session.id) }
  }

  testWith(needs, '`ssh TARGET` alone works, and nobody is asked about a key', async () => {
    const ran = await run(['web-1', `echo token ${secret}; echo err >&2; exit 3`])
    expect(ran).toMatchObject({ code: 3, stdout: `token ${masked}\n`, stderr: 'err\n' })
    const { session, records } = await last()
    expect(session).toMatchObject({
      subject: 'ann',
      account: guarded.target.account,
      target: 'web-1',
    })
    expect(records.map(({ payload }) => Buffer.from(payload).toString()).join('')).not.toContain(
      secret,
    )
  })

  testWith(needs, '-J as a person types it', async () => {
    const ran = await run(['-J', 'edge-1', `${guarded.target.account}@web-1`, 'echo there'])
    expect(ran).toMatchObject({ code: 0, stdout: 'there\n', stderr: '' })
  })

  testWith(needs, '8 MB there and back', async () => {
    const sent = unremarkableBytes(8e6)
    const ran = await run(['web-1', 'cat'], sent)
    expect(ran.code).toBe(0)
    expect(sha256(ran.stdout_bytes)).toBe(sha256(sent))
  })

  testWith(
    needs,
    'a second target is reached through a session on the first, and is recorded',
    async () => {
      const inner = `ssh -F ${config} -o ProxyJump=none -o ProxyCommand='ssh -F ${config} -W %h:%p web-1' web-1 echo inner`
      const child = Bun.spawn(['bash', '-c', inner], { stdout: 'pipe', stderr: 'pipe' })
      expect(await new Response(child.stdout).text()).toBe('inner\n')
      expect(await child.exited).toBe(0)
    },
  )

  testWith(needs, 'a name that is no target is refused in words', async () => {
    const ran = await run(['-J', 'edge-1', 'someone@nowhere', 'true'])
    expect(ran.code).toBe(255)
    expect(ran.stderr).toContain('say where to go')
  })

  testWith(needs, 'an account that is not there is refused by policy, on record', async () => {
    const ran = await run(['nobody@web-1', 'true'])
    expect(ran.code).toBe(126)
    expect(ran.stderr).toContain('has no account')
    expect((await last()).session).toMatchObject({ account: 'nobody', end_reason: 'denied' })
  })

  testWith(needs, 'the gateway itself has no shell', async () => {
    const ran = await run(['edge-1', 'id'])
    expect(ran.code).toBe(126)
    expect(ran.stderr).toContain('ssh -J GATEWAY ACCOUNT@TARGET')
  })

  testWith(
    needs,
    'who comes in by the outer connection must still prove who they are',
    async () => {
      const stranger = makeKey(join(guarded.dir, 'stranger'))
      const proxy = `ProxyCommand=ssh -F ${config} -W %h:%p edge-1`
      const ran = await run([
        ...['-o', proxy, '-o', 'IdentityFile=none', '-i', stranger.file],
        ...['-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
        ...[`${guarded.target.account}@web-1`, 'true'],
      ])
      expect(ran.code).toBe(255)
      expect(ran.stderr).toContain('Permission denied (publickey)')
    },
  )

  testWith(needs, 'a host that is not the gateway is not believed', async () => {
    const file = join(guarded.dir, 'ssh_config.known_hosts')
    const other = makeKey(join(guarded.dir, 'other-ca'))
    const lines = readFileSync(file, 'utf8')
    writeFileSync(file, lines.replace(/(@cert-authority \S+ ).*/, `$1${other.public_line}`))
    const ran = await run(['web-1', 'true'])
    writeFileSync(file, lines)
    expect(ran.code).toBe(255)
    expect(ran.stderr).toContain('Host key verification failed')
  })

  testWith(needs, 'what is left verifies, and no fault was logged', async () => {
    await guarded.trust()
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    const faults = guarded.gateway
      .stderr()
      .split('\n')
      .filter((text) => /"(fault|internal_error|recording_failed)"/.test(text))
    expect(faults).toEqual([])
    expect(await guarded.gateway.stop()).toBe(0)
  })
})
