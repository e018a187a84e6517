/**
 * What one turn of the main thread has for the recorder. What a query makes of messages is written one behind the other into
 * one piece of memory: as objects, the way between the threads would cost more than what is done with them. All others
 * travel beside it, in their places.
 *
 * @module
 */
import type { Field } from '../core/connector.ts'
import type { StatementFact } from '../core/statement.ts'
import type { Verdict } from '../core/verdict.ts'
import { isPooled } from './buffers.ts'
import type { ToRecorder } from './messages.ts'

/**
 * Sent as one message. A small one is a text, of a letter for each byte: the runtime hands that over at a third of what memory
 * and objects cost it. A larger one is transferred.
 */
export type Batch = string | LargeBatch

interface LargeBatch {
  readonly bytes: Uint8Array
  readonly messages: readonly ToRecorder[]
}

/** Larger ones travel in memory of their own. */
const small_bytes_max = 4 * 1024
/** A batch of more is no text: copying it would cost more than handing its memory over. */
const text_batch_bytes_max = 8 * 1024
/** What waits for company is no more than that. */
const large_bytes = 48 * 1024
const large_messages = 64
/** Of a place of a text, on its way. */
const field_bytes = 8
/** What goes before the texts of any of them, at most. */
const head_bytes_max = 64
/** A batch begins with when it was sent, on the clock of who sent it. */
const sent_bytes = 8
/** In the place of the number of fields: bytes without framing. */
const no_fields = 0xffff_ffff

const ops = { message: 0, input: 1, output: 2, statement: 3, run: 4, result: 5 } as const

/** What came with the text of a statement: one of a few, for a session that goes on. */
type Judged = Pick<Extract<StatementFact, { kind: 'statement' }>, 'kinds' | 'verdict'>

export class BatchWriter {
  #memory: Buffer<ArrayBuffer> = Buffer.alloc(64 * 1024)
  #view: DataView = new DataView(this.#memory.buffer)
  #at = sent_bytes
  readonly #now_ms: () => number
  /** As text: a verdict is given of many statements. */
  readonly #judged = new WeakMap<Verdict, Judged & { readonly said: string }>()
  #messages: ToRecorder[] = []
  #transfer: ArrayBuffer[] = []

  /** `now_ms`: monotonic. */
  constructor(now_ms: () => number) {
    this.#now_ms = now_ms
  }

  get isEmpty(): boolean {
    return this.#at === sent_bytes
  }

  /** More than should wait. */
  get isLarge(): boolean {
    return this.#at >= large_bytes || this.#messages.length >= large_messages
  }

  /** `transfer`: buffers in it that leave this thread. */
  message(message: ToRecorder, ...transfer: readonly ArrayBuffer[]): void {
    this.#reserve(1)
    this.#memory[this.#at++] = ops.message
    this.#messages.push(message)
    for (const buffer of transfer) this.#transfer.push(buffer)
  }

  /** `ack` is 0 where nobody waits; without `fields` it is no message. False when it is none of the small ones. */
  input(
    session: number,
    channel: number,
    ack: number,
    bytes: Uint8Array,
    fields: readonly Field[] | undefined,
  ): boolean {
    if (!isSmall(bytes, fields)) return false
    this.#begin(ops.input, session, channel, moreOf(bytes, fields))
    this.#number(ack)
    this.#fields(fields)
    this.#piece(bytes)
    return true
  }

  /** The same of what was printed. */
  output(
    session: number,
    channel: number,
    stream: 1 | 2,
    bytes: Uint8Array,
    fields: readonly Field[] | undefined,
  ): boolean {
    if (!isSmall(bytes, fields)) return false
    this.#begin(ops.output, session, channel, moreOf(bytes, fields))
    this.#memory[this.#at++] = stream
    this.#fields(fields)
    this.#piece(bytes)
    return true
  }

