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
  unpainted_bytes_max,
  waiting_steps_max,
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
  /** Once somebody had to look: it takes more memory than all else of an idle session. */
  let terminal: Terminal | undefined
  let first_size = size
  const waiting = new Tail(painted_bytes_max)
  /** What happens between the bytes that wait, in this order. */
  let steps: Step[] = []
  /** Where in them the line begins, unless that was painted. */
  let line_at: number | undefined
  let mark: { readonly marker: Marker | undefined; readonly column: number } | undefined
  /** Of {@link paint}, whose callback has not come. */
  let paintings = 0
  let is_closed = false

  /** Calls back once all that was printed is painted. */
  const paint = (then: (on: Terminal) => void): void => {
    terminal ??= makeTerminal(first_size)
    const on = terminal
    const { bytes, from } = waiting.take()
    // What the lost part left open, a string or half a sequence, must not swallow the rest.
    if (from > 0)
      on.write('', () => {
        on.reset()
        mark = undefined
      })
    let at = 0
    /** Each piece is painted without a pause. */
    const paintTo = (end: number): void => {
      for (; at < end; at = Math.min(at + slice_bytes, end))
        on.write(bytes.subarray(at, Math.min(at + slice_bytes, end)))
    }
    for (const step of steps) {
      // The line began in what was lost.
      if (step.kind === 'begin' && step.at < from) continue
      paintTo(Math.max(0, step.at - from))
      on.write('', () => take(on, step))
    }
    steps = []
    line_at = undefined
    paintTo(bytes.length)
    paintings += 1
    on.write('', () => {
      paintings -= 1
      then(on)
    })
  }
  /** Whoever looks next begins anew: until then it would only take memory. */
  const forget = (on: Terminal): void => {
    first_size = { columns: on.cols, rows: on.rows }
    mark = undefined
    terminal = undefined
    on.dispose()
  }
  const take = (on: Terminal, step: Step): void => {
    if (step.kind === 'resize') {
      const { columns, rows } = bounded(step.size)
      on.resize(columns, rows)
      return
    }
    mark?.marker?.dispose()
    mark = { marker: on.registerMarker(0), column: on.buffer.active.cursorX }
  }
  /** Takes place behind what was printed until now; too much is not kept waiting. */
  const later = (step: Step): void => {
    steps.push(step)
    if (steps.length > waiting_steps_max) paint(() => {})
  }

  return {
    print(bytes) {
      if (is_closed) return
      waiting.push(bytes)
      const has_lost = waiting.place > waiting.length
      if (has_lost && terminal !== undefined && paintings === 0) forget(terminal)
    },
    resize(next) {
      if (terminal === undefined && waiting.isEmpty && steps.length === 0) first_size = next
      else if (!is_closed) later({ kind: 'resize', at: waiting.place, size: next })
    },
    begin() {
      if (is_closed) return
      if (waiting.length > unpainted_bytes_max) paint(() => {})
      line_at = waiting.place
      // The one before is over.
      steps = steps.filter(({ kind }) => kind !== 'begin')
      later({ kind: 'begin', at: line_at })
    },
    echoes(typed) {
      if (line_at === undefined || !plain.test(typed)) return 'unknown'
      const bytes = Buffer.from(typed, 'latin1')
      if (waiting.isSince(line_at, bytes)) return 'all'
      return waiting.beginsSince(line_at, bytes) ? 'part' : 'unknown'
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

type Step =
  | { readonly kind: 'begin'; readonly at: number }
  | { readonly kind: 'resize'; readonly at: number; readonly size: ScreenSize }

/** Nothing that a terminal takes for more than text. */
const plain = /^[\x20-\x7e]+$/

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
