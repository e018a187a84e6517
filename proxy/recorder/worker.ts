/**
 * The recorder's Worker: a composition root of its own. It waits for its setup, wires masking, evidence
 * and journal, and answers.
 *
 * @module
 */
import { join } from 'node:path'
import { MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { thumbprint } from '../../storage/evidence/envelope.ts'
import { noteSigner } from '../../storage/evidence/note.ts'
import { Journal } from '../../storage/journal/journal.ts'
import { createClock } from '../core/clock.ts'
import { commit_later_bytes_min } from '../core/limits.ts'
import { type Batch, readBatch } from './batch.ts'
import type { FromRecorder, RecorderSetup } from './messages.ts'
import { sealed } from './packed.ts'
import { createRecorder, type RecorderCore } from './recorder.ts'

declare const self: Worker

let recorder: RecorderCore | undefined

self.onmessage = ({ data: batch }: MessageEvent<Batch>) => {
  readBatch(batch, (message) => {
    if (message.kind !== 'setup') recorder?.receive(message)
    // Nothing follows until it has answered.
    else void begin(message)
  })
}

const post = (message: FromRecorder): void => {
  const { data, transfer } = sealed(message)
  self.postMessage(data, transfer)
}

async function begin(setup: RecorderSetup): Promise<void> {
  try {
    const { ruleset } = setup
    const engine = MaskingEngine.load(ruleset)
    const clock = createClock(Date.now, () => performance.now())
    const journal = Journal.open({
      dir: join(setup.data, 'journal'),
      segment_bytes: setup.segment_bytes,
      spare_segments: 2,
      backlog_segments_max: setup.backlog_segments_max,
      next_lsn: setup.recovered.watermark_lsn + 1,
      key: setup.key,
    })
    recorder = createRecorder({
      journal,
      log: {
        origin: setup.origin,
        signer: noteSigner(setup.origin, setup.log_key),
        state: setup.recovered.log,
      },
      maskers: engine,
      load: (rules) => MaskingEngine.load(rules),
      gateway: setup.gateway,
      worker_logs: setup.worker_logs ?? [],
      is_replicated: setup.is_replicated,
      is_keyed: setup.is_keyed === true,
      retention: setup.retention,
      release: setup.release,
      keeps_raw: setup.keeps_raw,
      auditors: setup.auditors,
      recipients: await Promise.all(setup.auditors.map(thumbprint)),
      idle_ms: setup.idle_ms,
      hashes: {
        policy_hash: setup.policy_hash,
        rules_hash: ruleset.hash,
        module_hash: engine.module_hash,
      },
      now_us: clock.now_us,
      skew_us: clock.skew_us,
      now_ms: () => performance.now(),
      later_bytes_min: commit_later_bytes_min,
      pause: (delay_ms) => Bun.sleepSync(delay_ms),
      post,
    })
    recorder.begin(setup.recovered.open_sessions)
    if (setup.recovered.has_erased) journal.forget()
    post({ kind: 'ready', rules_hash: ruleset.hash, module_hash: engine.module_hash })
  } catch (error) {
    post({ kind: 'refused', message: error instanceof Error ? error.message : 'unknown' })
  }
}
