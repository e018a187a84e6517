/**
 * Turns what a channel printed into text that is safe to show: UTF-8 decoded across record boundaries,
 * active escapes filtered, line ends as a terminal needs them.
 *
 * @module
 */
import { createEscapeFilter } from './filter.ts'

export interface Picture {
  /** `stream` is 1 or 2; both end on one screen. */
  push(stream: number, bytes: Uint8Array): string
}

/** Without a terminal nobody turned LF into CR LF (RFC 4254, section 8: ONLCR), and a screen needs it. */
export function createPicture(is_terminal: boolean): Picture {
  const filter = createEscapeFilter()
  const decoders = new Map<number, TextDecoder>()
  let last = ''
  return {
    push(stream, bytes) {
      const decoder = decoders.get(stream) ?? new TextDecoder()
      decoders.set(stream, decoder)
      const text = decoder.decode(bytes, { stream: true })
      if (text === '') return ''
      if (is_terminal) return filter.push(text)
      const previous = last
      last = text.charAt(text.length - 1)
      return filter.push(
        text.replace(/\n/g, (_, at: number) =>
          (at === 0 ? previous : text.charAt(at - 1)) === '\r' ? '\n' : '\r\n',
        ),
      )
    },
  }
}
