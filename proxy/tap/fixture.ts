/**
 * For tests of the taps: the real masking engine, records kept in memory, and time in the test's hand.
 *
 * @module
 */
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { default_packs, rulesOf } from '../../masking-wasm/rules/index.ts'
import type { RecordFacts } from '../../storage/evidence/record.ts'
import type { TapSink } from './sink.ts'

export interface Bench {
  readonly engine: MaskingEngine
  readonly sink: TapSink
  readonly records: { readonly facts: RecordFacts; readonly payload: string }[]
  /** What was released, per stream, latin1. */
  readonly shown: { 1: string; 2: string }
  /** Lets time pass, timers included. */
  pass(ms: number): void
  now_ms(): number
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

let engine: MaskingEngine | undefined
/** Loading takes some milliseconds, and a property test wants hundreds of benches. */
function engineOnce(): MaskingEngine {
  if (engine !== undefined) return engine
  const compiled = rulesetOf(rulesOf(default_packs))
  if (!compiled.ok) throw new Error(compiled.reason)
  engine = MaskingEngine.load(compiled.ruleset)
  return engine
}

export function tapBench(): Bench {
  const keep = (facts: RecordFacts, payload: Uint8Array = new Uint8Array()): void => {
    records.push({ facts, payload: latin1(payload) })
  }
  const timers = new Map<number, { readonly at_ms: number; readonly run: () => void }>()
  let timer_next = 0
  let time_ms = 1_000_000
  const records: Bench['records'] = []
  const shown = { 1: '', 2: '' }
  return {
    engine: engineOnce(),
    records,
    shown,
    sink: {
      record(facts, payload = new Uint8Array()) {
        keep(facts, payload)
        return Uint8Array.from([...new TextEncoder().encode('{}\n'), ...payload])
      },
      gather: keep,
      release(stream, bytes) {
        shown[stream] += latin1(bytes)
      },
      commit: (channel, stream, raw_offset, raw) =>
        `${channel}/${stream}/${raw_offset}/${raw.length}`,
      hide: (channel, stream, raw_offset, raw) =>
        `${channel}/${stream}/${raw_offset}/${raw.length}`,
      after(delay_ms, run) {
        const id = timer_next++
        timers.set(id, { at_ms: time_ms + delay_ms, run })
        return () => timers.delete(id)
      },
    },
    pass(ms) {
      time_ms += ms
      for (const [id, { at_ms, run }] of [...timers]) {
        if (at_ms > time_ms || !timers.delete(id)) continue
        run()
      }
    },
    now_ms: () => time_ms,
  }
}
