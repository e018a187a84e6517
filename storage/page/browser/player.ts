/**
 * Plays one terminal of a session: xterm.js keeps the screen, and the page paints its cells.
 *
 * @module
 */
import { type IBufferCell, Terminal } from '@xterm/headless'
import { type CastEvent, castEvents } from '../../replay/cast.ts'
import type { RecordedChannel } from '../../replay/channels.ts'
import { formatTime } from '../../replay/time.ts'
import { timeline } from '../../replay/timeline.ts'
import { element, type PageElement, part } from './dom.ts'

/** Output that a page holds to be played; the rest is in the records. */
const played_characters_max = 64 * 1024 * 1024
const size_default = { columns: 80, rows: 24 }
const size_max = 500
/** A longer pause is passed over. */
const pause_ms_max = 2000
const colours =
  '#484f58 #ff7b72 #3fb950 #d29922 #58a6ff #bc8cff #39c5cf #b1bac4 #6e7681 #ffa198 #56d364 #e3b341 #79c0ff #d2a8ff #56d4dd #ffffff'.split(
    ' ',
  )

let playing: { stop(): void } | undefined

/** Puts the player of this terminal in the place of the one before. */
export async function openPlayer(
  records: AsyncIterable<Uint8Array>,
  channel: RecordedChannel,
): Promise<void> {
  playing?.stop()
  const events: CastEvent[] = []
  let characters = 0
  for await (const event of castEvents(timeline(records), channel)) {
    characters += event.data.length
    if (characters > played_characters_max) break
    if (event.code === 'o' || event.code === 'r') events.push(event)
  }
  const screen = part('screen')
  const seek = part('seek')
  const button = part('play')
  const clock = part('clock')
  seek.max = String(events.length)
  let terminal = newTerminal(channel)
  let at = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const stop = (): void => {
    clearTimeout(timer)
    timer = undefined
    button.textContent = 'play'
  }
  const show = async (to: number): Promise<void> => {
    if (to < at) {
      terminal = newTerminal(channel)
      at = 0
    }
    for (; at < to; at++) {
      const event = events[at]
      if (event?.code === 'o')
        await new Promise<void>((resolve) => terminal.write(event.data, resolve))
      else if (event !== undefined) resize(terminal, event.data)
    }
    paint(terminal, screen)
    seek.value = String(at)
    const shown = events[at - 1]
    clock.textContent = shown === undefined ? '' : formatTime(shown.t_us)
  }
  const step = async (): Promise<void> => {
    await show(at + 1)
    const [last, next] = [events[at - 1], events[at]]
    if (next === undefined || last === undefined || timer === undefined) return stop()
    const pause_ms = Math.min((next.t_us - last.t_us) / 1000, pause_ms_max)
    timer = setTimeout(() => void step(), Math.max(0, pause_ms) / Number(part('speed').value))
  }
  button.onclick = () => {
    if (timer !== undefined) return stop()
    button.textContent = 'pause'
    timer = setTimeout(() => void (at >= events.length ? show(0).then(step) : step()), 0)
  }
  seek.oninput = () => {
    stop()
    void show(Number(seek.value))
  }
  playing = { stop }
  part('player').hidden = false
  // At its end: what was on the screen is there to be read without waiting.
  await show(events.length)
}

function newTerminal({ pty = { term: '', ...size_default } }: RecordedChannel): Terminal {
  return new Terminal({
    cols: bounded(pty.columns, size_default.columns),
    rows: bounded(pty.rows, size_default.rows),
    allowProposedApi: true,
    scrollback: 1000,
  })
}

const bounded = (value: number, otherwise: number): number =>
  value >= 1 ? Math.min(Math.floor(value), size_max) : otherwise

function resize(terminal: Terminal, size: string): void {
  const [columns = 0, rows = 0] = size.split('x').map(Number)
  terminal.resize(bounded(columns, size_default.columns), bounded(rows, size_default.rows))
}

/** Rows of the screen and what scrolled out above it, each as runs of one style. */
function paint(terminal: Terminal, screen: PageElement): void {
  const { active } = terminal.buffer
  const lines = Array.from({ length: active.length }, (_, y) => {
    const line = element('div')
    let run: PageElement | undefined
    let style = ''
    const cells = active.getLine(y)
    for (let x = 0; x < terminal.cols; x++) {
      const cell = cells?.getCell(x)
      if (cell === undefined || cell.getWidth() === 0) continue
      const [front, back, weight] = styleOf(cell)
      const wanted = [front, back, weight].join()
      if (run === undefined || wanted !== style) {
        run = element('span')
        run.style.color = front
        run.style.backgroundColor = back
        run.style.fontWeight = weight
        style = wanted
        line.append(run)
      }
      run.textContent += cell.getChars() || ' '
    }
    return line
  })
  screen.replaceChildren(...lines)
}

function styleOf(cell: IBufferCell): readonly [front: string, back: string, weight: string] {
  const front = cell.isFgDefault() ? '' : colourOf(cell.getFgColor(), cell.isFgRGB())
  const back = cell.isBgDefault() ? '' : colourOf(cell.getBgColor(), cell.isBgRGB())
  const weight = cell.isBold() ? 'bold' : ''
  if (cell.isInverse()) return [back || '#0d1117', front || '#d0d7de', weight]
  return [cell.isInvisible() ? back || '#0d1117' : front, back, weight]
}

/** The sixteen, then a cube of six steps and a ramp of greys (xterm's palette), or RGB. */
function colourOf(value: number, is_rgb: boolean): string {
  if (is_rgb) return `#${value.toString(16).padStart(6, '0')}`
  if (value < 16) return colours[value] ?? ''
  if (value >= 232) {
    const grey = (value - 232) * 10 + 8
    return `rgb(${grey},${grey},${grey})`
  }
  const cube = value - 16
  const step = (digit: number): number => (digit === 0 ? 0 : digit * 40 + 55)
  return `rgb(${step(Math.floor(cube / 36))},${step(Math.floor(cube / 6) % 6)},${step(cube % 6)})`
}
