/**
 * Another host key in mid-life: the target was set up anew, or somebody is in between. What runs goes on where it
 * is, nothing new begins, and a connection that changes its key under way is left.
 */

import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { type KeyPair, makeKey } from '../fixture/keys.ts'
import { listening, portOf } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { type Sshd, startSshd } from '../fixture/sshd.ts'
import { until } from '../fixture/until.ts'
import type { Loose } from '../ssh2/wire.ts'

const needs = [ssh, sshd, ssh_keygen]

describe('another host key in mid-life', () => {
  let guarded: Guarded
  let dir = ''
  let renewed: Sshd
  let ours: KeyPair
  let theirs: KeyPair
  /** The port behind which the target is exchanged. */
  let at = 0
  const sockets = new Set<Socket>()
  const road = createServer((socket) => {
    const onward = connect(at, '127.0.0.1')
    for (const end of [socket, onward]) sockets.add(end.on('error', () => {}))
    socket.pipe(onward).pipe(socket)
  })
  const changing = (): Loose => {
    const server = new ssh2.Server({ hostKeys: [ours.private_key] }) as Loose
    server.on('connection', (connection: Loose) => {
      connection.on('error', () => {})
      connection.on('authentication', (context: Loose) => context.accept())
      connection.on('session', (accept: Loose) =>
        accept().on('exec', (open: Loose, _: Loose, { command }: Loose) => {
          const channel = open()
          channel.write('before\n')
          const key = command === 'the same' ? ours : theirs
          connection['_protocol']['_hostKeys'] = {
            'ssh-ed25519': ssh2.utils.parseKey(key.private_key),
          }
          connection.rekey(() => {
            channel.write('after\n')
            channel.exit(0)
            channel.end()
          })
        }),
      )
    })
    return server.listen(0, '127.0.0.1')
  }
  let server: Loose

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-host-key-'))
    ours = makeKey(join(dir, 'ours'))
    theirs = makeKey(join(dir, 'theirs'))
    server = changing()
    await Promise.all([listening(road), once(server, 'listening')])
    renewed = await startSshd()
    guarded = await openGuarded({
      targets: ({ account, user_key, host_key }) => {
        const accounts = { [account]: { private_key_file: user_key.file } }
        return [
          {
            ...{ name: 'web-2', address: `127.0.0.1:${portOf(road)}`, accounts },
            host_key: host_key.public_line,
          },
          {
            ...{ name: 'web-3', address: `127.0.0.1:${server.address().port}`, accounts },
            host_key: ours.public_line,
          },
        ]
      },
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    await renewed.stop()
    for (const socket of sockets) socket.destroy()
    road.close()
    server.close()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  testWith(needs, 'of a target that was set up anew', async () => {
    const login = `${guarded.target.account}@web-2`
    at = guarded.target.port
    const running = Bun.spawn([...guarded.ssh(login), 'cat'], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'ignore',
    })
    void running.stdin.write('one\n')
    const reader = running.stdout.getReader()
    await reader.read()

    at = renewed.port
    const refused = await guarded.run('echo in', login)
    expect(refused.code).not.toBe(0)
    expect(refused.stdout).toBe('')
    expect(refused.stderr).toMatch(/sluice: .*web-2.*host key/)
    const session = await until('the end of the session', async () => {
      const [newest] = await guarded.look()
      return newest?.target === 'web-2' && newest.end_reason !== undefined ? newest : undefined
    })
    expect(session.end_reason).toBe('failed')
    const records = await guarded.records(session.id)
    expect(records.map(({ header }) => header)).toContainEqual(
      expect.objectContaining({ kind: 'failed', code: 'host_key_mismatch' }),
    )

    void running.stdin.write('two\n')
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('two\n')
    await running.stdin.end()
    expect(await running.exited).toBe(0)
    at = guarded.target.port
    expect(await guarded.run('echo in', login)).toMatchObject({ code: 0, stdout: 'in\n' })
  })

  testWith(needs, 'of a connection, at an exchange of keys', async () => {
    const login = `${guarded.target.account}@web-3`
    const same = await guarded.run('the same', login)
    expect(same).toMatchObject({ code: 0, stdout: 'before\nafter\n' })
    const other = await guarded.run('another', login)
    expect(other).toMatchObject({ code: 255, stdout: 'before\n' })
    const session = await until('the end of the session', async () => {
      const [newest] = await guarded.look()
      return newest?.end_reason === undefined ? undefined : newest
    })
    expect(session).toMatchObject({ target: 'web-3', end_reason: 'target' })
  })
})
