/**
 * The taps of one channel, as its request wants them: output and error output, what is typed or sent in, messages, files
 * and statements.
 *
 * @module
 */
import type { ChannelRequest } from '../core/connector.ts'
import { EchoTracker } from '../tap/echo.ts'
import { asksForPassword, InputTap } from '../tap/input.ts'
import type { MessageTap } from '../tap/message.ts'
import { OutputTap } from '../tap/output.ts'
import type { MaskerSource, TapSink } from '../tap/sink.ts'
import { Statements } from '../tap/statements.ts'
import { StdinTap } from '../tap/stdin.ts'
import { Transfers } from '../tap/transfers.ts'

export interface ChannelTaps {
  readonly sink: TapSink
  readonly out: OutputTap
  readonly err: OutputTap
  readonly input: InputTap | StdinTap
  /** Once a codec found messages in this channel: instead of those above, but for error output. */
  messages: { readonly in: MessageTap; readonly out: MessageTap } | undefined
  readonly transfers: Transfers
  readonly statements: Statements
  prompt: Uint8Array
  /** Of the command stream. */
  command_offset: number
  /** A finding stopped it: what still comes is dropped. */
  stopped: boolean
}

export interface TapPorts {
  readonly maskers: MaskerSource
  readonly sink: TapSink
  readonly idle_ms: number
  readonly now_ms: () => number
  readonly now_us: () => number
  /** For digests of what was transferred. */
  readonly hmac_key: Uint8Array
  readonly seal: (what: string, value: object) => void
}

/** The end of the output that is kept to recognise a password prompt. */
const prompt_bytes_max = 160

export function openTaps(channel: number, request: ChannelRequest, ports: TapPorts): ChannelTaps {
  const { maskers, sink, idle_ms, now_ms, now_us, hmac_key, seal } = ports
  const terminal = request.pty !== undefined
  const echo = new EchoTracker()
  const unit = terminal ? 'width' : 'length'
  const width = request.pty === undefined ? {} : { columns: request.pty.columns }
  const common = { channel, unit, ...width, idle_ms, maskers, sink } as const
  const prompts = (): boolean => asksForPassword(taps.prompt)
  const taps: ChannelTaps = {
    sink,
    out: new OutputTap({ ...common, stream: 1, ...(terminal ? { echo } : {}) }),
    err: new OutputTap({ ...common, stream: 2 }),
    input: terminal
      ? new InputTap({ channel, maskers, sink, echo, now_ms, prompts })
      : new StdinTap(channel, maskers, sink),
    messages: undefined,
    transfers: new Transfers({ channel, maskers, sink, hmac_key, seal }),
    statements: new Statements(channel, maskers, sink, now_us),
    prompt: new Uint8Array(),
    command_offset: 0,
    stopped: false,
  }
  return taps
}

/** What was shown before somebody types says whether it is a password. */
export function keepPrompt(taps: ChannelTaps, shown: Uint8Array): void {
  if (!(taps.input instanceof InputTap)) return
  taps.prompt =
    shown.length >= prompt_bytes_max
      ? shown.slice(-prompt_bytes_max)
      : Buffer.concat([taps.prompt, shown]).subarray(-prompt_bytes_max)
  taps.input.settle()
}

/** What is sealed of the streams, by their numbers. */
export interface RawDigests {
  /** Hex, of all raw bytes. */
  readonly sha256: Readonly<Record<string, string>>
  /** Of those from the offset on: the ones before it are shown. */
  readonly rest: Readonly<Record<string, { readonly offset: number; readonly sha256: string }>>
}

export function closeTaps(taps: ChannelTaps): RawDigests {
  taps.statements.close()
  const { messages } = taps
  const sha256: Record<string, string> = { '0': taps.input.close() }
  const rest: Record<string, { offset: number; sha256: string }> = {}
  for (const [stream, tap] of [
    ['1', taps.out],
    ['2', taps.err],
  ] as const) {
    const digest = tap.close()
    if (digest.kind === 'whole') sha256[stream] = digest.sha256
    else if (digest.kind === 'rest') rest[stream] = { offset: digest.offset, sha256: digest.sha256 }
  }
  if (messages !== undefined) {
    sha256['0'] = messages.in.close()
    sha256['1'] = messages.out.close()
  }
  return { sha256, rest }
}
