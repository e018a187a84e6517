/**
 * A thousand sessions at once: each is let in, answered, recorded, ended and proven as one alone would be.
 */
import { expect } from 'bun:test'
import ssh2 from 'ssh2'
import { openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'

const count = 1_000
/** Logins under way: what a team's morning looks like, and below what sshd drops as a flood. */
const logins = 50
const rss_mb_max = 700

testSlow(
  [ssh, sshd, ssh_keygen],
  'a thousand sessions at once',
  async () => {
    await using guarded = await openGuarded()
    await guarded.trust()
    const rss_mb = (): number => guarded.gateway.rss_mb()
    const open: (readonly [ssh2.Client, ssh2.ClientChannel])[] = []
    let next = 0
    await Promise.all(
      Array.from({ length: logins }, async () => {
        while (next++ < count) open.push(await login())
      }),
    )
    expect(open.length).toBe(count)
    expect(rss_mb()).toBeLessThan(rss_mb_max)
    expect(await guarded.run('echo one more', undefined, 60_000)).toMatchObject({ code: 0 })

    // Everybody types at once, and everybody gets what is theirs.
    await Promise.all(
      open.map(async ([, channel], n) => {
        let text = ''
        const answered = new Promise<void>((resolve, reject) => {
          channel.on('data', (bytes: Buffer) => {
            text += bytes.toString()
            if (text.endsWith('\n')) resolve()
          })
          channel.on('close', () => reject(new Error(`session ${n} ended`)))
        })
        channel.write(`line of ${n}\n`)
        await answered
        expect(text).toBe(`line of ${n}\n`)
      }),
    )
    await Promise.all(
      open.map(([client, channel]) => {
        const closed = new Promise((resolve) => client.on('close', () => resolve(undefined)))
        channel.removeAllListeners('close')
        channel.once('close', () => client.end())
        channel.end()
        return closed
      }),
    )
    expect(await guarded.gateway.stop(60_000)).toBe(0)
    expect(guarded.gateway.stderr()).not.toMatch(/"(fault|recording_failed|store_gone)"/)

    const { code, stdout, stderr } = await guarded.verify()
    expect(code, stdout + stderr).toBe(0)
    expect(JSON.parse(stdout).checked.sessions).toBe(count + 1)

    async function login(): Promise<readonly [ssh2.Client, ssh2.ClientChannel]> {
      const { promise, resolve, reject } =
        Promise.withResolvers<readonly [ssh2.Client, ssh2.ClientChannel]>()
      const client = new ssh2.Client()
      client.on('error', reject)
      client.on('ready', () =>
        client.exec('exec cat', (error, channel) => {
          if (error === undefined) resolve([client, channel])
          else reject(error)
        }),
      )
      client.connect({
        host: '127.0.0.1',
        port: guarded.gateway.ssh.port,
        username: `${guarded.target.account}@web-1`,
        privateKey: guarded.client.private_key,
        readyTimeout: 120_000,
      })
      return promise
    }
  },
  600_000,
)
