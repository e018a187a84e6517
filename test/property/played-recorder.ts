/**
 * The recorder with the real masking engine over a journal that a test plays.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto'
import { MaskingEngine } from '../../masking-wasm/host/engine.ts'
import type { SessionStart } from '../../proxy/core/ports.ts'
import type { FromRecorder } from '../../proxy/recorder/messages.ts'
import { createRecorder, type RecorderCore } from '../../proxy/recorder/recorder.ts'
import { compileRules } from '../../proxy/tap/ruleset.ts'
import { noteSigner } from '../../storage/evidence/note.ts'
import { decodeRecord } from '../../storage/evidence/record.ts'
import { JournalError } from '../../storage/journal/errors.ts'
import type { Journal } from '../../storage/journal/journal.ts'
import type { Entry } from '../../storage/journal/segment.ts'

export const secret: string = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

let engine: MaskingEngine | undefined
/** Loading takes some milliseconds, and a property wants hundreds of recorders. */
function engineOnce(): MaskingEngine {
  if (engine !== undefined) return engine
  const rules = compileRules(['secrets', 'pci'], [])
  if (!rules.ok) throw new Error(rules.reason)
  engine = MaskingEngine.load(rules.ruleset)
  return engine
}

/** The part of a journal that the recorder uses, with a disk that fails when told to. */
export class PlayedJournal {
  readonly durable: Entry[] = []
  pending: Entry[] = []
  fails = false
  ready = true
  backlog_bytes = 0
  backlog_bytes_max = 1
  append(entry: Entry): number {
    // What a real one borrows until the commit must not change: it is compared afterwards.
    this.pending.push({ ...entry, bytes: new Uint8Array(entry.bytes) })
    return this.durable.length + this.pending.length
  }
  appendRecord(session: string, seq: number, bytes: Uint8Array): number {
    return this.append({ kind: 'record', session, seq, bytes })
  }
  commit(): void {
    if (this.pending.length === 0) return
    if (this.fails) {
      this.pending = []
      throw new JournalError('journal_full', 'no room')
    }
    this.durable.push(...this.pending)
    this.pending = []
  }
  commitLater(done: (error: JournalError | undefined) => void): void {
    const writing = this.pending
    this.pending = []
    setImmediate(() => {
      if (!this.fails) {
        this.durable.push(...writing)
        done(undefined)
        return
      }
      this.pending = []
      done(new JournalError('journal_full', 'no room'))
    })
  }
  maintain(): boolean {
    return false
  }
  maintainLater(done: (more: boolean) => void): void {
    done(false)
  }
  recycle(): void {}
  closed = 0
  close(): void {
    this.closed += 1
  }
}

export function start(
  journal: PlayedJournal,
  post: (message: FromRecorder) => void,
  later_bytes_min: number = Number.POSITIVE_INFINITY,
): RecorderCore {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const log_key = privateKey.export({ type: 'pkcs8', format: 'der' })
  let now_us = 1_700_000_000_000_000
  return createRecorder({
    journal: journal as unknown as Journal, // It has every member that the recorder calls.
    log: {
      origin: 'test/log',
      signer: noteSigner('test/log', log_key),
      state: { size: 0, frontier: [] },
    },
    keeps_raw: true,
    is_replicated: false,
    maskers: engineOnce(),
    load: (ruleset) => MaskingEngine.load(ruleset),
    gateway: 'test',
    auditors: [publicKey.export({ format: 'jwk' })],
    recipients: ['thumbprint'],
    idle_ms: 10_000,
    hashes: { policy_hash: '0', rules_hash: '0', module_hash: '0' },
    now_us: () => (now_us += 10),
    now_ms: () => now_us / 1000,
    skew_us: () => 0,
    later_bytes_min,
    pause: () => {},
    post,
  })
}

/** A recorder with one session, which is durable. */
export async function openRecorder(
  journal: PlayedJournal,
  later_bytes_min?: number,
): Promise<{ readonly recorder: RecorderCore; readonly session: number }> {
  let session: number | undefined
  const take = (message: FromRecorder): void => {
    if (message.kind === 'committed')
      for (const item of message.items) if (item.kind === 'ack') session ??= item.opened?.session
  }
  const recorder = start(journal, take, later_bytes_min)
  recorder.begin([])
  recorder.receive({ kind: 'open', ack: 1, start: session_start })
  while (session === undefined) await turn()
  return { recorder, session }
}

export const session_start: SessionStart = {
  identity: { issuer: 'keys', subject: 'ada', groups: [], method: 'public_key', credential: 'k' },
  proof: { kind: 'ssh_signature', fields: { signature: Uint8Array.of(1) } },
  protocol: 'ssh',
  account: 'a',
  target: 't',
  labels: {},
  source: '127.0.0.1:1',
  context: {},
}

export function records(
  journal: PlayedJournal,
): { header: { kind: string; seq: number; reason?: string }; payload: Uint8Array }[] {
  return journal.durable.flatMap((entry) => {
    if (entry.kind !== 'record') return []
    const decoded = decodeRecord(entry.bytes)
    if (!decoded.ok) throw new Error(decoded.reason)
    return [decoded]
  })
}

export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))