  fact(session: number, channel: number, fact: StatementFact): void {
    switch (fact.kind) {
      case 'statement': {
        const { statement, text, name, is_prepared, kinds, verdict } = fact
        const said = this.#saidOf(kinds, verdict)
        this.#begin(
          ops.statement,
          session,
          channel,
          text.length + name.length + textBytesMax(said.length),
        )
        this.#number(this.#now_ms())
        this.#number(statement)
        this.#memory[this.#at++] = is_prepared ? 1 : 0
        this.#text(said)
        this.#piece(name)
        this.#piece(text)
        return
      }
      case 'run': {
        const { statement, run, parameters } = fact
        this.#begin(ops.run, session, channel, parameters.length)
        this.#number(this.#now_ms())
        this.#number(statement)
        this.#number(run)
        this.#piece(parameters)
        return
      }
      case 'result': {
        const { statement, run, tag, rows, bytes, error = '' } = fact
        this.#begin(ops.result, session, channel, textBytesMax(tag.length + error.length))
        this.#number(this.#now_ms())
        this.#number(statement)
        this.#number(run)
        this.#number(rows)
        this.#number(bytes)
        this.#text(tag)
        this.#text(error)
      }
    }
  }

  /** All of it, to be sent now. */
  take(): { readonly batch: Batch; readonly transfer: ArrayBuffer[] } {
    const length = this.#at
    this.#view.setFloat64(0, this.#now_ms())
    this.#at = sent_bytes
    if (this.#messages.length === 0 && length <= text_batch_bytes_max)
      return { batch: this.#memory.toString('latin1', 0, length), transfer: [] }
    const memory = new ArrayBuffer(length)
    // Whoever gets a part of it must not take it for a buffer of the pool.
    const bytes = new Uint8Array(isPooled(memory) ? new ArrayBuffer(length + 1) : memory, 0, length)
    bytes.set(this.#memory.subarray(0, length))
    const taken = {
      batch: { bytes, messages: this.#messages },
      transfer: [bytes.buffer, ...this.#transfer],
    }
    this.#messages = []
    this.#transfer = []
    return taken
  }

  #saidOf(kinds: Judged['kinds'], verdict: Verdict): string {
    const known = this.#judged.get(verdict)
    if (known?.kinds === kinds) return known.said
    const said = JSON.stringify({ kinds, verdict } satisfies Judged)
    this.#judged.set(verdict, { kinds, verdict, said })
    return said
  }

  #begin(op: number, session: number, channel: number, more: number): void {
    this.#reserve(head_bytes_max + more)
    this.#memory[this.#at] = op
    this.#view.setUint32(this.#at + 1, session)
    this.#view.setUint32(this.#at + 5, channel)
    this.#at += 9
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#memory.length) return
    const larger = Buffer.alloc(Math.max(this.#at + more, 2 * this.#memory.length))
    larger.set(this.#memory.subarray(0, this.#at))
    this.#memory = larger
    this.#view = new DataView(larger.buffer)
  }

  #number(value: number): void {
    this.#view.setFloat64(this.#at, value)
    this.#at += 8
  }

  #piece(bytes: Uint8Array): void {
    this.#view.setUint32(this.#at, bytes.length)
    this.#memory.set(bytes, this.#at + 4)
    this.#at += 4 + bytes.length
  }

  #text(text: string): void {
    const length = this.#memory.write(text, this.#at + 4)
    this.#view.setUint32(this.#at, length)
    this.#at += 4 + length
  }

  #fields(fields: readonly Field[] | undefined): void {
    this.#view.setUint32(this.#at, fields === undefined ? no_fields : fields.length)
    this.#at += 4
    if (fields === undefined) return
    for (const { start, end } of fields) {
      this.#view.setUint32(this.#at, start)
      this.#view.setUint32(this.#at + 4, end)
      this.#at += field_bytes
    }
  }
}

/** In UTF-8, of so many units of UTF-16. */
const textBytesMax = (length: number): number => 3 * length

const moreOf = (bytes: Uint8Array, fields: readonly Field[] | undefined): number =>
  bytes.length + field_bytes * (fields?.length ?? 0)

function isSmall(bytes: Uint8Array, fields: readonly Field[] | undefined): boolean {
  if (bytes.length > small_bytes_max) return false
  if (fields === undefined) return true
  if (fields.length > small_bytes_max / field_bytes) return false
  for (const { rule } of fields) if (rule !== undefined) return false
  return true
}

/** Texts of what was judged are few, and are read once. */
const judged_max = 1_000
const known_judged = new Map<string, Judged>()

/** Gives out all messages, in their order. Their bytes are the batch's own. */
export function readBatch(batch: Batch, receive: (message: ToRecorder) => void): void {
  const { bytes, messages } =
    typeof batch === 'string' ? { bytes: Buffer.from(batch, 'latin1'), messages: [] } : batch
  const memory = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const sent_ms = view.getFloat64(0)
  let at = sent_bytes
  let next = 0
  const number = (): number => {
    at += 8
    return view.getFloat64(at - 8)
  }
  const u32 = (): number => {
    at += 4
    return view.getUint32(at - 4)
  }
  const piece = (): Uint8Array => {
    const length = u32()
    at += length
    return new Uint8Array(bytes.buffer, bytes.byteOffset + at - length, length)
  }
  const text = (): string => {
    const length = u32()
    at += length
    return memory.toString('utf8', at - length, at)
  }
  const fieldsOf = (): Field[] | undefined => {
    let left = u32()
    if (left === no_fields) return undefined
    const fields: Field[] = []
    for (; left > 0; left--) fields.push({ start: u32(), end: u32() })
    return fields
  }
  while (at < bytes.length) {
    const op = memory[at++]
    if (op === ops.message) {
      const message = messages[next++]
      if (message !== undefined) receive(message)
      continue
    }
    const session = u32()
    const channel = u32()
    switch (op) {
      case ops.input: {
        const ack = number()
        const fields = fieldsOf()
        const input = { kind: 'input', session, ack, channel, bytes: piece() } as const
        receive(fields === undefined ? input : { ...input, fields })
        break
      }
      case ops.output: {
        const stream = memory[at++] === 2 ? 2 : 1
        const fields = fieldsOf()
        const output = { kind: 'output', session, channel, stream, bytes: piece() } as const
        receive(fields === undefined ? output : { ...output, fields })
        break
      }
      default: {
        const age_ms = sent_ms - number()
        receive({ kind: 'fact', session, channel, fact: factOf(op), age_ms })
      }
    }
  }

  function factOf(op: number | undefined): StatementFact {
    const statement = number()
    if (op === ops.statement) {
      const is_prepared = memory[at++] === 1
      const judged = judgedOf(text())
      const name = piece()
      return { kind: 'statement', statement, text: piece(), name, is_prepared, ...judged }
    }
    const run = number()
    if (op === ops.run) return { kind: 'run', statement, run, parameters: piece() }
    const rows = number()
    const length = number()
    const fact = { kind: 'result', statement, run, tag: text(), rows, bytes: length } as const
    const error = text()
    return error === '' ? fact : { ...fact, error }
  }
}

function judgedOf(said: string): Judged {
  const known = known_judged.get(said)
  if (known !== undefined) return known
  const judged = JSON.parse(said) as { kinds: readonly string[]; verdict: Verdict } // This module wrote it.
  if (known_judged.size >= judged_max) known_judged.clear()
  known_judged.set(said, judged)
  return judged
}
