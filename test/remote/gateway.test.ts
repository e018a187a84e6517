/**
 * A gateway with a bucket, over the real wire: ssh on one side, Ceph on the other.
 */
import { describe, expect } from 'bun:test'
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openReader } from '../../storage/store/reader.ts'
import type { Report } from '../../storage/verify/report.ts'
import type { Ceph } from '../fixture/ceph.ts'
import { runGateway, sluice, startGateway } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { ceph_components, shareCeph } from '../fixture/share-ceph.ts'
import { runSsh, sshArguments } from '../fixture/ssh.ts'

const needs = [ssh, sshd, ssh_keygen, ...ceph_components]
const ceph = shareCeph()
const long_ms = 120_000

interface Kept {
  readonly store: Ceph
  readonly bucket: string
  readonly guarded: Guarded
}

async function openKept(
  options: { readonly replication?: 'required' | 'queued'; readonly lag_max_s?: number } = {},
): Promise<Kept> {
  const store = await ceph()
  const bucket = await store.makeBucket()
  const guarded = await openGuarded({
    sections: { evidence: section(store, bucket, options) },
  })
  return { store, bucket, guarded }
}

const section = (store: Ceph, bucket: string, options: object = {}) => {
  const { replication = 'required', lag_max_s = 60 } = options as Record<string, unknown>
  return {
    auditors: ['./auditor.jwk'],
    replication,
    s3: {
      ...{ endpoint: store.endpoint, bucket, lag_max_s },
      ...store.gateway.files,
    },
    retention: [
      { labels: { env: 'test' }, days: 30 },
      { labels: {}, days: 10 },
    ],
  }
}

interface Health {
  readonly status: string
  readonly reasons: readonly string[]
  readonly replication?: {
    readonly append_only: boolean
    readonly lag_s: number
    readonly sent_objects: number
  }
}

async function healthOf(guarded: Guarded): Promise<Health & { readonly code: number }> {
  const answer = await fetch(`${guarded.gateway.api}/healthz`)
  return { ...((await answer.json()) as Health), code: answer.status }
}

async function until(
  what: string,
  holds: () => Promise<boolean>,
  within_ms = 40_000,
): Promise<void> {
  for (const end_ms = Date.now() + within_ms; !(await holds()); await Bun.sleep(100))
    if (Date.now() > end_ms) throw new Error(`never: ${what}`)
}

