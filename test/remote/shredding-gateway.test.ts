/**
 * A session is shredded by hand, over the real wire: ssh on one side, Ceph on the other, two workers between, and the gateway
 * killed behind its answer.
 */
import { expect } from 'bun:test'
import { join } from 'node:path'
import type { Report } from '../../storage/verify/report.ts'
import { sluice } from '../fixture/gateway.ts'
import { openGuarded } from '../fixture/guarded.ts'
import type { Ran } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { until } from '../fixture/until.ts'
import { bucketOf, Folder } from './world.ts'

const ceph = shareCeph()

testSlow(
  [ssh, sshd, ssh_keygen, ...ceph_components],
  'a session is shredded by who may, and the bucket shows that it was, and nothing of it',
  async () => {
    const store = await ceph()
    const name = await store.makeBucket({ shreds: true })
    const owner = bucketOf(store, name, store.owner)
    await using guarded = await openGuarded({
      arguments: ['--workers', '2'],
      // Workers whose gateway was killed end by themselves before others take their place.
      ready_ms: 60_000,
      sections: {
        evidence: {
          ...{ auditors: ['./auditor.jwk'], canary_s: 0, shred: 'gateway' },
          release: { quorum: 1 },
          s3: { endpoint: store.endpoint, bucket: name, lag_max_s: 60, ...store.gateway.files },
          retention: [{ labels: {}, days: 10 }],
        },
      },
    })
    await guarded.trust()
    const gateway = (): string[] => ['--data', guarded.data, '--url', guarded.gateway.api]
    const asked = (...words: readonly string[]): Promise<Ran> =>
      sluice([...words, ...gateway(), '--as', 'olga'])
    const shred = (id: string): Promise<Ran> =>
      asked('retention', 'shred', id, '--reason', 'article 17')
    const approve = (asked_for: Ran, as: string): Promise<Ran> => {
      const id = /sluice approve (r\w+)\n$/.exec(asked_for.stdout)?.[1] ?? ''
      return sluice(['approve', id, ...gateway(), '--as', as])
    }
    const address = [`s3://${name}`, '--endpoint', store.endpoint]
    const keys = ['--access-key-file', store.owner.files.access_key_file]
    const secret = ['--secret-key-file', store.owner.files.secret_key_file]
    const verified = async (): Promise<Report> => {
      const trust = ['--trust', join(guarded.dir, 'trust.json'), '--json']
      const { stdout, stderr } = await sluice(['verify', ...address, ...keys, ...secret, ...trust])
      if (stdout === '') throw new Error(stderr)
      return JSON.parse(stdout) as Report
    }
    const verifies = (sessions: number): Promise<Report> =>
      until('the bucket verifies', async () => {
        const report = await verified()
        const is_done = report.verdict === 'verified' && report.checked.sessions === sessions
        return is_done && !report.findings.some(({ code }) => code === 'session_open')
          ? report
          : undefined
      })
    const keysThere = async (): Promise<readonly string[]> => {
      const all = await Array.fromAsync(owner.versions(''))
      return all.flatMap(({ key, kind }) =>
        kind === 'version' && key.endsWith('/key') ? (key.split('/')[3] ?? '') : [],
      )
    }

    for (const word of ['zebra', 'panda'])
      expect((await guarded.run(`echo ${word}-said`)).stdout).toBe(`${word}-said\n`)
    const [panda, zebra] = await until('two have ended', async () => {
      const all = await guarded.look()
      return all.length === 2 && all.every(({ end_reason }) => end_reason !== undefined)
        ? all
        : undefined
    })
    if (panda === undefined || zebra === undefined) throw new Error('there are two')
    await verifies(2)
    expect((await keysThere()).toSorted()).toEqual([panda.id, zebra.id].toSorted())
    for await (const { key, version } of owner.versions('')) {
      const found = await owner.get(key, version)
      expect(Buffer.from(found?.bytes ?? []).includes('zebra-said')).toBe(false)
    }

    const set = await asked('hold', 'set', '--session', zebra.id, '--reason', 'case 7', '--json')
    const { id: hold } = JSON.parse(set.stdout) as { id: string }
    // A worker is told a moment later.
    await Bun.sleep(1_000)
    const held = await shred(zebra.id)
    expect([held.code, held.stderr]).toEqual([1, expect.stringContaining(`legal hold ${hold} is`)])
    const lift = (id: string): Promise<Ran> => asked('hold', 'lift', id, '--reason', 'case closed')
    expect((await approve(await lift(hold), 'bob')).code).toBe(0)
    const nobody = await shred(zebra.id.replace(/.{4}$/, 'ffff'))
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('no such session')])

    await Bun.sleep(1_000)
    // What is held meanwhile stays, although somebody else agrees.
    const waits = await shred(zebra.id)
    expect(waits.stdout, waits.stderr).toStartWith(`${zebra.id}: waits for an approval by somebody`)
    const own = await approve(waits, 'olga')
    expect([own.code, own.stderr]).toEqual([1, expect.stringContaining('by somebody else')])
    const late = await asked('hold', 'set', '--subject', 'ann', '--reason', 'case 8', '--json')
    const { id: late_hold } = JSON.parse(late.stdout) as { id: string }
    await Bun.sleep(1_000)
    const in_vain = await approve(waits, 'bob')
    expect([in_vain.code, in_vain.stderr]).toEqual([
      1,
      expect.stringContaining(`legal hold ${late_hold} is over session ${zebra.id}`),
    ])
    expect((await approve(await lift(late_hold), 'bob')).code).toBe(0)
    await Bun.sleep(1_000)
    // That approval is used up.
    expect((await approve(waits, 'bob')).code).toBe(1)
    const shredded = await approve(await shred(zebra.id), 'bob')
    expect(shredded.stdout, shredded.stderr).toContain(`: approved: shred session ${zebra.id}`)
    // At once, in the midst of it.
    process.kill(guarded.gateway.pid, 'SIGKILL')
    await guarded.gateway.exited
    await guarded.restart()
    const isGone = async (): Promise<boolean> => !(await keysThere()).includes(zebra.id)
    await until('its key is gone', isGone)
    expect(await keysThere()).toEqual([panda.id])
    const report = await verifies(1)
    const said = report.findings.filter(({ code }) => code === 'session_shredded')
    expect(said.map(({ session }) => session)).toEqual([zebra.id])
    expect(said[0]?.message).toContain('by "olga", approved by "bob"')

    const again = await shred(zebra.id)
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('was shredded')])
    for (const verb of [
      ['show', zebra.id],
      ['bundle', zebra.id, '-o', join(guarded.dir, 'x.zip')],
    ])
      expect((await sluice([...verb, '--data', guarded.data])).stderr).toContain('was shredded')

    using made = new Folder()
    const archive = join(made.path, 'archive')
    const index = await sluice(['index', ...address, ...keys, ...secret, '-o', archive])
    expect(index.code, index.stderr).toBe(0)
    const shown = await sluice(['replay', panda.id, '--data', archive])
    expect(shown.stdout, shown.stderr).toContain('panda-said')
    expect((await sluice(['show', zebra.id, '--data', archive])).stderr).toContain('was shredded')
  },
  300_000,
)
