/**
 * A target that the gateway reaches through another of its targets: nobody notices, and the record says so.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { runSsh } from '../fixture/ssh.ts'
import { type Sshd, startSshd } from '../fixture/sshd.ts'

const needs = [ssh, sshd, ssh_keygen]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('a target behind a target', () => {
  let guarded: Guarded
  let inner: Sshd
  /** A bastion that forwards nothing. */
  let strict: Sshd
  beforeAll(async () => {
    inner = await startSshd()
    strict = await startSshd({ config: ['AllowTcpForwarding no'] })
    const targetAt = (it: Sshd) => ({
      address: it.address,
      host_key: it.host_key.public_line,
      accounts: { [it.account]: { private_key_file: it.user_key.file } },
    })
    guarded = await openGuarded({
      targets: ({ account }) => [
        { ...targetAt(inner), name: 'db-1', via: `${account}@web-1` },
        { ...targetAt(strict), name: 'strict' },
        { ...targetAt(inner), name: 'db-2', via: `${account}@strict` },
        // Three in a row.
        { ...targetAt(inner), name: 'db-3', via: `${account}@db-1` },
      ],
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    await inner.stop()
    await strict.stop()
  }, 30_000)

  const logins = (it: Sshd): number => it.log().match(/Accepted publickey/g)?.length ?? 0
  const dialled = async (): Promise<string | undefined> => {
    const [session] = await guarded.sessions()
    for (const { header } of session === undefined ? [] : await guarded.records(session.id))
      if (header.kind === 'dialled') return header.address
    return undefined
  }

  testWith(needs, 'is reached through it, and the record says so', async () => {
    const ran = await guarded.run('echo inside', `${inner.account}@db-1`)
    expect(ran).toEqual({ code: 0, stdout: 'inside\n', stderr: '' })
    expect([logins(guarded.target), logins(inner)]).toEqual([1, 1])
    expect(await dialled()).toBe(`${inner.address} via web-1 (${guarded.target.address})`)
  })

  testWith(needs, 'over two others', async () => {
    const ran = await guarded.run('echo deep', `${inner.account}@db-3`)
    expect(ran).toEqual({ code: 0, stdout: 'deep\n', stderr: '' })
    expect(await dialled()).toContain('via db-1 (')
  })

  testWith(needs, '8 MB there and back', async () => {
    const stdin = randomBytes(8e6)
    const ran = await runSsh({
      port: guarded.gateway.ssh.port,
      login: `${inner.account}@db-1`,
      identities: [guarded.client.file],
      command: 'cat',
      stdin,
    })
    expect(sha256(ran.stdout)).toBe(sha256(stdin))
  })

  testWith(needs, 'a way that forwards nothing is a clear line', async () => {
    const ran = await guarded.run('echo never', `${inner.account}@db-2`)
    expect(ran.code).not.toBe(0)
    expect(ran.stdout).toBe('')
    expect(ran.stderr).toContain(`target db-2 (${inner.address}) cannot be reached from strict`)
  })

  testWith(needs, 'the connection on the way ends with the session', async () => {
    while ((await openConnections(guarded.target)) > 0) await Bun.sleep(50)
    expect(await openConnections(guarded.target)).toBe(0)
  })
})

/** Connections to that sshd that are established, seen from its side. */
async function openConnections({ port }: Sshd): Promise<number> {
  const found = await Bun.$`ss -Htn state established sport = :${port}`.quiet().text()
  return found.split('\n').filter(Boolean).length
}
