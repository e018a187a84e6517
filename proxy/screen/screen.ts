/**
 * The emulated screen of a channel. It paints only when somebody looks: until then the end of what was printed waits,
 * so that bulk output costs a copy of its last bytes, and a session in which nobody types no screen.
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
import { Tail } from './tail.ts'

/**
 * Sequences of ECMA-48 that say how often something is done, and are done as often: with a large number each of them would
 * hold this thread up for minutes. No program that paints a screen does more of it than the screen has cells.
 */
const of_cells = ['@', 'P', 'X', 'b', 'I', 'Z'] as const
const of_rows = ['L', 'M', 'S', 'T'] as const

export function openScreen(size: ScreenSize): Screen {
  /** Once somebody looked: it takes more memory than all else of an idle session. */
  let terminal: Terminal | undefined
  let first_size = size
  const waiting = new Tail(painted_bytes_max)
  let mark: { readonly marker: Marker | undefined; readonly column: number } | undefined
  let is_closed = false

  /** Calls back once all that was printed is painted. */
  const paint = (then: (on: Terminal) => void): void => {
    if (is_closed) return
    terminal ??= makeTerminal(first_size)
    const on = terminal
    const bytes = waiting.take()
    // What the lost part left open, a string or half a sequence, must not swallow the rest.
    if (waiting.has_gap) on.reset()
    waiting.has_gap = false
    // Each piece is painted without a pause.
    for (let at = 0; at < bytes.length; at += slice_bytes)
      on.write(bytes.subarray(at, at + slice_bytes))
    on.write('', () => then(on))
  }

  return {
    print(bytes) {
      if (!is_closed) waiting.push(bytes)
    },
    resize(next) {
      if (terminal === undefined && waiting.isEmpty) {
        first_size = next
        return
      }
      paint((on) => {
        const to = bounded(next)
        on.resize(to.columns, to.rows)
      })
    },
    begin() {
      paint((on) => {
        mark?.marker?.dispose()
        mark = { marker: on.registerMarker(0), column: on.buffer.active.cursorX }
      })
    },
    read() {
      const { promise, resolve } = Promise.withResolvers<ScreenLine>()
      if (is_closed) resolve(nothing)
      else paint((on) => resolve(lineOf(on, mark)))
      return promise
    },
    close() {
      is_closed = true
      waiting.take()
      terminal?.dispose()
    },
  }
}

const nothing: ScreenLine = { typed: undefined, before: '', whole: '' }

function makeTerminal(size: ScreenSize): Terminal {
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
  return terminal
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
