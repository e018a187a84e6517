/**
 * Streams of a terminal: hostile fragments with escape sequences, controls and corrections at any place of them. What must come of
 * them, a naive screen says (`host/oracle-screen.ts`).
 *
 * @module
 */
import { crowded } from '../../masking-wasm/compile/compile.ts'
import type { Masked, MaskingEngine } from '../../masking-wasm/host/engine.ts'
import type { OracleSpan } from '../../masking-wasm/host/oracle.ts'
import { dueOnScreen, escapes, type Seen } from '../../masking-wasm/host/oracle-screen.ts'
import type { Rule } from '../../masking-wasm/rules/rule.ts'
import { Fragments } from './fragment.ts'
import type { Case, Masker } from './masking.ts'
import { type Oracle, spansOf } from './oracle.ts'
import type { Random } from './random.ts'

/** How a stream is read, and what was put into it. */
export interface Screen {
  readonly reading: 'terminal' | 'bytes'
  /** 0 when they are not known. */
  readonly columns: number
  /** Nothing odd was put into it: what it does to the screen is known. */
  readonly sound: boolean
}

export interface ScreenCase extends Case {
  readonly screen: Screen
}

export interface ScreenFind extends ScreenCase {
  /** What is wrong, without the bytes. */
  readonly reason: string
}

export interface ScreenTally {
  fragments: number
  streams: number
  /** What the naive screen says must be masked. */
  spans: number
  /** Streams in which nothing is written over: there nothing else may be masked. */
  exact: number
}

const sequences: readonly [string, ...string[]] = [
  ...(['\x1b[31m', '\x1b[m', '\x1b[K', '\x1b]0;t\x07', '\x1b]8;;http://x\x1b\\'] as const),
  ...['\t', '\x1b(B', '\x1b7', '\0', '\x07', '\x1b[38;5;120m', '\x1b[?25l', '\x1bP1$r\x1b\\'],
]
const edits: readonly [string, ...string[]] = [
  ...(['\b', '\b \b', 'X\b', 'x\b\b', '\x7f', '\r', ' \r', '\r\n', '\n', '_\b', 'ab\b\b'] as const),
]
/** What is cut, wrong or rare. What it does to the screen is not asked. */
const odd: readonly [string, ...string[]] = [
  ...([
    '\x1b',
    '\x1b[',
    '\x1b]',
    '\x1bP',
    '\xc2',
    '\x1b[3\n',
    '\x1b]0;',
    '\x9c',
    '\xc2\x9b31m',
  ] as const),
  ...['\x18', '\x1b\x1b[', '\x1bk', '\x1b[99999999999999999999999m', '\r\r\n', '\x0b', '\t'],
  ...[
    '  \r',
    '\x1b[D',
    '\x1b[C',
    '\x1b[3D',
    '\x1b[5G',
    '\x1b[2;1H',
    '\x1b[2K',
    '\x1b[4111111111111111m',
  ],
]
const longest_parts: readonly [number, ...number[]] = [1, 4, 30, 100]
/** Of a line that is written over so much is read again. */
const line_bytes_max = 256
/** Controls may stand in a mask. */
const controls = new RegExp(escapes.source, 'g')
/** Written over, or gone on below: then what had left cannot be masked. */
const writes_over = /[\b\x7f]|\r(?!\n)/

export class ScreenFuzzer {
  readonly tally: ScreenTally = { fragments: 0, streams: 0, spans: 0, exact: 0 }
  readonly #seen: Seen
  readonly #open: (screen: Screen) => Masker
  readonly #random: Random
  readonly #fragments: Fragments

  /** `oracle` is of the same rules. */
  constructor(
    rules: readonly Rule[],
    oracle: Oracle,
    open: (screen: Screen) => Masker,
    random: Random,
  ) {
    this.#seen = seenBy(oracle, rules)
    this.#open = open
    this.#random = random
    this.#fragments = new Fragments(rules, random)
  }

  /** One more stream. */
  next(): ScreenFind | undefined {
    const random = this.#random
    const count = 1 + random.below(3)
    this.tally.fragments += count
    const among = random.pick([sequences, sequences, [...sequences, ...edits], odd] as const)
    const cut = Array.from({ length: count }, () => this.#cut(among)).join('')
    const longest = random.pick(longest_parts)
    const parts = Array.from({ length: 1 + random.below(12) }, () => 1 + random.below(longest))
    const reading = random.below(4) === 0 ? 'bytes' : 'terminal'
    // The naive screen takes a byte for a column.
    const is_narrow = reading === 'terminal' && !/[\x80-\xff]/.test(cut)
    const columns = is_narrow ? random.pick([0, 0, 20, 80]) : 0
    const text = columns > 0 && random.below(2) === 0 ? wrapped(cut, columns) : cut
    const screen = { reading, columns, sound: among !== odd } as const
    return this.check(new Uint8Array(Buffer.from(text, 'latin1')), parts, screen)
  }

  /** A fragment with some of `among` in it, more often where the secret is that it begins with. */
  #cut(among: readonly string[]): string {
    const random = this.#random
    const text = this.#fragments.fragment()
    // By the place in the fragment: none gets into another.
    const at = new Map<number, string>()
    for (let times = random.below(5); times > 0; times--)
      at.set(
        random.below(random.below(2) === 0 ? 40 : text.length + 1),
        among[random.below(among.length)] ?? '',
      )
    return Array.from({ length: text.length + 1 }, (_, place) =>
      (at.get(place) ?? '').concat(text[place] ?? ''),
    ).join('')
  }

