/**
 * OpenSSH's own sftp, and scp on top of it, through the whole gateway to an unmodified sshd: content passes as it
 * is, names are masked, what policy denies is answered by the gateway, and everything is on record.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import {
  changesIn,
  everything,
  openTransfers,
  secret,
  type Transfers,
  transfersIn,
} from './transfer.ts'

const needs = [ssh, sshd, ssh_keygen, '/usr/bin/sftp', '/usr/bin/scp']
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const secrets = Buffer.from(`token ${secret} and more\n`.repeat(40_000))
const stars = '*'.repeat(secret.length)

describe('sftp, allowed both ways', () => {
  let it: Transfers
  beforeAll(async () => {
    it = await openTransfers('allow', 'allow')
  }, 60_000)
  afterAll(async () => {
    await it[Symbol.asyncDispose]()
  }, 30_000)
  const far = (name: string): string => join(it.far, name)
  const near = (name: string): string => join(it.near, name)

  testWith(needs, 'a file with secrets arrives byte-equal, both ways', async () => {
    writeFileSync(far('secrets'), secrets)
    const ran = await it.sftp(`get ${far('secrets')} got\nput got ${far('put')}`)
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(sha256(readFileSync(near('got')))).toBe(sha256(secrets))
    expect(sha256(readFileSync(far('put')))).toBe(sha256(secrets))
    const records = await it.recorded()
    const whole = { outcome: 'complete', offset: 0, length: secrets.length, in_order: true }
    expect(transfersIn(records)).toMatchObject([
      { direction: 'download', path: far('secrets'), tool: 'sftp', ...whole },
      { direction: 'upload', path: far('put'), tool: 'sftp', ...whole },
    ])
    expect(everything(records)).not.toContain(secret)
    const [download, upload] = transfersIn(records)
    expect(download?.digest).toBe(upload?.digest ?? '')
    // Not what anybody could compute who guesses the file.
    expect(everything(records)).not.toContain(sha256(secrets))
    const unkeyed = createHmac('sha256', '').update(secrets).digest('hex')
    expect(everything(records)).not.toContain(unkeyed)
    // The start is on record before the first byte, the end before the file is closed.
    const kinds = records.map(({ header }) => header.kind)
    expect(kinds.indexOf('transfer_start')).toBeLessThan(kinds.indexOf('transfer'))
  })

  testWith(needs, 'an empty file, and one of 20 MB', async () => {
    const large = randomBytes(20e6)
    writeFileSync(near('large'), large)
    writeFileSync(near('empty'), '')
    const ran = await it.sftp(
      `put large ${far('large')}\nput empty ${far('empty')}\nget ${far('large')} back\nget ${far('empty')} none`,
    )
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(sha256(readFileSync(near('back')))).toBe(sha256(large))
    expect(statSync(near('none')).size).toBe(0)
    expect(
      transfersIn(await it.recorded()).map(({ length, outcome }) => [length, outcome]),
    ).toEqual([
      [20e6, 'complete'],
      [0, 'complete'],
      [20e6, 'complete'],
      [0, 'complete'],
    ])
  })

  testWith(needs, 'everything else that its client can do', async () => {
    mkdirSync(far('work'))
    writeFileSync(near('one'), 'one')
    const batch = [
      `cd ${far('work')}`,
      'put one',
      'mkdir folder',
      'chmod 640 one',
      'rename one folder/two',
      'symlink two folder/link',
      'ln folder/two folder/hard',
      'ls -la folder',
      'df',
      'df -h',
      'pwd',
      'rm folder/hard',
      'mkdir gone',
      'rmdir gone',
      '-rm nothing',
      'cp folder/two folder/copied',
    ]
    const ran = await it.sftp(batch.join('\n'))
    expect(ran.code, ran.stderr).toBe(0)
    expect(ran.stderr).toContain('No such file or directory')
    expect(ran.stdout).toContain('%Capacity')
    expect(ran.stdout).toContain('Remote working directory: ')
    expect(readlinkSync(far('work/folder/link'))).toBe('two')
    expect(readFileSync(far('work/folder/copied'), 'utf8')).toBe('one')
    expect(statSync(far('work/folder/two')).mode & 0o777).toBe(0o640)
    expect(readdirSync(far('work/folder')).toSorted()).toEqual(['copied', 'link', 'two'])
    const changes = changesIn(await it.recorded()).map((line) => line.replaceAll(`${it.far}/`, ''))
    for (const line of [
      'mkdir work/folder',
      'setstat work/one',
      'rename work/one work/folder/two',
      'symlink two work/folder/link',
      'hardlink work/folder/two work/folder/hard',
      'remove work/folder/hard',
      'rmdir work/gone',
      'copy work/folder/two work/folder/copied',
    ])
      expect(changes).toContain(line)
  })

  testWith(needs, 'resume from where it broke off, both ways', async () => {
    const whole = randomBytes(3e6)
    writeFileSync(far('resume'), whole)
    writeFileSync(near('resume'), whole.subarray(0, 1_000_001))
    const got = await it.sftp(`reget ${far('resume')} resume`)
    expect(got).toMatchObject({ code: 0 })
    expect(sha256(readFileSync(near('resume')))).toBe(sha256(whole))
    expect(transfersIn(await it.recorded())).toMatchObject([
      { offset: 1_000_001, length: 1_999_999, outcome: 'complete' },
    ])
    writeFileSync(far('resume'), whole.subarray(0, 500_000))
    expect((await it.sftp(`reput resume ${far('resume')}`)).code).toBe(0)
    expect(sha256(readFileSync(far('resume')))).toBe(sha256(whole))
    expect(transfersIn(await it.recorded())).toMatchObject([
      { offset: 500_000, length: 2_500_000, direction: 'upload', outcome: 'complete' },
    ])
  })

  testWith(needs, 'a tree, both ways, with times and modes', async () => {
    mkdirSync(near('tree/inner'), { recursive: true })
    for (let n = 0; n < 40; n++)
      writeFileSync(near(`tree/inner/${n}`), `file ${n}`, { mode: 0o604 })
    expect((await it.sftp(`put -rp tree ${far('tree')}`)).code).toBe(0)
    expect(transfersIn(await it.recorded())).toHaveLength(40)
    expect((await it.sftp(`get -rp ${far('tree')} copied`)).code).toBe(0)
    for (let n = 0; n < 40; n++) {
      const [from, to] = [near(`tree/inner/${n}`), near(`copied/inner/${n}`)]
      expect(readFileSync(to, 'utf8')).toBe(`file ${n}`)
      expect(Math.floor(statSync(to).mtimeMs / 1000)).toBe(
        Math.floor(statSync(from).mtimeMs / 1000),
      )
      expect(statSync(to).mode & 0o777).toBe(0o604)
    }
  })

  testWith(needs, 'names, links and messages are masked to their length', async () => {
    mkdirSync(far('names'))
    writeFileSync(far(`names/${secret}.txt`), 'x')
    const batch = [
      `-symlink ${secret} ${far('names/link')}`,
      `ls -l ${far('names')}`,
      `-get ${far(`names/no-${secret}`)}`,
    ]
    const ran = await it.sftp(batch.join('\n'))
    const shown = ran.stdout
      .split('\n')
      .filter((line) => !line.startsWith('sftp> '))
      .join('\n')
    expect(shown).toContain(`${stars}.txt`)
    expect(shown).not.toContain(secret)
    expect(lstatSync(far('names/link')).isSymbolicLink()).toBe(true)
    expect(everything(await it.recorded())).not.toContain(secret)
  })

  testWith(needs, 'scp as it is now: a file with secrets, a tree, times', async () => {
    mkdirSync(near('deep/er'), { recursive: true })
    writeFileSync(near('deep/er/secrets'), secrets)
    const to = far('by-scp')
    expect(await it.call(['scp', '-F', it.config, '-rp', 'deep', `gateway:${to}`])).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect(sha256(readFileSync(join(to, 'er/secrets')))).toBe(sha256(secrets))
    expect(transfersIn(await it.recorded())).toMatchObject([
      { direction: 'upload', path: join(to, 'er/secrets'), outcome: 'complete' },
    ])
    expect((await it.call(['scp', '-F', it.config, '-rp', `gateway:${to}`, 'back-scp'])).code).toBe(
      0,
    )
    expect(sha256(readFileSync(near('back-scp/er/secrets')))).toBe(sha256(secrets))
  })

  testWith(needs, 'killed in the middle: on record, and incomplete', async () => {
    const file = far('endless')
    Bun.spawnSync(['truncate', '-s', '8G', file])
    const child = Bun.spawn(['sftp', '-F', it.config, '-b', '-', 'gateway'], {
      ...{ cwd: it.near, stdin: new TextEncoder().encode(`get ${file} part\n`) },
      ...{ stdout: 'ignore', stderr: 'ignore' },
    })
    while (!existsSync(near('part')) || statSync(near('part')).size < 1e6) await Bun.sleep(10)
    child.kill('SIGKILL')
    await child.exited
    rmSync(file)
    const [transfer] = transfersIn(await it.recorded())
    expect(transfer).toMatchObject({ outcome: 'incomplete', direction: 'download', path: file })
    expect(transfer?.length).toBeGreaterThanOrEqual(statSync(near('part')).size)
    rmSync(near('part'))
  })

  testWith(needs, 'it is shown, and found by its path and its tool', async () => {
    writeFileSync(near('findme'), 'x')
    expect((await it.sftp(`put findme ${far('findme')}`)).code).toBe(0)
    await it.recorded()
    const data = ['--data', it.guarded.data]
    const shown = await sluice(['show', 'last', ...data])
    expect(shown.stdout).toContain(`upload of ${far('findme')} by sftp`)
    expect(shown.stdout).toContain(`upload of ${far('findme')} complete: 1 B, digest `)
    for (const search of [
      ['--text', 'findme'],
      ['--program', 'sftp', '--limit', '1'],
    ]) {
      const found = await sluice(['sessions', ...search, ...data, '--json'])
      expect(JSON.parse(found.stdout)).toHaveLength(1)
    }
  })

  testWith(needs, 'what is left verifies, and no fault was logged', async () => {
    await it.recorded()
    const { guarded } = it
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    const faults = guarded.gateway
      .stderr()
      .split('\n')
      .filter((line) => /"(fault|internal_error|recording_failed)"/.test(line))
    expect(faults).toEqual([])
    const holders = await Bun.$`grep -rlaF ${secret} ${guarded.data}`.nothrow().text()
    expect(holders).toBe('')
  })
})

describe('sftp, one way alone', () => {
  for (const allowed of ['upload', 'download'] as const)
    describe(`${allowed} allowed`, () => {
      const other = allowed === 'upload' ? 'download' : 'upload'
      let it: Transfers
      beforeAll(async () => {
        it =
          allowed === 'upload'
            ? await openTransfers('allow', 'deny')
            : await openTransfers('deny', 'allow')
        writeFileSync(join(it.far, 'there'), 'there')
        writeFileSync(join(it.near, 'here'), 'here')
      }, 60_000)
      afterAll(async () => {
        await it[Symbol.asyncDispose]()
      }, 30_000)
      const denials = async (): Promise<string[]> =>
        (await it.recorded()).flatMap(({ header }) =>
          header.kind === 'verdict' && !header.allowed ? [`${header.rule}: ${header.asked}`] : [],
        )

      testWith(needs, 'what is allowed works, and listing does', async () => {
        const move = allowed === 'upload' ? `put here ${it.far}/up` : `get ${it.far}/there down`
        const ran = await it.sftp(`ls -l ${it.far}\n${move}`)
        expect(ran).toMatchObject({ code: 0, stderr: '' })
        expect(ran.stdout).toContain('there')
        const at = allowed === 'upload' ? join(it.far, 'up') : join(it.near, 'down')
        expect(existsSync(at)).toBe(true)
        expect(await denials()).toEqual([])
      })

      testWith(needs, 'the other way is denied, by policy and in so many words', async () => {
        const move = other === 'upload' ? `put here ${it.far}/no` : `get ${it.far}/there no`
        const ran = await it.sftp(move)
        expect(ran.code).not.toBe(0)
        expect(ran.stderr).toContain(`${other} is off by policy: policy.transfers.${other}: deny`)
        expect(existsSync(join(it.far, 'no'))).toBe(false)
        const bytes = existsSync(join(it.near, 'no')) ? statSync(join(it.near, 'no')).size : 0
        expect(bytes).toBe(0)
        const path = other === 'upload' ? `${it.far}/no` : `${it.far}/there`
        expect(await denials()).toEqual([`policy.transfers.${other}: sftp open ${path}`])
      })

      testWith(needs, 'scp says so too', async () => {
        const away = `gateway:${it.far}/no`
        const ran = await it.call(
          other === 'upload'
            ? ['scp', '-F', it.config, 'here', away]
            : ['scp', '-F', it.config, `gateway:${it.far}/there`, 'no'],
        )
        expect(ran.code).not.toBe(0)
        expect(ran.stderr).toContain('is off by policy')
        expect(existsSync(join(it.far, 'no'))).toBe(false)
      })

      if (other === 'upload')
        testWith(needs, 'nothing at the target is changed', async () => {
          const batch = [
            `-mkdir ${it.far}/d`,
            `-rm ${it.far}/there`,
            `-rename ${it.far}/there ${it.far}/moved`,
            `-chmod 600 ${it.far}/there`,
            `-symlink there ${it.far}/l`,
            `-ln ${it.far}/there ${it.far}/h`,
            `-rmdir ${it.far}`,
          ]
          const before = statSync(join(it.far, 'there')).mode
          const ran = await it.sftp(batch.join('\n'))
          expect(ran.code).toBe(0)
          expect(readdirSync(it.far)).toEqual(['there'])
          expect(statSync(join(it.far, 'there')).mode).toBe(before)
          const asked = (await denials()).map((line) => line.split(' ')[2])
          expect(asked).toEqual([
            ...['mkdir', 'remove', 'rename', 'setstat', 'symlink', 'hardlink', 'rmdir'],
          ])
          expect(changesIn(await it.recorded())).toEqual([])
        })

      testWith(needs, 'what is left verifies', async () => {
        await it.recorded()
        expect((await it.guarded.verify()).code).toBe(0)
      })
    })
})

describe('sftp, scanned', () => {
  let it: Transfers
  beforeAll(async () => {
    it = await openTransfers('scan', 'scan')
  }, 60_000)
  afterAll(async () => {
    await it[Symbol.asyncDispose]()
  }, 30_000)
  // A finding somewhere in the middle, with more behind it.
  const found = Buffer.from(
    `${'clean\n'.repeat(50_000)}token ${secret}\n${'clean\n'.repeat(50_000)}`,
  )

  testWith(needs, 'what holds nothing passes', async () => {
    const clean = randomBytes(2e6).toString('hex').replaceAll(/[0-9]/g, 'x')
    writeFileSync(join(it.far, 'clean'), clean)
    const ran = await it.sftp(`get ${it.far}/clean\nput clean ${it.far}/up`)
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(readFileSync(join(it.far, 'up'), 'latin1') === clean).toBe(true)
  })

  for (const direction of ['download', 'upload'] as const)
    testWith(needs, `${direction} stops at a finding, and says where and why`, async () => {
      const [there, here] = [
        join(it.far, `found-${direction}`),
        join(it.near, `found-${direction}`),
      ]
      writeFileSync(direction === 'download' ? there : here, found)
      const move = direction === 'download' ? `get ${there} ${here}` : `put ${here} ${there}`
      const ran = await it.sftp(`${move}\nls`)
      expect(ran.code).not.toBe(0)
      expect(ran.stderr).toContain(
        `${direction} of ${there} was stopped: it holds what the rule github-token names`,
      )
      expect(readFileSync(direction === 'download' ? here : there, 'latin1')).not.toContain(secret)
      const records = await it.recorded()
      expect(transfersIn(records)).toMatchObject([
        { direction, path: there, outcome: 'stopped', rule: 'github-token' },
      ])
      expect(records.map(({ header }) => header)).toContainEqual(
        expect.objectContaining({ kind: 'failed', code: 'transfer_stopped' }),
      )
    })

  testWith(needs, 'what cannot be scanned is refused', async () => {
    const ran = await it.call(['ssh', '-F', it.config, 'gateway', '/usr/bin/scp -f /etc/hostname'])
    expect(ran.code).toBe(126)
    expect(ran.stderr).toContain('cannot be scanned')
  })

  testWith(needs, 'what is left verifies, and no fault was logged', async () => {
    await it.recorded()
    expect((await it.guarded.verify()).code).toBe(0)
    expect(it.guarded.gateway.stderr()).not.toMatch(/"(fault|internal_error|recording_failed)"/)
  })
})
