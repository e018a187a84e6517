/**
 * The old protocol of scp, which has no standard but openssh/scp.c: a source says one line for each file or
 * directory, the sink answers each, and a file's content follows between. Which side is the source depends on
 * `-f` (the target) or `-t` (the client). Names and messages are text, and so are masked towards the client.
 *
 * @module
 */
import type { Codec, Decoded, Direction, Frame, Stream, Wire } from '../../../core/connector.ts'
import type { GrantedTransfer, TransferDirection, TransferFact } from '../../../core/transfer.ts'
import { path_bytes_max, scp_depth_max, scp_line_bytes_max } from './limits.ts'

/** What the next byte of the source is, and what its last line waits for. */
type Phase =
  /** A line may come. */
  | { readonly kind: 'idle' }
  /** ... after the sink has answered this one. At the very start it speaks first. */
  | { readonly kind: 'asked'; readonly what: 'start' | 'file' | 'directory' | 'other' | 'done' }
  | { readonly kind: 'content' }
  /** A zero, or a line that says why the content is not right. */
  | { readonly kind: 'trailer' }

interface File {
  readonly transfer: number
  left: number
  broken: boolean
}

const newline = 0x0a
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

class ScpState {
  readonly direction: TransferDirection
  readonly #granted: GrantedTransfer
  readonly #operand: string
  readonly #is_folder: boolean
  readonly #inside: string[] = []
  phase: Phase = { kind: 'asked', what: 'start' }
  file: File | undefined
  #transfers = 0

  constructor(granted: GrantedTransfer) {
    this.#granted = granted
    const { argv } = granted
    this.direction = argv.includes('-t') ? 'upload' : 'download'
    this.#operand = argv.at(-1) ?? ''
    this.#is_folder = argv.includes('-d') || this.#operand.endsWith('/')
  }