  /** Undefined when all is as it must be. */
  check(bytes: Uint8Array, parts: readonly number[], screen: Screen): ScreenFind | undefined {
    const text = Buffer.from(bytes).toString('latin1')
    const found = (reason: string): ScreenFind => ({
      stream: Buffer.from(bytes).toString('base64'),
      ...{ parts, screen, reason },
    })
    this.tally.streams++
    const whole = this.#masked(bytes, [bytes.length], screen)
    if (whole.wrong !== undefined) return found(whole.wrong)
    const cut = this.#masked(bytes, parts, screen)
    if (cut.wrong !== undefined) return found(cut.wrong)
    if (cut.shown !== whole.shown || cut.spans.join() !== whole.spans.join())
      return found('a split changes the output')
    for (const { start, end, rule } of this.#seen(text, []))
      if (whole.masked.subarray(start, end).includes(0))
        return found(`leak: ${rule} from ${start} to ${end}, as it stands there`)
    if (!screen.sound) return undefined
    if (whole.leaks) return found('leak: text shows in a span')
    const { spans, rewritten } = dueOnScreen(this.#seen, text, screen.reading, screen.columns)
    this.tally.spans += spans.length + rewritten.length
    for (const { start, end, rule } of spans)
      if (whole.masked.subarray(start, end).includes(0))
        return found(`leak: ${rule} from ${start} to ${end}, on the screen`)
    for (const { end, rule } of text.length > line_bytes_max ? [] : rewritten)
      if (whole.masked[end - 1] !== 1) return found(`leak: the end of ${rule} at ${end}`)
    const is_known = screen.reading === 'bytes' || (!writes_over.test(text) && screen.columns === 0)
    if (whole.is_crowded || !is_known) return undefined
    this.tally.exact++
    const due = spans.map(({ start, end }) => `${start}-${end}`).join()
    const came = whole.spans.join()
    return due === came ? undefined : found(`difference: ${due} is due, ${came} came`)
  }

  #masked(bytes: Uint8Array, parts: readonly number[], screen: Screen): Output {
    const masker = this.#open(screen)
    const masked = new Uint8Array(bytes.length)
    const spans: string[] = []
    let shown = ''
    let leaks = false
    let is_crowded = false
    let at = 0
    let wrong: string | undefined
    const take = ({ bytes: out, raw_offset, raw_length, spans: found }: Masked): void => {
      if (raw_offset !== at) wrong ??= `not contiguous at ${at}`
      at += raw_length
      shown += Buffer.from(out).toString('latin1')
      for (const span of found) {
        const end = span.raw_offset + span.raw_length
        masked.fill(1, span.raw_offset, end)
        spans.push(`${span.raw_offset}-${end}`)
        const mask = Buffer.from(out.subarray(span.offset, span.offset + span.length))
        is_crowded ||= span.rule === crowded
        leaks ||= /[A-Za-z]{3}/.test(mask.toString('latin1').replaceAll(controls, ''))
      }
    }
    for (let from = 0, turn = 0; from < bytes.length; turn++) {
      const size = parts[turn % parts.length] ?? 1
      take(masker.push(bytes.subarray(from, from + size)))
      from += size
    }
    take(masker.flush('end'))
    masker.close()
    if (at !== bytes.length) wrong ??= `${bytes.length - at} bytes never came`
    return { masked, spans, shown, leaks, is_crowded, wrong }
  }
}

/** With `CR LF` wherever a line is full, as who knows the terminal's width writes it. */
function wrapped(text: string, columns: number): string {
  let out = ''
  let column = 0
  for (let at = 0; at < text.length; ) {
    escapes.lastIndex = at
    const [what = text[at] ?? ''] = escapes.exec(text) ?? []
    at += what.length
    out += what
    if (what === '\n' || what === '\r') column = 0
    else if (what === '\t') column += 8 - (column % 8)
    else if (what === '\b' || what === '\x7f') column = Math.max(0, column - 1)
    else if (what.length === 1 && what >= ' ') column++
    if (column === 0 || column % columns !== 0) continue
    out += '\r\n'
    column = 0
  }
  return out
}

interface Output {
  /** By byte of the stream: 1 where it is masked. */
  readonly masked: Uint8Array
  readonly spans: readonly string[]
  readonly shown: string
  /** Words stand in a mask, where only what is left of a control may. */
  readonly leaks: boolean
  /** Too much was under way somewhere, and more is masked than is due. */
  readonly is_crowded: boolean
  readonly wrong: string | undefined
}

/** A stream that is read so. */
export function openOn(engine: MaskingEngine, { reading, columns }: Screen): Masker {
  const stream = engine.open(reading === 'terminal' ? 'width' : 'length', reading)
  stream.resize(columns)
  return stream
}

/** As the oracle of plain streams sees it. */
export function seenBy(oracle: Oracle, rules: readonly Rule[]): Seen {
  return (text, seams) =>
    spansOf(oracle.matches(Buffer.from(text, 'latin1'), new Set(seams))).map(
      ({ start, end, order }): OracleSpan => ({ start, end, rule: rules[order]?.name ?? '' }),
    )
}
