/**
 * What a terminal shows of a stream, read naively: the whole stream at once, with a regular expression for what is
 * not text, and a list of characters for the line. It shares nothing with the engine. The tests compare.
 *
 * @module
 */
import type { Oracle, OracleSpan } from './oracle.ts'

/** Text that was or is on the screen, and where each of its characters stands in the stream. */
interface View {
  readonly text: string
  readonly places: readonly number[]
  /** Indices of {@link text} before which something was left out. */
  readonly seams: readonly number[]
  /** What ends before this index was there when something behind it was overwritten, and may have left by then. */
  readonly since: number
}

/** ECMA-48, and the strings of xterm and `screen`; what is left are controls without an effect on the text. */
export const escapes: RegExp =
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_k][^\x07\n\r\x18\x1a\x1b]*(?:\x1b\\|[\x07\x18\x1a])?|\x1b[ -/]*[0-~]|\xc2[\x80-\x84\x86-\x8f]|[\0-\x07\x0e-\x1a\x1c-\x1f]/y
/** In a stream of bytes only these. */
const sequences = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\0-\x1f]*(?:\x1b\\|\x07)?/y

/** What is to be seen in a text, of which something was left out before each of the places `seams`. */
export type Seen = (text: string, seams: readonly number[]) => readonly OracleSpan[]

export interface Due {
  /** Found in the stream as it is, and in its text alone. */
  readonly spans: readonly OracleSpan[]
  /** Found on a line after something on it was overwritten: what had been shown by then cannot be masked any more. */
  readonly rewritten: readonly OracleSpan[]
}

/**
 * What is due in `text`, a character for each byte: the union over the stream as it is and over all that was to be
 * seen on the screen. `columns` is the screen's width, 0 when it is not known.
 */
export function dueOnScreen(
  seen: Seen,
  text: string,
  reading: 'terminal' | 'bytes',
  columns = 0,
): Due {
  const [alone, ...lines] =
    reading === 'terminal' ? viewsOf(text, columns) : [leftOver(text, sequences)]
  const placed = (view: View | undefined): readonly OracleSpan[] =>
    view === undefined
      ? []
      : seen(view.text, view.seams)
          .filter(({ end }) => end > view.since)
          .map(({ start, end, rule }) => ({
            start: view.places[start] ?? 0,
            end: (view.places[end - 1] ?? 0) + 1,
            rule,
          }))
  return {
    spans: joined([...seen(text, []), ...placed(alone)]),
    rewritten: joined(lines.flatMap(placed)),
  }
}

/** At a seam a word ends, and it does not: each pair of seams is tried as both ends. */
export const betweenSeams =
  (oracle: Oracle): Seen =>
  (text, seams) => {
    const found: OracleSpan[] = []
    const begins = [undefined, ...seams]
    const ends = [undefined, ...seams]
    for (const begin of begins)
      for (const end of ends) {
        if (begin !== undefined && end !== undefined && end <= begin) continue
        const from = begin ?? 0
        const part = `${begin === undefined ? '' : '\x1b'}${text.slice(from, end)}${end === undefined ? '' : '\x1b'}`
        const shift = from - (begin === undefined ? 0 : 1)
        for (const match of oracle.spans(part))
          if (match.start + shift >= from && match.end + shift <= (end ?? text.length))
            found.push({ start: match.start + shift, end: match.end + shift, rule: match.rule })
      }
    return found
  }

function leftOver(text: string, out: RegExp): View {
  let left = ''
  const places: number[] = []
  const seams: number[] = []
  for (let at = 0; at < text.length; ) {
    out.lastIndex = at
    const length = out.exec(text)?.[0].length ?? 0
    if (length > 0 && seams.at(-1) !== left.length) seams.push(left.length)
    if (length === 0) {
      left += text[at]
      places.push(at)
    }
    at += Math.max(1, length)
  }
  return { text: left, places, seams, since: 0 }
}

/** First the text alone, then the lines as they were each time before something on them was overwritten, and at last. */
function viewsOf(text: string, columns: number): readonly View[] {
  const { text: left, places, seams } = leftOver(text, escapes)
  const alone = { text: '', places: [] as number[], seams: [] as number[], since: 0 }
  const lines: View[] = []
  let line = { text: '', places: [] as number[], seams: [] as number[], since: 0 }
  let cursor = 0
  let column = 0
  let is_rewritten = false
  const seam = (): void => {
    for (const view of [alone, line])
      if (view.seams.at(-1) !== view.text.length) view.seams.push(view.text.length)
  }
  const put = (view: typeof line, char: string, place: number): void => {
    view.text += char
    view.places.push(place)
  }
  const keep = (): void => {
    if (is_rewritten) lines.push({ ...line, places: [...line.places], seams: [...line.seams] })
  }
  for (let at = 0; at < left.length; at++) {
    const char = left[at] ?? ''
    const place = places[at] ?? 0
    if (seams.includes(at)) seam()
    if (char === '\b' || char === '\x7f') {
      seam()
      if (cursor > 0) cursor--
      if (column > 0) column--
      continue
    }
    if (char === '\r') {
      if (left[at + 1] === '\n' && (places[at + 1] ?? 0) === place + 1) {
        if (columns > 0 && column > 0 && column % columns === 0) seam()
        else {
          for (const view of [alone, line]) {
            put(view, '\r', place + 1)
            put(view, '\n', place + 1)
          }
          keep()
          line = { text: '', places: [], seams: [], since: 0 }
          is_rewritten = false
          cursor = 0
        }
        column = 0
        at++
        continue
      }
      seam()
      column = 0
      cursor = line.text.endsWith(' ') ? line.text.length - 1 : line.text.length
      continue
    }
    put(alone, char, place)
    // To the next stop.
    column = char === '\t' ? column - (column % 8) + 8 : column + 1
    if (char === '\n') {
      put(line, char, place)
      keep()
      line = { text: '', places: [], seams: [], since: 0 }
      is_rewritten = false
      cursor = 0
      column = 0
      continue
    }
    if (cursor < line.text.length) {
      // The same again changes nothing.
      if (line.text[cursor] === char) {
        cursor++
        is_rewritten = true
        continue
      }
      keep()
      line = {
        text: line.text.slice(0, cursor),
        places: line.places.slice(0, cursor),
        seams: [...line.seams.filter((one) => one < cursor), cursor],
        since: cursor,
      }
      is_rewritten = true
    }
    put(line, char, place)
    cursor = line.text.length
  }
  keep()
  return [alone, ...lines]
}

function joined(spans: readonly OracleSpan[]): readonly OracleSpan[] {
  const all = [...spans].sort((a, b) => a.start - b.start || b.end - a.end)
  const all_joined: { start: number; end: number; rule: string }[] = []
  for (const span of all) {
    const last = all_joined.at(-1)
    if (last === undefined || span.start >= last.end) all_joined.push({ ...span })
    else last.end = Math.max(last.end, span.end)
  }
  return all_joined
}