async function onBucket(
  verb: 'verify' | 'index',
  { store, bucket }: Pick<Kept, 'store' | 'bucket'>,
  ...words: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn(
    [
      ...[process.execPath, join(import.meta.dir, '../../proxy/cli/main.ts'), verb],
      ...[`s3://${bucket}`, '--endpoint', store.endpoint, '--json', ...words],
    ],
    {
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: store.owner.access_key,
        AWS_SECRET_ACCESS_KEY: store.owner.secret_key,
      },
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  const [stdout, stderr, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}

const trustOf = ({ dir }: Guarded): string => join(dir, 'trust.json')

/** Everything that ended is in the bucket, and so is what the log says of it. */
async function verifiedFromBucket(
  kept: Kept,
  sessions: number,
  isDone: (report: Report) => boolean = () => true,
): Promise<Report> {
  for (const end_ms = Date.now() + 30_000; ; await Bun.sleep(500)) {
    const said = await onBucket('verify', kept, '--trust', trustOf(kept.guarded))
    const report = JSON.parse(said.stdout === '' ? '{}' : said.stdout) as Report
    const { verdict, checked } = report
    if (verdict === 'verified' && checked.sessions >= sessions && isDone(report)) return report
    if (Date.now() > end_ms)
      throw new Error(`the bucket is not verified: ${said.stdout}${said.stderr}`)
  }
}

describe('a gateway with a bucket', () => {
  testSlow(
    needs,
    'is verified, searched and served from the bucket alone',
    async () => {
      const kept = await openKept()
      await using guarded = kept.guarded
      await guarded.trust()
      expect((await guarded.run('echo from the bucket; seq 1 20000')).code).toBe(0)
      expect((await guarded.run('echo again')).code).toBe(0)
      // Once the end of the second one has arrived too, there is nothing to remark.
      await verifiedFromBucket(kept, 2, ({ findings }) => findings.length === 0)
      // Something of the gateway's own may be on its way at any one moment.
      await until('nothing waits to be sent', async () => {
        const { replication } = await healthOf(guarded)
        return replication?.append_only === true && replication.lag_s === 0
      })
      // What waits when the gateway is told to end is sent before it does.
      await guarded.run('echo the last one')
      expect(await guarded.gateway.stop()).toBe(0)
      rmSync(guarded.data, { recursive: true })
      const last = await onBucket('verify', kept, '--trust', trustOf(guarded))
      expect(JSON.parse(last.stdout)).toMatchObject({
        verdict: 'verified',
        checked: { sessions: 3 },
      })

      const archive = join(guarded.dir, 'archive')
      const made = await onBucket('index', kept, '-o', archive)
      expect(JSON.parse(made.stdout)).toMatchObject([{ data: archive, sessions: 3 }])
      const checked = await sluice(['verify', archive, '--trust', trustOf(guarded), '--json'])
      expect(JSON.parse(checked.stdout)).toMatchObject({ verdict: 'verified' })
      // The auditors' own instance: another data directory, in whose log their reading is.
      const data = join(guarded.dir, 'auditors')
      mkdirSync(data)
      const config = join(guarded.dir, 'gateway/sluice.yaml')
      await using auditors = await startGateway({
        ...{ config, data, arguments: ['--archive', archive] },
      })
      const token = (await sluice(['token', '--data', data, '--role', 'auditor'])).stdout.trim()
      const headers = { authorization: `Bearer ${token}` }
      const found = await fetch(`${auditors.api}/api/sessions?text=bucket`, { headers })
      const { sessions } = (await found.json()) as { sessions: { id: string }[] }
      expect(sessions).toHaveLength(1)
      const cast = await fetch(`${auditors.api}/api/sessions/${sessions[0]?.id}/cast`, {
        headers,
      })
      expect(await cast.text()).toContain('from the bucket')
    },
    long_ms,
  )

  testSlow(
    needs,
    'does not start on an older copy of its data directory, nor with a bucket that keeps nothing',
    async () => {
      const kept = await openKept()
      await using guarded = kept.guarded
      await guarded.run('echo one')
      expect(await guarded.gateway.stop()).toBe(0)
      const copy = `${guarded.data}.copy`
      cpSync(guarded.data, copy, { recursive: true })
      await guarded.restart()
      await guarded.run('echo two')
      expect(await guarded.gateway.stop()).toBe(0)
      renameSync(guarded.data, `${guarded.data}.newer`)
      renameSync(copy, guarded.data)
      const config = join(guarded.dir, 'gateway/sluice.yaml')
      const rolled = await runGateway({ config, data: guarded.data })
      expect(rolled.code).toBe(1)
      expect(rolled.stderr).toContain('the bucket holds a signed checkpoint over')
      expect(rolled.stdout).toBe('')
      // Nothing was written to the older copy either: it can still be told what it is.
      renameSync(guarded.data, copy)
      renameSync(`${guarded.data}.newer`, guarded.data)
      await guarded.restart()
      expect((await guarded.run('echo three')).code).toBe(0)

      const bare = await kept.store.makeBucket({ lock: false })
      const text = await Bun.file(config).text()
      const other = join(guarded.dir, 'gateway/bare.yaml')
      await Bun.write(other, text.replace(kept.bucket, bare))
      const data = join(guarded.dir, 'bare')
      mkdirSync(data)
      const unlocked = await runGateway({ config: other, data })
      expect([unlocked.code, unlocked.stdout]).toEqual([1, ''])
      expect(unlocked.stderr).toContain('the bucket is not append-only')
    },
    long_ms,
  )

  testSlow(
    needs,
    'with workers: each log lies under its own name, and all of them are one archive',
    async () => {
      const store = await ceph()
      const bucket = await store.makeBucket()
      const sections = { evidence: section(store, bucket) }
      await using guarded = await openGuarded({ sections })
      await guarded.gateway.stop()
      const config = join(guarded.dir, 'gateway/sluice.yaml')
      await using gateway = await startGateway({
        ...{ config, data: guarded.data, arguments: ['--workers', '2'] },
      })
      await guarded.trust()
      const login = `${guarded.target.account}@web-1`
      const identities = [guarded.client.file]
      const ran = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          runSsh({ port: gateway.ssh.port, login, identities, command: `echo worker ${n}` }),
        ),
      )
      expect(ran.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0])
      const kept: Kept = { store, bucket, guarded }
      const report = await verifiedFromBucket(kept, 6)
      expect(report.logs).toHaveLength(3)
      const archive = join(guarded.dir, 'archive')
      const made = await onBucket('index', kept, '-o', archive)
      expect(JSON.parse(made.stdout)).toHaveLength(3)
      const checked = await sluice(['verify', archive, '--trust', trustOf(guarded), '--json'])
      expect(JSON.parse(checked.stdout)).toMatchObject({
        ...{ verdict: 'verified', checked: { sessions: 6 } },
      })
    },
    long_ms,
  )

  testSlow(
    needs,
    'required: when the bucket is too far behind, output waits and nobody new comes in; nothing is lost',
    async () => {
      const kept = await openKept({ lag_max_s: 5 })
      await using guarded = kept.guarded
      await guarded.trust()
      const login = `${guarded.target.account}@web-1`
      // A number every half second.
      const child = Bun.spawn(
        sshArguments({
          ...{ port: guarded.gateway.ssh.port, identities: [guarded.client.file], login },
          options: ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=4'],
          command: 'for n in $(seq 1 30); do echo $n; sleep 0.5; done',
        }),
        { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' },
      )
      let text = ''
      const reading = (async () => {
        const decoder = new TextDecoder()
        for await (const part of child.stdout) text += decoder.decode(part)
      })()
      await until('the first number', async () => text.includes('1\n'))
      await kept.store.killGateway()
      await until('health is red', async () => (await healthOf(guarded)).code === 503)
      const red = await healthOf(guarded)
      expect(red.reasons.join()).toContain('replication is')
      await Bun.sleep(500)
      const before = text
      await Bun.sleep(3_000)
      expect(text).toBe(before)
      const refused = await guarded.run('echo nobody sees this')
      expect(refused.code).not.toBe(0)
      expect(refused.stdout).toBe('')
      expect(refused.stderr).toContain('replication is')
      await kept.store.startGateway()
      await until('health is green', async () => (await healthOf(guarded)).code === 200, 90_000)
      expect(await child.exited).toBe(0)
      await reading
      expect(text).toBe(`${Array.from({ length: 30 }, (_, n) => n + 1).join('\n')}\n`)
      expect((await guarded.run('echo again')).code).toBe(0)
      await verifiedFromBucket(kept, 2)
    },
    long_ms,
  )

  testSlow(
    needs,
    'queued: goes on without the bucket, and a killed gateway sends the rest when both are back',
    async () => {
      const kept = await openKept({ replication: 'queued', lag_max_s: 5 })
      await using guarded = kept.guarded
      await guarded.trust()
      await verifiedFromBucket(kept, 0)
      await kept.store.killGateway()
      for (let n = 0; n < 5; n++)
        expect((await guarded.run(`echo session ${n}; seq 1 5000`)).code).toBe(0)
      await until('health is red', async () => (await healthOf(guarded)).code === 503)
      expect((await guarded.run('echo still here')).code).toBe(0)
      await guarded.gateway.kill9()
      // It starts without the bucket, says so, and goes on.
      await guarded.restart()
      expect((await healthOf(guarded)).reasons.join()).toContain('not proven')
      expect((await guarded.run('echo and here')).code).toBe(0)
      await kept.store.startGateway()
      const report = await verifiedFromBucket(kept, 7)
      expect(report.findings.filter(({ severity }) => severity === 'failure')).toEqual([])
      const local = await guarded.verify()
      expect(JSON.parse(local.stdout)).toMatchObject({ verdict: 'verified' })
      const reader = openReader(guarded.data)
      const { sessions } = await reader.sessions({})
      reader.close()
      expect(sessions).toHaveLength(7)
      await until('health is green', async () => (await healthOf(guarded)).code === 200, 90_000)
    },
    long_ms,
  )
})
