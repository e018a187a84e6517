/**
 * What was done in a session, as a list: programs, statements, typed lines, files, and what policy said of them.
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
    | 'statement'
    | 'run'
    | 'result'
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
  /** Of a command or a statement, or of a run its parameters: the masked bytes, and where the masks are. */
  readonly command?: { readonly bytes: Uint8Array; readonly spans: readonly RecordSpan[] }
  /** Of a verdict, and of a statement: before anybody approved it. */
  readonly allowed?: boolean
  /** Of a statement, its runs and results: its number in the channel. */
  readonly statement?: number
  /** Of a run, and of its result; 0 where the text itself was run. */
  readonly run?: number
  /** Of a statement. `name`: of a prepared one, which is run later. `length`: of all of it, where that is not on record. */
  readonly asked?: {
    readonly kinds: readonly string[]
    readonly rule: string
    readonly name?: string
    readonly length?: number
  }
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
    case 'statement': {
      const { statement, name, prepared, kinds, allowed, rule, length, spans } = header
      const asked = {
        ...{ kinds, rule },
        ...(prepared ? { name } : {}),
        ...(length > payload.length ? { length } : {}),
      }
      const command = { bytes: payload.slice(), spans }
      return { kind: 'statement', text: decoded(), statement, allowed, asked, command }
    }
    case 'run': {
      const { statement, run, spans } = header
      const command = { bytes: payload.slice(), spans }
      return { kind: 'run', text: decoded().replace(/\n$/, ''), statement, run, command }
    }
    case 'result': {
      const { statement, run, tag, rows, error } = header
      const text = error === undefined ? `${tag}, ${rows} rows` : `error ${error}`
      return { kind: 'result', text, statement, run }
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
export function stepLine({ command, env, asked, ...facts }: Step): string {
  const masked = command?.spans.map(({ at, n, rule }) => ({ at, n, rule: plain(rule) }))
  const shown = Object.entries(env ?? {}).map(([name, value]) => [plain(name), plain(value)])
  return JSON.stringify({
    ...facts,
    ...(asked === undefined ? {} : { ...asked, ...plainAsked(asked) }),
    ...(env === undefined ? {} : { env: Object.fromEntries(shown) }),
    ...(masked === undefined ? {} : { masked }),
  })
}

const plainAsked = ({ kinds, rule, name }: NonNullable<Step['asked']>): object => ({
  ...{ kinds: kinds.map(plain), rule: plain(rule) },
  ...(name === undefined ? {} : { name: plain(name) }),
})

const plain = (text: string): string => plainText(text, text_characters_max)
