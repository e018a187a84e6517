/**
 * The old protocol of OpenSSH's scp, and rsync, through the whole gateway to an unmodified sshd: what is exactly
 * that passes as it is and is on record; what only looks like it is masked like any output.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Ran } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import {
  changesIn,
  everything,
  openTransfers,
  secret,
  type Transfers,
  transfersIn,
} from './transfer.ts'

const needs = [ssh, sshd, ssh_keygen, '/usr/bin/scp', '/usr/bin/rsync']
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const secrets = Buffer.from(`token ${secret} and more\n`.repeat(20_000))
const stars = '*'.repeat(secret.length)
const scp = (it: Transfers, ...given: string[]): Promise<Ran> =>
  it.call(['scp', '-O', '-F', it.config, ...given])
const rsync = (it: Transfers, ...given: string[]): Promise<Ran> =>
  it.call(['rsync', '-e', `ssh -F ${it.config}`, ...given])
const differ = (one: string, other: string): string =>
  Bun.spawnSync(['diff', '-r', one, other]).stdout.toString()

describe('scp as it was, and rsync, allowed both ways', () => {
  let it: Transfers
  beforeAll(async () => {
    it = await openTransfers('allow', 'allow')
  }, 60_000)
  afterAll(async () => {
    await it[Symbol.asyncDispose]()
  }, 30_000)
  const far = (name: string): string => join(it.far, name)
  const near = (name: string): string => join(it.near, name)

  testWith(needs, 'scp -O: a file with secrets arrives byte-equal, both ways', async () => {
    writeFileSync(near('secrets'), secrets)
    expect(await scp(it, 'secrets', `gateway:${far('up')}`)).toMatchObject({ code: 0, stderr: '' })
    expect(sha256(readFileSync(far('up')))).toBe(sha256(secrets))
    const up = await it.recorded()
    expect(transfersIn(up)).toMatchObject([
      {
        ...{ tool: 'scp', direction: 'upload', path: `${far('up')} (secrets)` },
        ...{ outcome: 'complete', length: secrets.length },
      },
    ])
    expect(await scp(it, `gateway:${far('up')}`, 'down')).toMatchObject({ code: 0, stderr: '' })
    expect(sha256(readFileSync(near('down')))).toBe(sha256(secrets))
    const down = await it.recorded()
    expect(transfersIn(down)).toMatchObject([
      { direction: 'download', path: far('up'), outcome: 'complete', length: secrets.length },
    ])
    expect(everything([...up, ...down])).not.toContain(secret)
  })

  testWith(needs, 'scp -O -r -p: a tree with its times and modes, both ways', async () => {
    mkdirSync(near('tree/inner'), { recursive: true })
    writeFileSync(near('tree/empty'), '')
    writeFileSync(near('tree/inner/large'), randomBytes(3e6))
    writeFileSync(near('tree/inner/old'), 'old')
    utimesSync(near('tree/inner/old'), 1_000_000_000, 1_000_000_000)
    chmodSync(near('tree/inner/old'), 0o604)
    expect((await scp(it, '-rp', 'tree', `gateway:${far('tree')}`)).code).toBe(0)
    expect(differ(near('tree'), far('tree'))).toBe('')
    const up = await it.recorded()
    expect(transfersIn(up).map(({ outcome }): string => outcome)).toEqual([
      ...['complete', 'complete', 'complete'],
    ])
    expect(changesIn(up)).toEqual([
      `mkdir ${far('tree')} (tree)`,
      `mkdir ${far('tree')} (tree)/inner`,
    ])
    expect((await scp(it, '-rp', `gateway:${far('tree')}`, 'back')).code).toBe(0)
    expect(differ(near('tree'), near('back'))).toBe('')
    expect(statSync(near('back/inner/old')).mtimeMs).toBe(1_000_000_000_000)
    expect(statSync(near('back/inner/old')).mode & 0o777).toBe(0o604)
    expect(transfersIn(await it.recorded()).map(({ path }) => path)).toContain(
      far('tree/inner/old'),
    )
  })

  testWith(needs, 'scp -O: several files, a pattern, and one that is not there', async () => {
    for (const name of ['p1.txt', 'p2.txt', 'p3.txt']) writeFileSync(near(name), name)
    mkdirSync(far('several'))
    expect((await scp(it, 'p1.txt', 'p2.txt', 'p3.txt', `gateway:${far('several')}`)).code).toBe(0)
    mkdirSync(near('matched'))
    expect((await scp(it, `gateway:${far('several/p[12].txt')}`, 'matched')).code).toBe(0)
    expect(readFileSync(near('matched/p2.txt'), 'utf8')).toBe('p2.txt')
    expect(transfersIn(await it.recorded()).map(({ path }) => path)).toEqual([
      ...[far('several/p1.txt'), far('several/p2.txt')],
    ])
    const none = await scp(it, `gateway:${far(`no-${secret}`)}`, 'none')
    expect(none.code).not.toBe(0)
    expect(none.stderr).toContain(`no-${stars}`)
  })

  testWith(needs, 'rsync -a of 300 files, both ways, and once more', async () => {
    mkdirSync(near('many'))
    for (let n = 0; n < 300; n++) writeFileSync(near(`many/${n}`), `${n} ${secret}\n`.repeat(n))
    expect(await rsync(it, '-a', 'many/', `gateway:${far('many')}`)).toMatchObject({
      ...{ code: 0, stderr: '' },
    })
    expect(differ(near('many'), far('many'))).toBe('')
    const up = await it.recorded()
    expect(transfersIn(up)).toMatchObject([
      { tool: 'rsync', direction: 'upload', path: far('many'), outcome: 'complete' },
      { tool: 'rsync', direction: 'download', path: far('many'), outcome: 'complete' },
    ])
    expect(everything(up)).not.toContain(secret)
    expect((await rsync(it, '-a', `gateway:${far('many')}/`, 'again')).code).toBe(0)
    expect(differ(near('many'), near('again'))).toBe('')
    writeFileSync(far('many/7'), 'changed')
    expect((await rsync(it, '-a', '--delete', `gateway:${far('many')}/`, 'again')).code).toBe(0)
    expect(differ(far('many'), near('again'))).toBe('')
  })

  testWith(needs, 'an error of rsync reaches its user, and is no complete transfer', async () => {
    const ran = await rsync(it, '-a', `gateway:${far('nothing-there')}`, 'none')
    expect(ran.code).toBe(23)
    expect(ran.stderr).toContain('No such file or directory')
    const outcomes = transfersIn(await it.recorded()).map(({ outcome }): string => outcome)
    expect(outcomes).toEqual(['incomplete', 'incomplete'])
  })

  testWith(needs, 'what only looks like it is masked', async () => {
    writeFileSync(far('plain'), `${secret}\n`)
    for (const command of [
      `true; scp -f ${far('plain')}`,
      `/usr/bin/scp -f ${far('plain')}`,
      `cat ${far('plain')}; rsync --server --sender . /`,
    ]) {
      const ran = await it.call([
        'sh',
        '-c',
        `printf '\\0\\0\\0\\0' | "$@"`,
        'sh',
        'ssh',
        '-F',
        it.config,
        'gateway',
        command,
      ])
      expect(ran.stdout, command).toContain(stars)
      expect(ran.stdout).not.toContain(secret)
    }
    // By its exact words, but not in its protocol: what a codec does not understand ends the channel.
    const forged = await it.call(['ssh', '-F', it.config, 'gateway', `scp -f ${far('plain')}`])
    expect(forged.stdout).not.toContain(secret)
  })

  testWith(needs, 'what is left verifies, and no fault was logged', async () => {
    await it.recorded()
    const verified = await it.guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    expect(it.guarded.gateway.stderr()).not.toMatch(/"(fault|internal_error|recording_failed)"/)
    const holders = await Bun.$`grep -rlaF ${secret} ${it.guarded.data}`.nothrow().text()
    expect(holders).toBe('')
  })
})

describe('scp as it was, and rsync, scanned', () => {
  let it: Transfers
  beforeAll(async () => {
    it = await openTransfers('deny', 'scan')
    writeFileSync(
      join(it.far, 'found'),
      `${'clean\n'.repeat(50_000)}${secret}\n${'clean\n'.repeat(50_000)}`,
    )
    writeFileSync(join(it.far, 'clean'), 'clean\n'.repeat(50_000))
  }, 60_000)
  afterAll(async () => {
    await it[Symbol.asyncDispose]()
  }, 30_000)

  for (const [tool, run] of Object.entries({ scp, rsync }))
    testWith(needs, `${tool}: what holds nothing passes, a finding stops`, async () => {
      const clean = join(it.near, `clean-${tool}`)
      expect((await run(it, `gateway:${it.far}/clean`, clean)).code).toBe(0)
      expect(differ(join(it.far, 'clean'), clean)).toBe('')
      const found = join(it.near, `found-${tool}`)
      const ran = await run(it, `gateway:${it.far}/found`, found)
      expect(ran.code).not.toBe(0)
      expect(ran.stderr).toContain(
        `download of ${it.far}/found was stopped: it holds what the rule github-token names`,
      )
      if (existsSync(found)) expect(readFileSync(found, 'latin1')).not.toContain(secret)
      expect(transfersIn(await it.recorded())).toContainEqual(
        expect.objectContaining({ outcome: 'stopped', rule: 'github-token' }),
      )
      writeFileSync(join(it.near, 'new'), 'new')
      const denied = await run(it, 'new', `gateway:${it.far}/new`)
      expect(denied.stderr).toContain('policy.transfers.upload: deny')
      expect(existsSync(join(it.far, 'new'))).toBe(false)
    })
})
