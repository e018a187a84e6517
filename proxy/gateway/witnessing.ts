/**
 * Shows the log's checkpoints to witnesses, beside recording and never in its way: a witness that is gone is a
 * reason on `/healthz` after a while, and sessions go on.
 *
 * @module
 */

import { toHex } from '../../storage/evidence/bytes.ts'
import { parseCheckpoint } from '../../storage/evidence/checkpoint.ts'
import { cosignedBy, parseWitness, type Witness } from '../../storage/evidence/cosignature.ts'
import { parseNote } from '../../storage/evidence/note.ts'
import { keepCosigned, readCosigned } from '../../storage/store/cosigned.ts'
import type { LogReader } from '../../storage/store/reader.ts'
import { submit } from '../../storage/witness/submit.ts'
import type { Log } from '../log.ts'
import {
  witness_answer_ms,
  witness_lag_ms_max,
  witness_pause_ms,
  witness_retry_ms_max,
} from './limits.ts'

export interface WitnessingOptions {
  readonly data: string
  readonly witnesses: readonly { readonly url: string; readonly key: string }[]
  readonly reader: LogReader
  readonly log: Log
  readonly changed: () => void
}

export interface Witnessing {
  /** One line for each witness that has not seen the log for too long, or contradicts it. */
  failing(): readonly string[]
  stop(): void
}

export function startWitnessing(options: WitnessingOptions): Witnessing {
  const sides = options.witnesses.flatMap(({ url, key }) => {
    const witness = parseWitness(key)
    return witness === undefined ? [] : [startOne(options, url, witness)]
  })
  return {
    failing: () => sides.flatMap((side) => side.failing() ?? []),
    stop() {
      for (const side of sides) side.stop()
    },
  }
}

function startOne(
  { data, reader, log, changed }: WitnessingOptions,
  url: string,
  witness: Witness,
): { failing(): string | undefined; stop(): void } {
  const { name } = witness
  let seen = sizeSeen(data, witness)
  let pause_ms = witness_pause_ms
  let good_ms = performance.now()
  let reason: string | undefined
  let is_stopped = false
  let timer = setTimeout(() => void look(), 0)

  const say = (next: string | undefined): void => {
    if (next === reason) return
    reason = next
    if (next === undefined) log('info', 'witnessed', { witness: name })
    else log('error', 'not_witnessed', { witness: name, reason: next })
    changed()
  }
  const good = (): void => {
    good_ms = performance.now()
    pause_ms = witness_pause_ms
    say(undefined)
  }
  const late = (why: string): void => {
    pause_ms = Math.min(pause_ms * 2, witness_retry_ms_max)
    if (performance.now() - good_ms > witness_lag_ms_max)
      say(`the witness ${name} has not seen the log for too long: ${why}`)
  }

  async function look(): Promise<void> {
    try {
      await show()
    } catch (error) {
      late(error instanceof Error ? error.name : 'unknown')
    }
    if (!is_stopped) timer = setTimeout(() => void look(), pause_ms)
  }

  async function show(): Promise<void> {
    const { checkpoint: note } = await reader.log()
    if (note === undefined) return
    if (sizeOf(note) === seen) {
      good()
      return
    }
    const read = async (places: readonly number[]): Promise<readonly Uint8Array[]> => {
      const hashes = (await reader.logHashes(places)).filter((hash) => hash !== undefined)
      if (hashes.length !== places.length) throw new Error('the log lacks a hash')
      return hashes
    }
    const parts = { url, witness, read, fetch, timeout_ms: witness_answer_ms }
    const answer = await submit(parts, note, seen)
    if (is_stopped) return
    switch (answer.kind) {
      case 'cosigned':
        await keepCosigned(data, toHex(witness.key_id), answer.note)
        seen = answer.size
        good()
        return
      case 'contradicted':
        pause_ms = witness_retry_ms_max
        say(`the witness ${name} contradicts the log: ${answer.reason}`)
        return
      case 'failed':
        late(answer.reason)
        return
    }
  }

  return {
    failing: () => reason,
    stop() {
      is_stopped = true
      clearTimeout(timer)
    },
  }
}

/** How much of the log it had cosigned when the gateway ran last. */
function sizeSeen(data: string, witness: Witness): number {
  const sizes = readCosigned(data).map((bytes) => {
    const note = parseNote(bytes)
    const is_own = note && cosignedBy(witness, note.text, note.signatures).kind === 'seen'
    return is_own === true ? (sizeOf(bytes) ?? 0) : 0
  })
  return Math.max(0, ...sizes)
}

function sizeOf(bytes: Uint8Array): number | undefined {
  const text = parseNote(bytes)?.text
  return text === undefined ? undefined : parseCheckpoint(text)?.size
}
