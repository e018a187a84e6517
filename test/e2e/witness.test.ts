/**
 * A gateway shows its log to a witness that another process runs: what the witness saw is verified, also by Go, and a
 * gateway that was rolled back to an old copy is told so.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBase64, toHex } from '../../storage/evidence/bytes.ts'
import { parseCheckpoint } from '../../storage/evidence/checkpoint.ts'
import { parseWitness } from '../../storage/evidence/cosignature.ts'
import { parseNote } from '../../storage/evidence/note.ts'
import { consistencyProof } from '../../storage/evidence/proof.ts'
import { openReader } from '../../storage/store/reader.ts'
import { encodeAddCheckpoint } from '../../storage/witness/protocol.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, sshd, testWith } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd]
const gopath = '/usr/share/gocode'
const tlog = join(gopath, 'src/golang.org/x/mod/sumdb/tlog/tlog.go')
const root = join(import.meta.dir, '../..')
const folder = mkdtempSync(join(tmpdir(), 'sluice-witness-e2e-'))

interface Running {
  readonly url: string
  readonly key: string
  stop(): Promise<number>
}

/** `sluice witness` as a process of its own. */
async function startWitness(trust: string): Promise<Running> {
  const words = ['witness', '--dir', join(folder, 'w'), '--trust', trust, '--name', 'auditor/w1']
  const child = Bun.spawn(
    [
      ...[process.execPath, join(root, 'proxy/cli/main.ts'), ...words],
      ...['--listen', '127.0.0.1:0', '--json'],
    ],
    { stdout: 'pipe', stderr: 'ignore' },
  )
  const reader = child.stdout.getReader()
  let said = ''
  while (!said.includes('\n')) {
    const { value, done } = await reader.read()
    if (done) throw new Error('the witness ended')
    said += new TextDecoder().decode(value)
  }
  const { url, key } = JSON.parse(said) as { readonly url: string; readonly key: string }
  return {
    url,
    key,
    stop: async () => {
      child.kill('SIGTERM')
      return child.exited
    },
  }
}

