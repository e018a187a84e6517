/**
 * A target that floods: with output, with errors, with channels and requests that nobody asked for, with packets
 * that say nothing. Its session may end; the gateway's memory stays, and others are served meanwhile.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import { isSlow, ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import type { Loose } from '../ssh2/wire.ts'

const needs = [ssh, sshd, ssh_keygen]
const flood_ms = isSlow ? 5_000 : 1_000
/** A window of 2 MiB and 16 MiB of answers that nobody reads, with what a garbage collector leaves lying about. */
const growth_mb_max = 150
const ssh_ignore = 2

const block = Buffer.alloc(32_000, 'x')
/** By the command that asks for it; said again and again. The channel of the program is 0 at the gateway. */
const floods: Readonly<Record<string, (protocol: Loose) => void>> = {
  'output past its window': (to) => to.channelData(0, block),
  'errors past their window': (to) => to.channelExtData(0, block, 1),
  'connections that nobody asked for': (to) =>
    to.forwardedTcpip(1, 2e6, 32_768, {
      ...{ boundAddr: 'localhost', boundPort: 80 },
      ...{ remoteAddr: 'anyone', remotePort: 1 },
    }),
  'requests for an agent': (to) => to.openssh_authAgent(1, 2e6, 32_768),
  'requests to the connection': (to) => to.ping(),
  'ends of the program': (to) => to.exitStatus(0, 1),
  'packets to be ignored': (to) => {
    const packet = to['_packetRW'].write.alloc(1 + 4 + block.length)
    const at = to['_packetRW'].write.allocStart
    packet[at] = ssh_ignore
    packet.writeUInt32BE(block.length, at + 1)
    packet.set(block, at + 5)
    to['_cipher'].encrypt(to['_packetRW'].write.finalize(packet))
  },
}

describe('a target that floods with', () => {
  let guarded: Guarded
  let target: Loose
  let dir = ''
  let said = 0

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-flood-'))
    const key = makeKey(join(dir, 'host'))
    target = new ssh2.Server({ hostKeys: [key.private_key] })
    target.on('connection', (connection: Loose) => {
      connection.on('error', () => {})
      connection.on('authentication', (context: Loose) => context.accept())
      connection.on('session', (accept: Loose) =>
        accept().on('exec', (open: Loose, _: Loose, { command }: Loose) => {
          open()
          const socket: Socket = connection['_sock']
          const more = (): void => {
            // As fast as the gateway reads, and not deaf to the test's own clock.
            for (let n = 0; n < 50 && !socket.destroyed && !socket.writableNeedDrain; n++, said++)
              floods[command]?.(connection['_protocol'])
            if (!socket.destroyed) setTimeout(more, 1)
          }
          more()
        }),
      )
    })
    target.listen(0, '127.0.0.1')
    await once(target, 'listening')
    guarded = await openGuarded({
      sections: { policy: { forwarding: 'allow', agent_forwarding: 'allow' } },
      targets: ({ account, user_key }) => [
        {
          name: 'hostile',
          address: `127.0.0.1:${target.address().port}`,
          host_key: key.public_line,
          accounts: { [account]: { private_key_file: user_key.file } },
        },
      ],
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    target.close()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  const rss_mb = (): number => guarded.gateway.rss_mb()

  for (const name of Object.keys(floods))
    testWith(needs, name, async () => {
      await guarded.run('true')
      const [before, said_before] = [rss_mb(), said]
      const flooded = Bun.spawn([...guarded.ssh(`${guarded.target.account}@hostile`), name], {
        stdin: 'ignore',
        stdout: 'ignore',
        stderr: 'ignore',
      })
      const over = Promise.race([flooded.exited, Bun.sleep(flood_ms)])
      let peak = 0
      let served = 0
      for (let isOver = false; !isOver || served === 0; served++) {
        expect(await guarded.run('echo fine')).toMatchObject({ code: 0, stdout: 'fine\n' })
        peak = Math.max(peak, rss_mb())
        isOver = await Promise.race([over.then(() => true), Bun.sleep(1).then(() => false)])
      }
      flooded.kill('SIGKILL')
      await flooded.exited
      expect(said - said_before, 'it did not flood').toBeGreaterThan(50)
      expect(peak - before).toBeLessThan(growth_mb_max)
    })

  testWith(needs, 'what is left verifies, and no fault was logged', async () => {
    expect(await guarded.gateway.stop()).toBe(0)
    expect(guarded.gateway.stderr()).not.toMatch(/"(fault|internal_error|recording_failed)"/)
    await guarded.trust()
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  })
})
