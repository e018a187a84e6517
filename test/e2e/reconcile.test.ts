/** A real sshd's log and a real wtmp: who logged in past the gateway is found, and nobody else. */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { last, ssh, sshd, testWith } from '../fixture/require.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd]
/** sshd writes a wtmp as root alone, and the machine's own is not the test's. */
const private_wtmp = process.getuid?.() === 0 ? [] : ['a user who may mount']

describe('reconcile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-reconcile-'))
  const wtmp = join(folder, 'wtmp')
  const sshd_log = join(folder, 'sshd.log')
  let guarded: Guarded
  let watching: ReturnType<typeof setInterval>
  const stamped: string[] = []

  /** What a syslog does with each line of sshd: the time, the host and the program in front. */
  const stamp = (): void => {
    const lines = guarded.target.log().split('\n').slice(0, -1)
    for (const line of lines.slice(stamped.length))
      stamped.push(`${new Date().toISOString()} ${hostname()} sshd[1]: ${line.trimEnd()}`)
  }
  const direct = () =>
    Bun.spawn(
      [
        ...sshArguments({
          port: guarded.target.port,
          login: guarded.target.account,
          identities: [guarded.target.user_key.file],
        }).toSpliced(-1, 0, '-tt'),
        'echo past the gateway',
      ],
      { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' },
    )

  beforeAll(async () => {
    writeFileSync(wtmp, '')
    const own = 'mount --bind "$0" /var/log/wtmp && exec "$@"'
    guarded = await openGuarded(
      private_wtmp.length > 0
        ? {}
        : {
            sshd: {
              machine: { host: '127.0.0.1', run: ['unshare', '--mount', 'sh', '-c', own, wtmp] },
            },
          },
    )
    watching = setInterval(stamp, 20)
    for (let times = 0; times < 2; times++) await guarded.run('true')
    const typed = Bun.spawn([...guarded.ssh().toSpliced(-1, 0, '-tt'), 'true'], {
      ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    })
    await typed.exited
    await until('all is on record', async () =>
      (await guarded.look()).every(({ end_reason }) => end_reason !== undefined),
    )
    stamp()
    writeFileSync(sshd_log, `${stamped.join('\n')}\n`)
  }, 60_000)
  afterAll(async () => {
    clearInterval(watching)
    await guarded[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  }, 30_000)

  const compare = (log: string, ...words: readonly string[]) =>
    sluice(['reconcile', log, '--target', 'web-1', '--data', guarded.data, '--json', ...words])

  testWith(needs, 'every login in the log of a real sshd came through the gateway', async () => {
    const { code, stdout, stderr } = await compare(sshd_log)
    expect(code, stdout + stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ format: 'sshd', logins: 3, matched: 3, strange: [], missing: [] },
    })
    const journal = join(folder, 'journal')
    const lines = stamped.map((line) =>
      JSON.stringify({
        SYSLOG_IDENTIFIER: 'sshd',
        __REALTIME_TIMESTAMP: String(Date.parse(line.split(' ')[0] ?? '') * 1000),
        MESSAGE: line.slice(line.indexOf(']: ') + 3),
      }),
    )
    writeFileSync(journal, lines.join('\n'))
    expect((await compare(journal)).code).toBe(0)
  })

  testWith(
    needs,
    'one past it is listed, and so is one of another account or time',
    async () => {
      // Farther away than the clocks may be apart.
      await Bun.sleep(6_000)
      expect(await new Response(direct().stdout).text()).toContain('past the gateway')
      stamp()
      writeFileSync(sshd_log, `${stamped.join('\n')}\n`)
      const found = await compare(sshd_log, '--slack', '5')
      expect(found.code).toBe(1)
      const { strange, matched } = JSON.parse(found.stdout)
      expect(matched).toBe(3)
      expect(strange).toMatchObject([{ account: guarded.target.account, from: '127.0.0.1' }])
      const words = ['reconcile', sshd_log, '--target', 'web-1', '--data', guarded.data]
      const said = await sluice([...words, '--slack', '5'])
      expect(said.stderr).toContain('4 logins on web-1 (sshd): 3 through the gateway, 1 not')
      expect(said.stdout).toContain(guarded.target.account)
      // All four with one connection of the gateway for each of three: one is left, whichever it is.
      expect(JSON.parse((await compare(sshd_log, '--slack', '3600')).stdout).strange).toHaveLength(
        1,
      )
      const elsewhere = JSON.parse((await compare(sshd_log, '--from', '10.9.9.9')).stdout)
      expect(elsewhere.strange).toHaveLength(4)
      const nowhere = await sluice([...words.toSpliced(3, 1, 'web-9')])
      expect(nowhere.stderr).toContain('0 through the gateway, 4 not')
    },
    60_000,
  )

  testWith(
    [...needs, last, ...private_wtmp],
    'a real wtmp has the terminals: ours, and one past us',
    async () => {
      expect(statSync(wtmp).size).toBeGreaterThan(0)
      expect(statSync(wtmp).size % 384).toBe(0)
      const shown = Bun.spawnSync(['last', '-f', wtmp, '-w']).stdout.toString()
      expect(
        shown.split('\n').filter((line) => line.startsWith(guarded.target.account)),
      ).toHaveLength(2)
      const found = await compare(wtmp, '--slack', '5')
      expect(found.code).toBe(1)
      const { format, logins, matched, strange } = JSON.parse(found.stdout)
      expect({ format, logins, matched }).toEqual({ format: 'wtmp', logins: 2, matched: 1 })
      expect(strange).toMatchObject([{ account: guarded.target.account, from: '127.0.0.1' }])
      const before = readFileSync(wtmp)
      writeFileSync(join(folder, 'cut'), before.subarray(0, -1))
      const cut = await compare(join(folder, 'cut'), '--format', 'wtmp')
      expect([cut.code, cut.stderr.includes('not a whole wtmp file')]).toEqual([1, true])
    },
  )

  testWith(needs, 'wrong words are one line', async () => {
    for (const [words, code, says] of [
      [[sshd_log], 2, '--target NAME is missing'],
      [[sshd_log, '--target', 'web-1', '--format', 'x'], 2, '--format is wtmp, sshd or postgres'],
      [[sshd_log, '--target', 'web-1', '--offset', '2'], 2, '--offset is'],
      [[sshd_log, '--target', 'web-1', '--since', '2999-01-01'], 1, 'no login in it to compare'],
      [['nowhere', '--target', 'web-1'], 1, 'nowhere: no such file'],
    ] as const) {
      const found = await sluice(['reconcile', ...words, '--data', guarded.data])
      expect(found.code).toBe(code)
      expect(found.stderr).toContain(says)
    }
  })
})
