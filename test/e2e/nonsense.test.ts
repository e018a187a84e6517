/**
 * A client and a target that both speak SSH and say anything in any state: channels that are not there, answers that
 * nobody asked for, windows of every size, closes in every order. The gateway serves others meanwhile, every session
 * ends, no fault is logged, and what is left verifies.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import { isSlow, ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import type { Loose } from '../ssh2/wire.ts'

const needs = [ssh, sshd, ssh_keygen]
const talk_ms = isSlow ? 20_000 : 3_000
// On a machine that is busy with other things three seconds may be short.
const visits_min = 12
const seed = Number(Bun.env['SLUICE_TEST_SEED'] ?? 1)

/** The same talk for the same seed, as far as the machine's timing lets it. */
function chances(from: number): { below(max: number): number; of<T>(items: readonly T[]): T } {
  let state = from
  const below = (max: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % max
  }
  return {
    below,
    of: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('nothing to choose from')
      return item
    },
  }
}

const { below, of } = chances(seed)
const channel = (): number => (below(20) === 0 ? of([0xffffffff, 0xfffffffe, 1e6]) : below(8))
const window = (): number => of([0, 1, 255, 32_768, 2e6, 2 ** 31, 2 ** 32 - 1])
const packet = (): number => of([0, 255, 256, 32_768, 2 ** 31])
const bytes = (): Buffer => Buffer.alloc(of([0, 1, 10, 1_000, 32_768]), 'a')
const wants = (): boolean => below(2) === 0

/** What either side says about channels. */
const said: readonly ((to: Loose) => void)[] = [
  (to) => to.channelOpenConfirm(channel(), channel(), window(), packet()),
  (to) => to.channelOpenConfirm(below(8), below(8), 2e6, 32_768),
  (to) => to.channelOpenFail(channel(), below(6), 'because'),
  (to) => to.channelData(channel(), bytes()),
  (to) => to.channelWindowAdjust(channel(), window()),
  (to) => to.channelEOF(channel()),
  (to) => to.channelClose(channel()),
  (to) => to.channelSuccess(channel()),
  (to) => to.channelFailure(channel()),
  (to) => to.requestSuccess(Buffer.of(0, 0, 0, 80)),
  (to) => to.requestFailure(),
  (to) => to.ping(),
  (to) => to.rekey(),
]
const target_said: typeof said = [
  ...said,
  (to) => to.channelData(below(4), Buffer.from('some output\n')),
  (to) => to.channelExtData(channel(), bytes(), 1),
  (to) => to.channelSuccess(below(4)),
  (to) => to.exitStatus(channel(), below(300)),
  (to) => to.exitSignal(channel(), 'KILL', true, 'x'),
  (to) =>
    to.forwardedTcpip(channel(), window(), 32_768, {
      boundAddr: 'localhost',
      boundPort: 80,
      remoteAddr: 'anyone',
      remotePort: 1,
    }),
  (to) =>
    to.openssh_forwardedStreamLocal(channel(), window(), 32_768, { socketPath: '/nowhere/x' }),
  (to) => to.openssh_authAgent(channel(), window(), 32_768),
]
const client_said: typeof said = [
  ...said,
  (to) => to.session(channel(), window(), packet()),
  (to) => to.session(below(8), 2e6, 32_768),
  (to) => to.exec(below(8), 'true', wants()),
  (to) => to.shell(below(8), wants()),
  (to) => to.subsystem(below(8), 'sftp', wants()),
  (to) => to.pty(below(8), 24, 80, 0, 0, 'xterm', Buffer.alloc(1), wants()),
  (to) => to.signal(channel(), 'INT'),
  (to) => to.windowChange(channel(), 1, 1, 1, 1),
  (to) => to.openssh_agentForward(channel(), wants()),
  (to) => {
    const dstIP = of(['db', 'hostile', 'web-1'])
    const asked = { srcIP: '127.0.0.1', srcPort: 1, dstIP, dstPort: 22 }
    to.directTcpip(channel(), window(), 32_768, asked)
  },
  (to) => to.tcpipForward(of(['localhost', '', '*']), of([80, 0]), true),
  (to) => to.cancelTcpipForward('localhost', 80, true),
  (to) => to.openssh_streamLocalForward('/nowhere/x', true),
]

