/**
 * One channel of a session as an asciicast v3 (docs.asciinema.org/manual/asciicast/v3): newline-delimited
 * JSON, a header, then `[interval, code, data]`. Active escapes are filtered.
 *
 * @module
 */
import type { RecordedChannel } from './channels.ts'
import { createPicture } from './picture.ts'
import { plainText } from './plain.ts'
import type { TimelineItem } from './timeline.ts'

export interface CastFacts {
  readonly channel: RecordedChannel
  readonly title: string
}

/** `output` as shown, `resize` as `COLUMNSxROWS`, `marker` a label, `exit` the status. */
export type CastCode = 'o' | 'r' | 'm' | 'x'

export interface CastEvent {
  readonly t_us: number
  readonly code: CastCode
  readonly data: string
}

/** A player without a size of its own uses what terminals had first. */
const size_default = { columns: 80, rows: 24 }
/** A terminal larger than this is a mistake or an attack on the player. */
const size_max = 2000

/** The lines of the file, each with its newline. */
export async function* castOf(
  items: AsyncIterable<TimelineItem>,
  facts: CastFacts,
): AsyncGenerator<string, void> {
  const { pty, started_us } = facts.channel
  const { columns, rows } = bounded(pty ?? size_default)
  const type = plainText(pty?.term ?? '', 64)
  yield `${JSON.stringify({
    version: 3,
    term: { cols: columns, rows, ...(type === '' ? {} : { type }) },
    timestamp: Math.floor(started_us / 1_000_000),
    title: plainText(facts.title, 256),
  })}\n`
  let last_us = started_us
  for await (const { t_us, code, data } of castEvents(items, facts.channel)) {
    // Intervals of whole microseconds, so that nothing adds up over a day.
    const at_us = Math.max(t_us, last_us)
    yield `[${((at_us - last_us) / 1_000_000).toFixed(6)}, ${JSON.stringify(code)}, ${JSON.stringify(data)}]\n`
    last_us = at_us
  }
}

/** What happens on the screen of one channel, in order, with UTC microseconds. */
export async function* castEvents(
  items: AsyncIterable<TimelineItem>,
  channel: RecordedChannel,
): AsyncGenerator<CastEvent, void> {
  const picture = createPicture(channel.pty !== undefined)
  for await (const item of items) {
    if (item.kind === 'damaged') continue
    const { header, payload } = item
    if (header.channel !== channel.channel) continue
    const { t_us } = header
    switch (header.kind) {
      case 'output':
      case 'echo': {
        const data = picture.push(header.stream, payload)
        if (data !== '') yield { t_us, code: 'o', data }
        break
      }
      case 'left_out':
      case 'result': {
        const data = picture.push(1, payload)
        if (data !== '') yield { t_us, code: 'o', data }
        break
      }
      case 'resize': {
        const { columns, rows } = bounded(header)
        yield { t_us, code: 'r', data: `${columns}x${rows}` }
        break
      }
      case 'statement':
      case 'run': {
        const mark = header.kind === 'run' ? `#${header.statement} with ` : '=> '
        const said = new TextDecoder().decode(payload)
        const data = picture.push(1, new TextEncoder().encode(`${mark}${said}\n`))
        if (data !== '') yield { t_us, code: 'o', data }
        break
      }
      case 'command':
        yield { t_us, code: 'm', data: plainText(new TextDecoder().decode(payload), 1024) }
        break
      case 'exit':
        yield { t_us, code: 'x', data: String(header.code) }
        break
      case 'exit_signal':
        yield { t_us, code: 'm', data: `ended by SIG${plainText(header.signal, 16)}` }
        break
      // Nothing of these is on a screen; typed text is there as its echo.
      case 'start':
      case 'channel':
      case 'command_end':
      case 'verdict':
      case 'hold':
      case 'approval':
      case 'grant':
      case 'dialled':
      case 'echo_text':
      case 'input':
      case 'input_text':
      case 'input_opaque':
      case 'stdin':
      case 'signal':
      case 'eof':
      case 'failed':
      case 'transfer_start':
      case 'transfer':
      case 'change':
      case 'exchange':
      case 'sealed':
      case 'channel_end':
      case 'end':
        break
    }
  }
}

function bounded(size: { readonly columns: number; readonly rows: number }): {
  readonly columns: number
  readonly rows: number
} {
  // 0 means that the client did not know (RFC 4254, section 6.2).
  const bound = (value: number, otherwise: number): number =>
    value >= 1 ? Math.min(Math.floor(value), size_max) : otherwise
  return {
    columns: bound(size.columns, size_default.columns),
    rows: bound(size.rows, size_default.rows),
  }
}
