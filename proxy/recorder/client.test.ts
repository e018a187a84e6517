/**
 * The main thread's side of the recorder, with a Worker of its own: what need not wait for it, and what becomes of those
 * who do when it dies.
 */
import { expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionStart } from '../core/ports.ts'
import { compileRules } from '../tap/ruleset.ts'
import { type RecorderClient, startRecorder } from './client.ts'

const start: SessionStart = {
  identity: { issuer: 'keys', subject: 'ada', groups: [], method: 'public_key', credential: 'k' },
  proof: { kind: 'ssh_signature', fields: { signature: Uint8Array.of(1) } },
  protocol: 'ssh',
  account: 'a',
  target: 't',
  labels: {},
  source: '127.0.0.1:1',
  context: {},
}

const stopped = 'the recorder stopped'
/** Why it was refused. */
const told = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'not refused',
    (error: Error) => error.message,
  )

/** A recorder in a folder of its own, which goes with it. */
async function withRecorder(
  run: (recorder: RecorderClient, health: readonly (string | undefined)[]) => Promise<void>,
): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'sluice-recorder-'))
  const rules = compileRules(['secrets'], [])
  if (!rules.ok) throw new Error(rules.reason)
  const { privateKey } = generateKeyPairSync('ed25519')
  const auditor = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const health: (string | undefined)[] = []
  try {
    const recorder = await startRecorder(
      {
        data,
        segment_bytes: 1024 * 1024,
        backlog_segments_max: 8,
        gateway: 'test',
        origin: 'test/log',
        log_key: new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })),
        auditors: [auditor.export({ format: 'jwk' })],
        ruleset: rules.ruleset,
        idle_ms: 300,
        keeps_raw: false,
        is_replicated: false,
        policy_hash: '0',
        recovered: {
          watermark_lsn: 0,
          log: { size: 0, frontier: [] },
          open_sessions: [],
          unreadable: [],
          has_erased: false,
        },
      },
      { durable: () => {}, health: (failing) => health.push(failing) },
    )
    await run(recorder, health)
    await recorder.stop()
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

const deaf = { release: () => {}, stopped: () => {}, failed: () => {} }

test('what asks for content waits for nobody, unless everything does', async () => {
  await withRecorder(async (recorder) => {
    const session = await recorder.open(start, deaf)
    await session.channel(1, { kind: 'subsystem', command: Buffer.from('sftp'), env: {} })
    const begun = { transfer: 1, tool: 'sftp', direction: 'download', scan: false } as const
    session.fact(1, { kind: 'transfer_start', ...begun, path: Buffer.from('/file') })
    const upload = (end: number): { is_done: boolean; readonly done: Promise<void> } => {
      const bytes = session.buffer(9)
      const asked = session.upload(1, bytes, [{ transfer: 1, start: 0, end }])
      const one = { is_done: false, done: asked.then(() => {}) }
      void one.done.then(() => {
        one.is_done = true
      })
      return one
    }
    // The Worker's answer is a turn of the loop away.
    const turn = async (): Promise<void> => {
      for (let n = 0; n < 10; n++) await Promise.resolve()
    }
    const [asking, carrying] = [upload(0), upload(9)]
    await turn()
    expect([asking.is_done, carrying.is_done]).toEqual([true, false])
    await carrying.done
    recorder.limit({ hold: true })
    const held = upload(0)
    // Of no session: by its answer the Worker has answered all before it.
    await recorder.mask('')
    expect(held.is_done).toBe(false)
    recorder.limit({ hold: false })
    await held.done
    await session.close('client', '')
  })
}, 30_000)

test('buffers go round, and what was given back is gone from whoever still has it', async () => {
  await withRecorder(async (recorder) => {
    const record_bytes = 10_000
    const token = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
    const printed = (n: number): string => `${n} ${token} ${'abc\n'.repeat(record_bytes / 4)}`
    const shown: string[] = []
    const kept: Uint8Array[] = []
    const session = await recorder.open(start, {
      ...deaf,
      release(_, __, bytes) {
        shown.push(Buffer.from(bytes).toString('latin1', 0, 60))
        kept.push(bytes)
        expect(bytes.length).toBeGreaterThan(record_bytes)
        session.recycle(bytes)
        expect(bytes.length).toBe(0)
      },
    })
    await session.channel(1, { kind: 'exec', command: Buffer.from('cat'), env: {} })
    // More than either side keeps, several times.
    const rounds = 20
    const together = 12
    for (let round = 0; round < rounds; round++) {
      for (let n = 0; n < together; n++) {
        const text = Buffer.from(printed(round * together + n))
        const bytes = session.buffer(text.length)
        bytes.set(text)
        session.output(1, 1, bytes)
      }
      await session.flush(1, 1)
    }
    expect(shown).toEqual(
      Array.from({ length: rounds * together }, (_, n) =>
        printed(n).replace(token, '*'.repeat(token.length)).slice(0, 60),
      ),
    )
    expect(kept.every(({ length }) => length === 0)).toBe(true)
    await session.close('client', '')
  })
}, 30_000)

test('when the Worker dies its sessions end, later calls are refused, and it can still be stopped', async () => {
  await withRecorder(async (recorder, health) => {
    const failures: string[] = []
    const session = await recorder.open(start, {
      release: () => {},
      stopped: () => {},
      failed: (message) => failures.push(message),
    })
    // Nothing that a gateway sends: the Worker throws.
    const fault = { ...start, proof: undefined } as unknown as SessionStart
    expect(await told(recorder.open(fault, deaf))).toBe(stopped)
    expect(failures).toEqual([stopped])
    expect(health.at(-1)).toBe(stopped)
    expect(await told(session.event(0, { kind: 'eof', stream: 1 }))).toBe(stopped)
    expect(await told(session.close('client', ''))).toBe(stopped)
  })
}, 30_000)