function say(some: typeof said, to: Loose): void {
  try {
    of(some)(to)
  } catch {
    // The library refuses to say it, or is gone.
  }
}

/** From here on the library answers nothing by itself. */
function mute({ _protocol: protocol }: Loose): void {
  for (const name of Object.keys(protocol['_handlers']))
    if (/^(CHANNEL|GLOBAL|REQUEST)/.test(name)) delete protocol['_handlers'][name]
}

describe('nonsense from both sides', () => {
  let guarded: Guarded
  let target: Loose
  let dir = ''
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-nonsense-'))
    const key = makeKey(join(dir, 'host'))
    target = new ssh2.Server({ hostKeys: [key.private_key] })
    target.on('connection', (connection: Loose) => {
      connection.on('error', () => {})
      connection.on('authentication', (context: Loose) => context.accept())
      connection.on('ready', () => {
        mute(connection)
        const timer = setInterval(() => {
          for (let n = 0; n < 10; n++) say(target_said, connection['_protocol'])
        }, 5)
        connection['_sock'].once('close', () => clearInterval(timer))
      })
    })
    target.listen(0, '127.0.0.1')
    await once(target, 'listening')
    guarded = await openGuarded({
      sections: {
        policy: {
          forwarding: 'allow',
          agent_forwarding: 'allow',
          transfers: { upload: 'allow', download: 'allow' },
        },
      },
      targets: ({ account, user_key }) => {
        const accounts = { [account]: { private_key_file: user_key.file } }
        const usual = { host_key: key.public_line, accounts }
        const address = `127.0.0.1:${target.address().port}`
        return [
          { ...usual, name: 'hostile', address },
          { ...usual, name: 'behind', address: '127.0.0.1:9', via: `${account}@hostile` },
        ]
      },
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    target.close()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  async function visit(): Promise<void> {
    const client = new ssh2.Client() as Loose
    client.on('error', () => {})
    const closed = new Promise((resolve) => client.once('close', resolve))
    client.connect({
      host: '127.0.0.1',
      port: guarded.gateway.ssh.port,
      username: `${guarded.target.account}@${of(['hostile', 'hostile', 'web-1', 'behind'])}`,
      privateKey: guarded.client.private_key,
    })
    await new Promise((resolve) => client.once('ready', resolve))
    mute(client)
    const to = client['_protocol']
    if (wants()) {
      to.session(0, 2e6, 32_768)
      to.openssh_agentForward(0, false)
      to.exec(0, 'x', true)
      to.tcpipForward('localhost', 80, true)
    }
    for (let rounds = 5 + below(60); rounds > 0 && client['_sock'].destroyed === false; rounds--) {
      for (let n = 0; n < 8; n++) say(client_said, to)
      await Bun.sleep(below(15))
    }
    if (wants()) client.end()
    client.destroy()
    await closed
  }

  testWith(
    needs,
    `is answered, and harms nobody (seed ${seed})`,
    async () => {
      const until = performance.now() + talk_ms
      let visits = 0
      const visitor = async (): Promise<void> => {
        for (; performance.now() < until || visits < visits_min; visits++) await visit()
      }
      await Promise.all([visitor(), visitor(), visitor(), visitor()])
      expect(visits).toBeGreaterThanOrEqual(visits_min)
      expect(await guarded.run('echo fine', undefined, 60_000)).toMatchObject({ stdout: 'fine\n' })
      for (;;) {
        const sessions = await guarded.sessions()
        if (sessions.every(({ end_reason }) => end_reason !== undefined)) break
        await Bun.sleep(200)
      }
      expect(guarded.gateway.stderr()).not.toMatch(
        /"(fault|internal_error|api_fault|recording_failed|store_gone)"/,
      )
      expect(await guarded.gateway.stop()).toBe(0)
      await guarded.trust()
      const verified = await guarded.verify()
      expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    },
    talk_ms + 90_000,
  )
})
