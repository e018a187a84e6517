/**
 * Transfers that end badly, through the whole gateway: it dies in the middle, or one side does not speak the
 * protocol; and how one goes on that broke off.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ranOf } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { openTransfers, secret, type Transfers, transfersIn } from './transfer.ts'

const needs = [ssh, sshd, ssh_keygen, '/usr/bin/sftp']

describe('a transfer that ends badly', () => {
  let it: Transfers
  beforeAll(async () => {
    it = await openTransfers('allow', 'allow')
  }, 60_000)
  afterAll(async () => {
    await it[Symbol.asyncDispose]()
  }, 30_000)

  const say = async (stdin: Uint8Array, ...command: string[]) =>
    ranOf(
      Bun.spawn(['ssh', '-F', it.config, ...command], {
        ...{ stdin, stdout: 'pipe', stderr: 'pipe' },
      }),
    )
  const violations = async (): Promise<string[]> =>
    (await it.recorded()).flatMap(({ header }) =>
      header.kind === 'failed' && header.code === 'protocol_violation' ? [header.message] : [],
    )

  testWith(needs, 'a client that does not speak sftp is cut off, and quoted nowhere', async () => {
    const ran = await say(Buffer.from(`${secret}\n`.repeat(100)), '-s', 'gateway', 'sftp')
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toContain('sluice: an SFTP message is longer than any can be')
    expect(await violations()).toEqual(['an SFTP message is longer than any can be'])
    expect(it.guarded.gateway.stderr()).not.toContain(secret)
  })

  testWith(
    needs,
    'a file of 10 GB that broke off near its end goes on there, both ways',
    async () => {
      const [size, left] = [10e9, 1e6]
      const [whole, part] = [join(it.far, 'whole'), join(it.near, 'part')]
      const rest = randomBytes(left)
      // Holes: what was there before is not what is asked.
      const make = (file: string, end: Uint8Array): void => {
        writeFileSync(file, '')
        truncateSync(file, size - left)
        appendFileSync(file, end)
      }
      const endOf = async (file: string): Promise<Buffer> =>
        Buffer.from(
          await Bun.file(file)
            .slice(size - left)
            .bytes(),
        )
      make(whole, rest)
      make(part, Buffer.alloc(0))
      expect(await it.sftp(`reget ${whole} part`)).toMatchObject({ code: 0 })
      expect(statSync(part).size).toBe(size)
      expect((await endOf(part)).equals(rest)).toBe(true)
      const moved = { offset: size - left, length: left, in_order: true, outcome: 'complete' }
      expect(transfersIn(await it.recorded())).toMatchObject([{ direction: 'download', ...moved }])
      make(whole, Buffer.alloc(0))
      expect(await it.sftp(`reput part ${whole}`)).toMatchObject({ code: 0 })
      expect(statSync(whole).size).toBe(size)
      expect((await endOf(whole)).equals(rest)).toBe(true)
      expect(transfersIn(await it.recorded())).toMatchObject([{ direction: 'upload', ...moved }])
      rmSync(whole)
      rmSync(part)
    },
  )

  testWith(needs, 'a client that does not speak scp is cut off', async () => {
    const ran = await say(Buffer.from('C0644 3 x\nabc\0'), 'gateway', `scp -t ${it.far}/x`)
    expect(ran.code).not.toBe(0)
    expect(await violations()).toEqual(['scp goes on before it was answered'])
    expect(existsSync(join(it.far, 'x'))).toBe(false)
  })

  testWith(
    needs,
    'the gateway dies: the transfer began, has no end, and all of it verifies',
    async () => {
      const file = join(it.far, 'endless')
      Bun.spawnSync(['truncate', '-s', '8G', file])
      const child = Bun.spawn(['sftp', '-F', it.config, '-b', '-', 'gateway'], {
        ...{ cwd: it.near, stdin: new TextEncoder().encode(`get ${file} part\n`) },
        ...{ stdout: 'ignore', stderr: 'ignore' },
      })
      const part = join(it.near, 'part')
      while (!existsSync(part) || statSync(part).size < 1e6) await Bun.sleep(10)
      await it.guarded.gateway.kill9()
      expect(await child.exited).not.toBe(0)
      await it.guarded.restart()
      const records = await it.recorded()
      expect(records.map(({ header }) => header)).toContainEqual(
        expect.objectContaining({ kind: 'transfer_start', path: file, direction: 'download' }),
      )
      expect(transfersIn(records)).toEqual([])
      const verified = await it.guarded.verify()
      expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    },
  )
})
