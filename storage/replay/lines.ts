/**
 * What a session printed, as lines of plain text, each with the UTC time of its first character.
 * Escapes are stripped; what was overwritten on the screen is still here, since it was shown.
 *
 * @module
 */
import type { RecordHeader } from '../evidence/record.ts'
import { createEscapeFilter } from './filter.ts'
import type { TimelineItem } from './timeline.ts'

export interface OutputLine {
  readonly t_us: number
  /** Of the record in which the line begins. */
  readonly seq: number
  readonly channel: number
  readonly stream: 1 | 2
  /** Without its line end. Tabs are kept. */
  readonly text: string
}

/** A longer line is cut into several: a binary without newlines is not one line of a gigabyte. */
const line_characters_max = 16 * 1024

interface Open {
  readonly decoder: TextDecoder
  readonly filter: ReturnType<typeof createEscapeFilter>
  text: string
  t_us: number
  seq: number
}

/** Empty lines are left out: on a screen most of them are movements of the cursor. */
export async function* linesOf(
  items: AsyncIterable<TimelineItem>,
): AsyncGenerator<OutputLine, void> {
  const streams = new Map<string, Open>()
  const lineOf = (name: string, open: Open): OutputLine => {
    const [channel, stream] = name.split('/')
    const { t_us, seq, text } = open
    return { t_us, seq, channel: Number(channel), stream: stream === '2' ? 2 : 1, text }
  }
  for await (const item of items) {
    if (item.kind === 'damaged') continue
    const { header, payload } = item
    if (header.kind === 'channel_end') {
      for (const [name, open] of streams) {
        if (!name.startsWith(`${header.channel}/`)) continue
        if (open.text !== '') yield lineOf(name, open)
        streams.delete(name)
      }
      continue
    }
    const stream = streamOf(header)
    if (stream === undefined) continue
    const name = `${header.channel}/${stream}`
    let open = streams.get(name)
    if (open === undefined) {
      open = { decoder: new TextDecoder(), filter: createEscapeFilter(), text: '', t_us: 0, seq: 0 }
      streams.set(name, open)
    }
    const parts = broken(open.filter.push(open.decoder.decode(payload, { stream: true })))
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        if (open.text !== '') yield lineOf(name, open)
        open.text = ''
      }
      for (let from = 0; from < part.length; ) {
        if (open.text === '') {
          open.t_us = header.t_us
          open.seq = header.seq
        }
        const room = line_characters_max - open.text.length
        open.text += part.slice(from, from + room)
        from += room
        if (open.text.length < line_characters_max) continue
        yield lineOf(name, open)
        open.text = ''
      }
    }
  }
  for (const [name, open] of streams) if (open.text !== '') yield lineOf(name, open)
}

/** Where its payload was shown; of rows that are not on record, that is said. */
function streamOf(header: RecordHeader): 1 | 2 | undefined {
  switch (header.kind) {
    case 'output':
    case 'echo':
      return header.stream
    case 'left_out':
    case 'result':
      return 1
    default:
      return undefined
  }
}

// What a filter lets through begins and ends inside one piece of its output.
const sequence = /\u001b(?:[DEHM78]|[()*+][0AB]|\[[?]?[0-9;:]*([A-Za-z@`]))/g
/** Movements to another line: what follows is not the rest of this one. */
const to_another_line = new Set('ABEFHJLMSTdfnru')
const control = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/g

/** Filtered text as pieces, between which a line ended. */
function broken(text: string): readonly string[] {
  return text
    .replace(sequence, (whole, final: string | undefined) => {
      const ends = final === undefined ? /[DEM]$/.test(whole) : to_another_line.has(final)
      return ends ? '\n' : ''
    })
    .split(/[\n\r\u000b\u000c]/)
    .map((part) => part.replace(control, ''))
}
