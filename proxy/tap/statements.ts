/**
 * The statements that pass through one channel: their texts and parameters masked, and what came of each.
 *
 * @module
 */
import type { MaskStream } from '../../masking-wasm/host/engine.ts'
import { command_stream } from '../../storage/evidence/commitment.ts'
import type { LeftOutRows, RecordFacts, RecordSpan } from '../../storage/evidence/record.ts'
import { statement_record_bytes_max } from '../core/limits.ts'
import type { StatementFact } from '../core/statement.ts'
import { Gathered, type MaskerSource, maskPlain, maskText, type TapSink } from './sink.ts'

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
  /** When each began, in the order of beginning: by its run, and by its statement where that is what runs. */
  readonly #runs = new Map<number, number>()
  readonly #texts = new Map<number, number>()
  /** For one text after the other: each whole one leaves it as if it had just been opened. */
  #masker: MaskStream | undefined
  #masker_bytes = 0
  /** What the target says at the end is the same for most. */
  #tag = ''
  #tag_masked = ''

  constructor(channel: number, maskers: MaskerSource, sink: TapSink, now_us: () => number) {
    this.#channel = channel
    this.#maskers = maskers
    this.#sink = sink
    this.#now_us = now_us
  }

  /** `age_ms`: so long ago; `left_out`: what of a result was shown and not recorded. */
  add(fact: StatementFact, age_ms: number, left_out?: LeftOutRows): void {
    const at_us = this.#now_us() - Math.round(age_ms * 1000)
    switch (fact.kind) {
      case 'statement': {
        const { statement, is_prepared, kinds, verdict } = fact
        const name =
          fact.name.length === 0
            ? ''
            : maskPlain(this.#maskers, new TextDecoder().decode(fact.name))
        const { allowed, rule } = verdict
        const more = { statement, name, prepared: is_prepared, kinds, allowed, rule }
        this.#text(fact.text, (text) => ({ kind: 'statement', ...more, ...text }))
        if (!is_prepared) begin(this.#texts, statement, at_us)
        return
      }
      case 'run': {
        const { statement, run } = fact
        this.#text(fact.parameters, (text) => ({ kind: 'run', statement, run, ...text }))
        begin(this.#runs, run, at_us)
        return
      }
      case 'result':
        this.#result(fact, at_us, left_out)
    }
  }

  /** Its masker is of no use any more. */
  close(): void {
    this.#masker?.close()
    this.#masker = undefined
  }

  #result(
    fact: Extract<StatementFact, { kind: 'result' }>,
    at_us: number,
    left_out?: LeftOutRows,
  ): void {
    const { kind, statement, run, rows, bytes: length, error } = fact
    const began_us = run > 0 ? this.#runs.get(run) : this.#texts.get(statement)
    if (run > 0) this.#runs.delete(run)
    else this.#forgetBefore(statement)
    if (fact.tag !== this.#tag) {
      this.#tag_masked = maskPlain(this.#maskers, fact.tag)
      this.#tag = fact.tag
    }
    this.#sink.gather({
      ...{ kind, channel: this.#channel, statement, run, tag: this.#tag_masked, rows, length },
      // What was sent at another time may have been longer on its way.
      duration_us: Math.max(at_us - (began_us ?? at_us), 0),
      ...(error === undefined ? {} : { error }),
      ...(left_out === undefined ? {} : { left_out }),
    })
  }

  /** One text may hold several statements, and each of them was asked for when the text came; those before it are over. */
  #forgetBefore(statement: number): void {
    for (const earlier of this.#texts.keys()) {
      if (earlier >= statement) return
      this.#texts.delete(earlier)
    }
  }

  /** Masks the beginning of a text, and records it with what `facts` adds. */
  #text(text: Uint8Array, facts: (text: TextFacts) => RecordFacts): void {
    const is_whole = text.length <= statement_record_bytes_max
    const part = is_whole ? text : text.subarray(0, statement_record_bytes_max)
    const offset = this.#offset
    this.#offset += part.length
    const { spans, bytes } = is_whole ? this.#mask(part, offset) : this.#maskCut(part, offset)
    const channel = this.#channel
    this.#sink.gather(facts({ channel, offset, length: text.length, spans }), bytes)
  }

  #mask(text: Uint8Array, offset: number): Pick<Gathered, 'spans' | 'bytes'> {
    const gathered = new Gathered()
    this.#masker ??= this.#maskers.open('length')
    const raw_base = offset - this.#masker_bytes
    this.#masker_bytes += text.length
    const place = [this.#sink, this.#channel, command_stream] as const
    gathered.add(...place, this.#masker.push(text), raw_base)
    gathered.add(...place, this.#masker.flush('end'), raw_base)
    return gathered
  }

  #maskCut(part: Uint8Array, offset: number): Pick<Gathered, 'spans' | 'bytes'> {
    return maskText(
      ...([this.#sink, this.#maskers, 'length', this.#channel, command_stream] as const),
      ...([part, offset, 'idle'] as const),
    )
  }
}

function begin(began: Map<number, number>, number: number, at_us: number): void {
  if (began.size >= running_max) {
    const [oldest] = began.keys()
    if (oldest !== undefined) began.delete(oldest)
  }
  began.set(number, at_us)
}
