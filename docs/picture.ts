/**
 * Draws an asciicast as an SVG that plays once and ends with all of it on view. It is a picture of the whole
 * text, not of a window onto it: what is printed appears where it stays.
 *
 * @module
 */
import { type IBufferCell, Terminal } from '@xterm/headless'

const font_size = 14
const cell_width = 8.4
const row_height = 18
const margin = 16
const background = '#0d1117'
const foreground = '#d0d7de'
/** The sixteen colours of a terminal. */
const colours =
  '#484f58 #ff7b72 #3fb950 #d29922 #58a6ff #bc8cff #39c5cf #b1bac4 #6e7681 #ffa198 #56d364 #e3b341 #79c0ff #d2a8ff #56d4dd #ffffff'.split(
    ' ',
  )
/** What comes within this time appears together, so that a picture of typing stays small. */
const frame_ms = 100
const pause_ms_max = 1000

interface Cell {
  readonly text: string
  readonly style: string
}

/** A run of cells of one style that appeared together. */
interface Piece {
  readonly column: number
  readonly style: string
  text: string
}

interface Row {
  cells: readonly Cell[]
  /** Pieces by the time at which they appeared. */
  pieces: Map<number, readonly Piece[]>
}

/** The same cast gives the same picture. Throws for a text that is no asciicast v3 of output alone. */
export async function drawCast(cast: string): Promise<string> {
  const [header = '', ...lines] = cast.trimEnd().split('\n')
  const { version, term, title } = JSON.parse(header) as {
    readonly version: number
    readonly term: { readonly cols: number; readonly rows: number }
    readonly title: string
  }
  if (version !== 3) throw new Error('not an asciicast v3')
  const terminal = new Terminal({ ...term, allowProposedApi: true, scrollback: 10_000 })
  const rows: Row[] = []
  let now_ms = 0
  let frame_at_ms = 0
  for (const [index, line] of lines.entries()) {
    const [interval, code, data] = JSON.parse(line) as [number, string, string]
    if (code !== 'o') throw new Error(`an event of kind ${code}`)
    now_ms += Math.min(interval * 1000, pause_ms_max)
    await new Promise<void>((resolve) => terminal.write(data, resolve))
    if (now_ms - frame_at_ms < frame_ms && index < lines.length - 1) continue
    frame_at_ms = Math.round(now_ms)
    look(terminal, rows, frame_at_ms)
  }
  while (rows.at(-1)?.cells.length === 0) rows.pop()
  return svg(title, term.cols, rows)
}

/** What is on the screen now, and above it. What is only overwritten, such as progress, is not kept. */
function look(terminal: Terminal, rows: Row[], at_ms: number): void {
  const { active } = terminal.buffer
  for (let y = 0; y < active.length; y++) {
    const cells = cellsOf(terminal, y)
    const row = (rows[y] ??= { cells: [], pieces: new Map() })
    let same = 0
    while (same < row.cells.length && same < cells.length && isSame(row.cells[same], cells[same]))
      same++
    if (same === row.cells.length && same === cells.length) continue
    if (same < row.cells.length) cut(row, same)
    row.pieces.set(at_ms, piecesOf(cells, same))
    row.cells = cells
  }
}

function isSame(a: Cell | undefined, b: Cell | undefined): boolean {
  return a?.text === b?.text && a?.style === b?.style
}

function cut(row: Row, column: number): void {
  for (const [at_ms, pieces] of row.pieces) {
    const kept = pieces
      .filter((piece) => piece.column < column)
      .map((piece) => ({ ...piece, text: piece.text.slice(0, column - piece.column) }))
    if (kept.length === 0) row.pieces.delete(at_ms)
    else row.pieces.set(at_ms, kept)
  }
}

function cellsOf(terminal: Terminal, y: number): readonly Cell[] {
  const line = terminal.buffer.active.getLine(y)
  const cells: Cell[] = []
  for (let x = 0; line !== undefined && x < line.length; x++) {
    const cell = line.getCell(x)
    if (cell === undefined) break
    cells.push({ text: cell.getChars() === '' ? ' ' : cell.getChars(), style: styleOf(cell) })
  }
  while (cells.at(-1)?.text === ' ') cells.pop()
  return cells
}

function styleOf(cell: IBufferCell): string {
  const colour = cell.isFgPalette() ? colours[cell.getFgColor()] : undefined
  return [
    ...(colour === undefined ? [] : [`fill="${colour}"`]),
    ...(cell.isBold() === 0 ? [] : ['font-weight="bold"']),
    ...(cell.isDim() === 0 ? [] : ['opacity=".6"']),
  ].join(' ')
}

function piecesOf(cells: readonly Cell[], from: number): Piece[] {
  const pieces: Piece[] = []
  for (const [column, { text, style }] of cells.entries()) {
    if (column < from) continue
    const last = pieces.at(-1)
    if (last?.style === style) last.text += text
    else pieces.push({ column, style, text })
  }
  return pieces.filter(({ text }) => text.trim() !== '')
}

function svg(title: string, columns: number, rows: readonly Row[]): string {
  const width = Math.ceil(columns * cell_width + 2 * margin)
  const height = rows.length * row_height + 2 * margin
  const frames = new Map<number, string[]>()
  for (const [y, { pieces }] of rows.entries())
    for (const [at_ms, each] of pieces) {
      const frame = frames.get(at_ms) ?? []
      frame.push(...each.map((piece) => drawPiece(piece, y)))
      frames.set(at_ms, frame)
    }
  const groups = [...frames]
    .toSorted(([a], [b]) => a - b)
    .map(([at_ms, texts]) => `<g style="animation-delay:${at_ms}ms">${texts.join('')}</g>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" fill="${foreground}" role="img">
<title>${escaped(title)}</title>
<style>
text{font:${font_size}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}
@media(prefers-reduced-motion:no-preference){g{animation:show 1ms backwards}}
@keyframes show{from{visibility:hidden}}
</style>
<rect width="100%" height="100%" rx="8" fill="${background}"/>
${groups.join('\n')}
</svg>
`
}

/** Every font is stretched to the cells of the terminal, so that columns stand below each other. */
function drawPiece(piece: Piece, y: number): string {
  const lead = piece.text.length - piece.text.trimStart().length
  const shown = piece.text.trim()
  const x = margin + (piece.column + lead) * cell_width
  const place = `x="${round(x)}" y="${margin + y * row_height + font_size}"`
  const length = `textLength="${round(shown.length * cell_width)}"`
  const style = piece.style === '' ? '' : ` ${piece.style}`
  return `<text ${place} ${length}${style}>${escaped(shown)}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
