/**
 * The statements that pass through one channel: their texts and parameters masked, and what came of each.
 *
 * @module
 */
import { command_stream } from '../../storage/evidence/commitment.ts'
import type { RecordFacts, RecordSpan } from '../../storage/evidence/record.ts'
import { statement_record_bytes_max } from '../core/limits.ts'
import type { StatementFact } from '../core/statement.ts'
import { type MaskerSource, maskPlain, maskText, type TapSink } from './sink.ts'

interface TextFacts {
  readonly channel: number
  readonly offset: number
  readonly length: number
  readonly spans: readonly RecordSpan[]
}

/** Runs whose end has not come yet: more cannot be waited for at once in any session that means well. */
const running_max = 10_000

export class Statements {
  readonly #channel: number
  readonly #maskers: MaskerSource
  readonly #sink: TapSink
  readonly #now_us: () => number
  /** Of the command stream, where the next text stands in it. */
  #offset = 0
  /** When each began, in the order of beginning: `statement/run`. */
  readonly #began = new Map<string, number>()

  constructor(channel: number, maskers: MaskerSource, sink: TapSink, now_us: () => number) {
    this.#channel = channel
    this.#maskers = maskers
    this.#sink = sink
    this.#now_us = now_us
  }

  add(fact: StatementFact): void {
    switch (fact.kind) {
      case 'statement': {
        const { statement, is_prepared, kinds, verdict } = fact
        const name = maskPlain(this.#maskers, new TextDecoder().decode(fact.name))
        const { allowed, rule } = verdict
        const more = { statement, name, prepared: is_prepared, kinds, allowed, rule }
        this.#text(fact.text, (text) => ({ kind: 'statement', ...more, ...text }))
        if (!is_prepared) this.#begin(`${statement}/0`)
        return
      }
      case 'run': {
        const { statement, run } = fact
        this.#text(fact.parameters, (text) => ({ kind: 'run', statement, run, ...text }))
        this.#begin(`${statement}/${run}`)
        return
      }
      case 'result': {
        const { kind, statement, run, rows, bytes: length, error } = fact
        const name = `${statement}/${run}`
        const now_us = this.#now_us()
        const duration_us = now_us - (this.#began.get(name) ?? now_us)
        // One text may hold several statements: each of them was asked for when the text came.
        if (run > 0) this.#began.delete(name)
        const tag = maskPlain(this.#maskers, fact.tag)
        this.#sink.record({
          ...{ kind, channel: this.#channel, statement, run, tag, rows, length, duration_us },
          ...(error === undefined ? {} : { error }),
        })
      }
    }
  }

  #begin(name: string): void {
    const [oldest] = this.#began.keys()
    if (this.#began.size >= running_max && oldest !== undefined) this.#began.delete(oldest)
    this.#began.set(name, this.#now_us())
  }

  /** Masks the beginning of a text, and records it with what `facts` adds. */
  #text(text: Uint8Array, facts: (text: TextFacts) => RecordFacts): void {
    const is_whole = text.length <= statement_record_bytes_max
    const part = is_whole ? text : text.subarray(0, statement_record_bytes_max)
    const offset = this.#offset
    this.#offset += part.length
    const masked = maskText(
      ...([this.#sink, this.#maskers, 'length', this.#channel, command_stream] as const),
      ...([part, offset, is_whole ? 'end' : 'idle'] as const),
    )
    const { spans } = masked
    const channel = this.#channel
    this.#sink.record(facts({ channel, offset, length: text.length, spans }), masked.bytes)
  }
}
