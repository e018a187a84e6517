/**
 * What was done in a session, as a list: programs, typed lines, files, and what policy said of them.
 *
 * @module
 */
import type { RecordHeader, RecordSpan } from '../evidence/record.ts'
import { plainText } from '../replay/plain.ts'
import { formatTime } from '../replay/time.ts'
import type { TimelineItem } from '../replay/timeline.ts'
import { text_characters_max } from './limits.ts'

/** One line of the list. */
export interface Step {
  readonly seq: number
  readonly time: string
  readonly channel: number
  /** The kind of its record, and `channel` for what a channel was opened for. */
  readonly kind:
    | 'channel'
    | 'command'
    | 'typed'
    | 'verdict'
    | 'hold'
    | 'approval'
    | 'grant'
    | 'file'
    | 'exit'
    | 'failed'
  /** One line, of which nothing acts on a terminal. */
  readonly text: string
  /** Of a channel. */
  readonly request?: string
  readonly env?: Readonly<Record<string, string>>
  /** Of a command: its masked bytes, and where the masks are. */
  readonly command?: { readonly bytes: Uint8Array; readonly spans: readonly RecordSpan[] }
  /** Of a verdict. */
  readonly allowed?: boolean
}

export async function* stepsOf(items: AsyncIterable<TimelineItem>): AsyncGenerator<Step, void> {
  for await (const item of items) {
    if (item.kind === 'damaged') continue
    const { header, payload } = item
    const { seq, channel } = header
    const step = stepOf(header, payload)
    if (step === undefined) continue
    const { text, ...facts } = step
    const place = { seq, time: formatTime(header.t_us), channel }
    yield { ...place, ...facts, text: plain(text) }
  }
}

type Facts = Omit<Step, 'seq' | 'time' | 'channel'>

function stepOf(header: RecordHeader, payload: Uint8Array): Facts | undefined {
  const decoded = (): string => new TextDecoder().decode(payload)
  switch (header.kind) {
    case 'channel': {
      const { request, env, pty } = header
      const text = pty === undefined ? request : `${request} on a terminal`
      return { kind: 'channel', text, request, env }
    }
    case 'command':
      // What a shell made of it is not known to whoever would repeat it.
      if (header.confidence !== 'exact')
        return { kind: 'typed', text: `${decoded()} (${header.confidence})` }
      // Borrowed bytes would be another record's by the time that they are read.
      return {
        kind: 'command',
        text: decoded(),
        command: { bytes: payload.slice(), spans: header.spans },
      }
    case 'input_text':
      return { kind: 'typed', text: decoded().replace(/[\r\n]+$/, '') }
    case 'input_opaque':
      return { kind: 'typed', text: 'a line that was not echoed, and is not on record' }
    case 'verdict': {
      const { allowed, rule, asked, risk, findings = [] } = header
      const why = [risk ?? '', findings.join(', ')].filter((each) => each !== '').join(': ')
      const text = `${allowed ? 'allowed' : 'denied'} by ${rule}: ${asked}${why === '' ? '' : ` (${why})`}`
      return { kind: 'verdict', text, allowed }
    }
    case 'hold': {
      const { rule, request, approvals } = header
      const wanted = approvals.map(({ group, quorum }) => `${quorum} of ${group || 'anybody'}`)
      return {
        kind: 'hold',
        text: `waits by ${rule} as request ${request} for ${wanted.join(', ')}`,
      }
    }
    case 'approval': {
      const { outcome, by, comment } = header
      const names = by.map(({ subject, issuer }) => `${subject} of ${issuer}`).join(', ')
      const text = [outcome, names, comment].filter((each) => each !== '').join(': ')
      return { kind: 'approval', text }
    }
    case 'grant': {
      const { grant, break_glass, reason, by } = header
      const names = by.map(({ subject, issuer }) => `${subject} of ${issuer}`).join(', ')
      const how = break_glass ? 'taken as break-glass' : `approved by ${names}`
      return { kind: 'grant', text: `${grant}, ${how}: ${reason}` }
    }
    case 'transfer': {
      const { direction, path, outcome, length } = header
      return { kind: 'file', text: `${direction} of ${path}, ${outcome}, ${length} bytes` }
    }
    case 'change': {
      const { operation, path, to } = header
      return { kind: 'file', text: [operation, path, to ?? ''].join(' ').trimEnd() }
    }
    case 'exit':
      return { kind: 'exit', text: `status ${header.code}` }
    case 'command_end':
      return { kind: 'exit', text: `command ${header.command}: status ${header.code}` }
    case 'exit_signal':
      return { kind: 'exit', text: `by SIG${header.signal}` }
    case 'failed':
      return { kind: 'failed', text: `${header.code}: ${header.message}` }
    default:
      return undefined
  }
}

/** `commands.json`: one step a line; nothing in it acts on a terminal. */
export function stepLine({ command, env, ...facts }: Step): string {
  const masked = command?.spans.map(({ at, n, rule }) => ({ at, n, rule: plain(rule) }))
  const shown = Object.entries(env ?? {}).map(([name, value]) => [plain(name), plain(value)])
  return JSON.stringify({
    ...facts,
    ...(env === undefined ? {} : { env: Object.fromEntries(shown) }),
    ...(masked === undefined ? {} : { masked }),
  })
}

const plain = (text: string): string => plainText(text, text_characters_max)
