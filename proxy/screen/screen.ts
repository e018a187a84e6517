/**
 * The emulated screen of a channel. It paints only when somebody looks: until then the end of what was printed waits,
 * so that bulk output costs a copy of its last bytes.
 *
 * @module
 */
import { Terminal } from '@xterm/headless'
import type { Screen, ScreenLine, ScreenSize } from '../core/screen.ts'
import {
  columns_max,
  painted_bytes_max,
  rows_max,
  slice_bytes,
  wrapped_rows_max,
} from './limits.ts'

/**
 * Sequences of ECMA-48 that say how often something is done, and are done as often: with a large number each of them would
 * hold this thread up for minutes. No program that paints a screen does more of it than the screen has cells.
 */
const of_cells = ['@', 'P', 'X', 'b', 'I', 'Z'] as const
const of_rows = ['L', 'M', 'S', 'T'] as const

export function openScreen(size: ScreenSize): Screen {
  const { columns, rows } = bounded(size)
  const terminal = new Terminal({
    cols: columns,
    rows,
    scrollback: 0,
    // The parser's interface counts as a proposal.
    allowProposedApi: true,
    logLevel: 'off',
  })
  const refuse = (final: string, most: () => number): void => {
    terminal.parser.registerCsiHandler({ final }, (params) =>
      params.some((count) => typeof count !== 'number' || count > most()),
    )
  }
  for (const final of of_cells) refuse(final, () => terminal.cols + terminal.rows)
  for (const final of of_rows) refuse(final, () => terminal.rows)
  let waiting: Uint8Array[] = []
  let waiting_bytes = 0
  let has_gap = false
  let mark: { readonly marker: Marker | undefined; readonly column: number } | undefined

  /** Calls back once all that was printed is painted. */
  const paint = (then: () => void): void => {
    // What the lost part left open, a string or half a sequence, must not swallow the rest.
    if (has_gap) terminal.reset()
    has_gap = false
    const bytes = Buffer.concat(waiting)
    waiting = []
    waiting_bytes = 0
    // Each piece is painted without a pause.
    for (let at = 0; at < bytes.length; at += slice_bytes)
      terminal.write(bytes.subarray(at, at + slice_bytes))
    terminal.write('', then)
  }

  return {
    print(bytes) {
      const last = bytes.subarray(-painted_bytes_max)
      waiting.push(new Uint8Array(last))
      waiting_bytes += last.length
      has_gap ||= last.length < bytes.length
      while (waiting_bytes > painted_bytes_max) {
        const [first] = waiting
        if (first === undefined) break
        const excess = waiting_bytes - painted_bytes_max
        has_gap = true
        if (first.length <= excess) waiting.shift()
        else waiting[0] = first.subarray(excess)
        waiting_bytes -= Math.min(excess, first.length)
      }
    },
    resize(next) {
      paint(() => {
        const to = bounded(next)
        terminal.resize(to.columns, to.rows)
      })
    },
    begin() {
      paint(() => {
        mark?.marker?.dispose()
        mark = { marker: terminal.registerMarker(0), column: terminal.buffer.active.cursorX }
      })
    },
    read() {
      const { promise, resolve } = Promise.withResolvers<ScreenLine>()
      paint(() => resolve(lineOf(terminal, mark)))
      return promise
    },
    close() {
      waiting = []
      terminal.dispose()
    },
  }
}

type Marker = NonNullable<ReturnType<Terminal['registerMarker']>>

const bounded = ({ columns, rows }: ScreenSize): ScreenSize => ({
  columns: Math.min(Math.max(columns || 80, 2), columns_max),
  rows: Math.min(Math.max(rows || 24, 1), rows_max),
})

function lineOf(
  terminal: Terminal,
  mark: { readonly marker: Marker | undefined; readonly column: number } | undefined,
): ScreenLine {
  const buffer = terminal.buffer.active
  const row = buffer.baseY + buffer.cursorY
  let first = row
  // Beyond its ends the buffer goes round.
  while (first > 0 && buffer.getLine(first)?.isWrapped === true && row - first < wrapped_rows_max)
    first -= 1
  let last = row
  while (
    last + 1 < buffer.length &&
    buffer.getLine(last + 1)?.isWrapped === true &&
    last - row < wrapped_rows_max
  )
    last += 1
  /** Cells, without those to the right of the last that was written. */
  const text = (from_row: number, from: number, to_row: number, to: number): string => {
    const rows: string[] = []
    for (let at = from_row; at <= to_row; at += 1)
      rows.push(
        buffer
          .getLine(at)
          ?.translateToString(
            false,
            at === from_row ? from : 0,
            at === to_row ? to : terminal.cols,
          ) ?? '',
      )
    return rows.join('')
  }
  const before = (from_row: number, from: number): string =>
    text(from_row, from, row, buffer.cursorX)
  const whole = (from_row: number, from: number): string =>
    text(from_row, from, last, terminal.cols).trimEnd()
  const start = mark?.marker === undefined || mark.marker.isDisposed ? -1 : mark.marker.line
  const is_inside =
    mark !== undefined &&
    start >= first &&
    (start < row || (start === row && mark.column <= buffer.cursorX))
  return {
    typed: is_inside
      ? { before: before(start, mark.column), whole: whole(start, mark.column) }
      : undefined,
    before: before(first, 0),
    whole: whole(first, 0),
  }
}