  begin(name: string, size: number): TransferFact {
    this.#transfers += 1
    this.file = { transfer: this.#transfers, left: size, broken: false }
    const { transfer } = this.file
    const { direction } = this
    return {
      ...{ kind: 'transfer_start', tool: 'scp', transfer, direction, path: this.#path(name) },
      scan: this.#granted.choices[direction] === 'scan',
    }
  }

  end(outcome: 'complete' | 'incomplete' | 'failed'): Frame[] {
    const { file } = this
    if (file === undefined) return []
    this.file = undefined
    const { transfer } = file
    return [
      { kind: 'fact', fact: { kind: 'transfer', transfer, outcome, offset: 0, in_order: true } },
    ]
  }

  /** False when it is too deep to be one. */
  enter(name: string): boolean {
    return this.#inside.push(name) <= scp_depth_max
  }

  leave(): boolean {
    return this.#inside.pop() !== undefined
  }

  mkdir(name: string): TransferFact {
    return { kind: 'change', tool: 'scp', operation: 'mkdir', path: this.#path(name) }
  }

  /**
   * The sink alone knows whether what it was given is a folder: `OPERAND (NAME)` is the one or `OPERAND/NAME`.
   * A source names files below the folder of its operand, which may be a pattern.
   */
  #path(name: string): Uint8Array {
    const [first, ...inner] = [...this.#inside, name]
    const rest = inner.map((part) => `/${part}`).join('')
    const operand = Buffer.from(this.#operand).toString('latin1')
    const folder = operand.slice(0, operand.lastIndexOf('/') + 1)
    const path =
      this.direction === 'download'
        ? `${folder}${first}${rest}`
        : this.#is_folder
          ? `${operand.replace(/\/$/, '')}/${first}${rest}`
          : `${operand} (${first})${rest}`
    return Buffer.from(path.slice(0, path_bytes_max), 'latin1')
  }
}

export function scpCodecs(granted: GrantedTransfer): Readonly<Record<Direction, Codec>> {
  const state = new ScpState(granted)
  return state.direction === 'upload'
    ? { to_target: new ScpSource(state, 0), to_client: new ScpSink(state, 1) }
    : { to_target: new ScpSink(state, 0), to_client: new ScpSource(state, 1) }
}

/** What both sides have: lines that may come in pieces. */
abstract class ScpCodec implements Codec {
  protected readonly state: ScpState
  protected readonly stream: Stream
  #line: Uint8Array[] = []
  #line_bytes = 0
  #violation: string | undefined

  constructor(state: ScpState, stream: Stream) {
    this.state = state
    this.stream = stream
  }

  decode(wire: Wire): Decoded {
    if (this.#violation !== undefined) return { ok: false, violation: this.#violation }
    if (wire.kind === 'control' || wire.stream !== this.stream) return { ok: true, frames: [wire] }
    const frames: Frame[] = []
    for (let at = 0; at < wire.bytes.length; ) {
      const taken = this.take(wire.bytes.subarray(at), frames)
      if (typeof taken === 'string') {
        this.#violation = taken
        return { ok: false, violation: taken }
      }
      at += taken
    }
    return { ok: true, frames }
  }

  encode(wire: Wire): Wire {
    return wire
  }

  /** Half a line is none: it goes nowhere. */
  flush(): Decoded {
    return { ok: true, frames: [] }
  }

  /** Takes some of `bytes` and says how many, or why they cannot be. */
  protected abstract take(bytes: Uint8Array, frames: Frame[]): number | string

  /** Whether a line is begun that has not ended. */
  protected get inLine(): boolean {
    return this.#line_bytes > 0
  }

  /** Takes a line, or its part; `whole` is called with it, its newline included. */
  protected takeLine(
    bytes: Uint8Array,
    whole: (line: Uint8Array) => string | undefined,
  ): number | string {
    const end = bytes.indexOf(newline)
    const part = end < 0 ? bytes : bytes.subarray(0, end + 1)
    this.#line_bytes += part.length
    if (this.#line_bytes > scp_line_bytes_max) return 'a line of scp is longer than any can be'
    this.#line.push(part)
    if (end < 0) return part.length
    const line = Buffer.concat(this.#line)
    this.#line = []
    this.#line_bytes = 0
    return whole(new Uint8Array(line)) ?? part.length
  }

  /** A message for a person, behind its first byte. */
  protected said(line: Uint8Array): Frame {
    return this.#data(line, 1, line.length - 1)
  }

  protected named(line: Uint8Array, name: string): Frame {
    return this.#data(line, line.length - 1 - name.length, line.length - 1)
  }

  protected bare(bytes: Uint8Array): Frame {
    return { kind: 'data', stream: this.stream, bytes, fields: [] }
  }

  #data(bytes: Uint8Array, start: number, end: number): Frame {
    return { kind: 'data', stream: this.stream, bytes, fields: [{ start, end }] }
  }
}

class ScpSource extends ScpCodec {
  protected take(bytes: Uint8Array, frames: Frame[]): number | string {
    const { state } = this
    const { file, phase } = state
    if (phase.kind === 'content' && file !== undefined) {
      const piece = bytes.subarray(0, file.left)
      file.left -= piece.length
      if (file.left === 0) state.phase = { kind: 'trailer' }
      const content = { transfer: file.transfer, start: 0, end: piece.length }
      frames.push({ kind: 'data', stream: this.stream, bytes: piece, content })
      return piece.length
    }
    if (phase.kind === 'trailer' && bytes[0] === 0 && !this.inLine) {
      state.phase = { kind: 'asked', what: 'done' }
      frames.push(this.bare(bytes.subarray(0, 1)))
      return 1
    }
    if (phase.kind === 'asked') return 'scp goes on before it was answered'
    return this.takeLine(bytes, (line) => this.#line(line, frames))
  }

  #line(line: Uint8Array, frames: Frame[]): string | undefined {
    const { state } = this
    const is_message = line[0] === 1 || line[0] === 2
    if (state.phase.kind === 'trailer') {
      if (!is_message) return 'the content of a file does not end where scp said'
      if (state.file !== undefined) state.file.broken = true
      state.phase = { kind: 'asked', what: 'done' }
      frames.push(this.said(line))
      return undefined
    }
    if (is_message) {
      frames.push(this.said(line))
      return undefined
    }
    const text = latin1(line.subarray(0, -1))
    if (text === 'E') {
      if (!state.leave()) return 'scp leaves a folder that it is not in'
      state.phase = { kind: 'asked', what: 'other' }
      frames.push(this.bare(line))
      return undefined
    }
    if (/^T\d{1,20} \d{1,6} \d{1,20} \d{1,6}$/.test(text)) {
      state.phase = { kind: 'asked', what: 'other' }
      frames.push(this.bare(line))
      return undefined
    }
    const [, kind, digits = '', name = ''] = /^([CD])[0-7]{4} (\d{1,15}) (.+)$/.exec(text) ?? []
    // What openssh/scp.c refuses too: a name is not a path.
    if (kind === undefined || name.includes('/') || name === '.' || name === '..')
      return 'a line of scp is malformed'
    if (kind === 'C') {
      frames.push({ kind: 'fact', fact: state.begin(name, Number(digits)) })
      state.phase = { kind: 'asked', what: 'file' }
    } else {
      if (state.direction === 'upload') frames.push({ kind: 'fact', fact: state.mkdir(name) })
      if (!state.enter(name)) return 'scp goes deeper than any path can'
      state.phase = { kind: 'asked', what: 'directory' }
    }
    frames.push(this.named(line, name))
    return undefined
  }
}

class ScpSink extends ScpCodec {
  protected take(bytes: Uint8Array, frames: Frame[]): number | string {
    if (this.state.phase.kind !== 'asked') return 'scp answers what was not said'
    if (bytes[0] === 0 && !this.inLine) {
      frames.push(...this.#answered(true), this.bare(bytes.subarray(0, 1)))
      return 1
    }
    return this.takeLine(bytes, (line) => {
      if (line[0] !== 1 && line[0] !== 2) return 'an answer of scp is malformed'
      frames.push(...this.#answered(false), this.said(line))
      return undefined
    })
  }

  /** What an answer settles. On record before it is heard. */
  #answered(well: boolean): Frame[] {
    const { state } = this
    const { file, phase } = state
    if (phase.kind !== 'asked') return []
    state.phase = { kind: 'idle' }
    switch (phase.what) {
      case 'start':
        // A sink that cannot begin says so, and ends.
        if (!well) state.phase = phase
        return []
      case 'other':
        return []
      case 'directory':
        if (!well) state.leave()
        return []
      case 'file':
        if (!well) return state.end('failed')
        state.phase = { kind: file?.left === 0 ? 'trailer' : 'content' }
        return []
      case 'done':
        return state.end(well && file?.broken === false ? 'complete' : 'incomplete')
    }
  }
}
