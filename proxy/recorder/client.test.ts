/**
 * A recorder whose Worker dies, by a fault of ours: whoever waits for it, or asks it later, is told.
 */
import { expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionStart } from '../core/ports.ts'
import { compileRules } from '../tap/ruleset.ts'
import { startRecorder } from './client.ts'

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

test('when the Worker dies its sessions end, later calls are refused, and it can still be stopped', async () => {
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
    const failures: string[] = []
    const session = await recorder.open(start, {
      release: () => {},
      stopped: () => {},
      failed: (message) => failures.push(message),
    })
    // Nothing that a gateway sends: the Worker throws.
    const fault = { ...start, proof: undefined } as unknown as SessionStart
    expect(
      await told(recorder.open(fault, { release: () => {}, stopped: () => {}, failed: () => {} })),
    ).toBe(stopped)
    expect(failures).toEqual([stopped])
    expect(health.at(-1)).toBe(stopped)
    expect(await told(session.event(0, { kind: 'eof', stream: 1 }))).toBe(stopped)
    expect(await told(session.close('client', ''))).toBe(stopped)
    await recorder.stop()
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}, 30_000)