describe('a gateway with a witness', () => {
  let guarded: Guarded
  let running: Running
  let trust = ''
  const exportTrust = async (): Promise<string> => {
    trust = join(folder, `trust-${crypto.randomUUID()}.json`)
    const words = ['trust', 'export', '--data', guarded.data, '--witness', running.key, '-o', trust]
    const made = await sluice(words)
    if (made.code !== 0) throw new Error(made.stderr)
    return trust
  }
  const note = (): Uint8Array => {
    const id = toHex(parseWitness(running.key)?.key_id ?? new Uint8Array())
    const file = join(guarded.data, 'cosigned', `${id}.note`)
    return existsSync(file) ? readFileSync(file) : new Uint8Array()
  }
  const sizeSeen = (): number => parseCheckpoint(parseNote(note())?.text ?? '')?.size ?? 0

  beforeAll(async () => {
    // The log's key is made at the first start, which is where a witness's administrator gets it from.
    guarded = await openGuarded()
    await guarded.run('true')
    await guarded.trust()
    running = await startWitness(join(guarded.dir, 'trust.json'))
    await guarded.gateway.stop()
    const config = join(guarded.dir, 'gateway/sluice.yaml')
    const settings = JSON.parse(readFileSync(config, 'utf8'))
    settings.evidence.witnesses = [{ url: running.url, key: running.key }]
    writeFileSync(config, JSON.stringify(settings))
    cpSync(guarded.data, join(folder, 'old'), { recursive: true })
    await guarded.restart()
  }, 60_000)
  afterAll(async () => {
    await running.stop()
    await guarded[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  }, 30_000)

  testWith(
    needs,
    'has its checkpoints cosigned, and is verified by who trusts the witness',
    async () => {
      await until('the witness sees the log', () => sizeSeen() > 0)
      const verified = await sluice(['verify', guarded.data, '--trust', await exportTrust()])
      expect(verified.code, verified.stdout).toBe(0)
      expect(JSON.parse(readFileSync(trust, 'utf8')).witnesses).toEqual([running.key])
      const health = await fetch(`${guarded.gateway.api}/healthz`)
      expect(health.status).toBe(200)
      rmSync(join(guarded.data, 'cosigned'), { recursive: true })
      const missed = await sluice(['verify', guarded.data, '--trust', trust])
      expect([missed.code, missed.stdout.includes('cosignature_missing')]).toEqual([1, true])
    },
  )

  testWith(
    [...needs, tlog],
    'is cosigned so that Go can read it, and proves what Go takes for a proof',
    async () => {
      await guarded.run('true')
      await until('the witness sees the log again', () => sizeSeen() > 0)
      const [file, request] = [join(folder, 'note'), join(folder, 'request')]
      const seen = note()
      writeFileSync(file, seen)
      const { size = 0 } = parseCheckpoint(parseNote(seen)?.text ?? '') ?? {}
      const reader = openReader(guarded.data)
      const read = async (places: readonly number[]) =>
        (await reader.logHashes(places)).map((hash) => hash ?? new Uint8Array())
      const proof = await consistencyProof(4, size, read)
      reader.close()
      writeFileSync(request, encodeAddCheckpoint({ old_size: 4, proof, checkpoint: seen }))
      const old = openReader(guarded.data)
      // A tree of four is one stored hash.
      const old_root = toBase64((await old.logHashes([6]))[0] ?? new Uint8Array())
      old.close()
      const env = {
        ...process.env,
        GO111MODULE: 'off',
        GOPATH: gopath,
        GOFLAGS: '',
        GOTOOLCHAIN: 'local',
      }
      const go = (...words: readonly string[]) =>
        Bun.spawnSync(['go', 'run', join(root, 'test/oracle/cosigned.go'), ...words], { env })
      const ran = go(file, running.key, request, old_root)
      expect(ran.exitCode, ran.stderr.toString()).toBe(0)
      const age_s = Date.now() / 1000 - Number(ran.stdout.toString())
      expect(age_s).toBeGreaterThan(-1)
      expect(age_s).toBeLessThan(120)
      writeFileSync(
        file,
        Buffer.from(seen)
          .toString()
          .replace(`\n${size}\n`, `\n${size + 1}\n`),
      )
      expect(go(file, running.key).exitCode).toBe(1)
    },
    240_000,
  )

  testWith(
    needs,
    'that was rolled back to an old copy is told by the witness, and its health is red',
    async () => {
      const before = openReader(join(folder, 'old'))
      const { size } = await before.log()
      before.close()
      // More than what the start of a gateway adds.
      await until('the witness sees the log', () => sizeSeen() > size + 2)
      await guarded.gateway.stop()
      for (const part of ['store.db', 'store.db-wal', 'store.db-shm', 'journal', 'cosigned'])
        rmSync(join(guarded.data, part), { recursive: true, force: true })
      cpSync(join(folder, 'old'), guarded.data, { recursive: true })
      await guarded.restart()
      const reason = await until('the health is red', async () => {
        const health = await fetch(`${guarded.gateway.api}/healthz`)
        const { reasons } = (await health.json()) as { readonly reasons: readonly string[] }
        return health.status === 200 ? undefined : reasons.join()
      })
      expect(reason).toContain('the witness auditor/w1 contradicts the log')
      // Sessions go on: the witness is no part of recording.
      expect((await guarded.run('echo on')).stdout).toBe('on\n')
      const verified = await sluice(['verify', guarded.data, '--trust', trust])
      expect([verified.code, verified.stdout.includes('cosignature_missing')]).toEqual([1, true])
    },
    60_000,
  )

  testWith(
    needs,
    'a second witness on the same directory is refused; the first ends cleanly',
    async () => {
      const words = [
        'witness',
        '--dir',
        join(folder, 'w'),
        '--trust',
        trust,
        '--listen',
        '127.0.0.1:0',
      ]
      const second = await sluice(words)
      expect(second.code).toBe(1)
      expect(second.stderr).toContain('is in use: another witness is running on it')
      expect((await sluice(['witness'])).code).toBe(2)
      const get = await fetch(`${running.url}/add-checkpoint`)
      expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
      const large = await fetch(`${running.url}/add-checkpoint`, {
        method: 'POST',
        body: 'x'.repeat(300_000),
      })
      expect(large.status).toBe(413)
      expect((await fetch(`${running.url}/`)).status).toBe(404)
      expect(await running.stop()).toBe(0)
      const renamed = await sluice([...words, '--name', 'another'])
      expect([renamed.code, renamed.stderr.includes('is named auditor/w1')]).toEqual([1, true])
    },
  )
})
