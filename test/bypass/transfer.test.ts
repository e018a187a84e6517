/** Ways around what policy says of files, with the real rsync over the real wire. */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openTransfers, secret, type Transfers, transfersIn } from '../e2e/transfer.ts'
import { ranOf } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'

const needs = [ssh, sshd, ssh_keygen, '/usr/bin/rsync']

describe('where downloads alone are allowed', () => {
  let it: Transfers
  beforeAll(async () => {
    it = await openTransfers('deny', 'allow')
  }, 60_000)
  afterAll(async () => {
    await it[Symbol.asyncDispose]()
  }, 30_000)

  for (const [what, words] of [
    ['whose --sender is the value of another option', '--server --log-format --sender'],
    ['whose sender writes a file of its own', '--server --sender --log-file=brought'],
    ['that reads its options from the input', '--server --sender -s'],
  ])
    testWith(needs, `an rsync ${what} brings nothing`, async () => {
      writeFileSync(join(it.near, 'new'), 'new')
      const ran = await it.call([
        ...['rsync', '-a', '-e', `ssh -F ${it.config}`],
        // It is started in the home of the account, which is everybody's.
        `--rsync-path=${`rsync ${words}`.replace('brought', join(it.far, 'brought'))}`,
        ...['new', `gateway:${it.far}/brought`],
      ])
      expect(ran.stderr).toContain('policy.transfers.upload: deny')
      expect(existsSync(join(it.far, 'brought'))).toBe(false)
    })
})

describe('where files are scanned', () => {
  let it: Transfers
  beforeAll(async () => {
    it = await openTransfers('scan', 'scan')
  }, 60_000)
  afterAll(async () => {
    await it[Symbol.asyncDispose]()
  }, 30_000)

  testWith(needs, 'an rsync in a terminal is scanned too, and counted', async () => {
    writeFileSync(join(it.near, 'found'), `token ${secret}\n`)
    const { gateway, target, client } = it.guarded
    const shell = join(import.meta.dir, '../fixture/remote-shell.ts')
    const to = { port: gateway.ssh.port, username: `${target.account}@web-1` }
    const child = Bun.spawn(
      ['rsync', '-t', '-e', `${process.execPath} ${shell}`, 'found', `gateway:${it.far}/found`],
      {
        ...{ cwd: it.near, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
        env: { ...Bun.env, REMOTE_SHELL: JSON.stringify({ ...to, key: client.private_key }) },
      },
    )
    const timer = setTimeout(() => child.kill('SIGKILL'), 50_000)
    const ran = await ranOf(child).finally(() => clearTimeout(timer))
    expect(ran.stderr).toContain(
      `upload of ${it.far}/found was stopped: it holds what the rule github-token names`,
    )
    expect(existsSync(join(it.far, 'found'))).toBe(false)
    const [upload] = transfersIn(await it.recorded())
    expect(upload).toMatchObject({ direction: 'upload', outcome: 'stopped', rule: 'github-token' })
    expect(upload?.length).toBeGreaterThan(0)
  })
})
