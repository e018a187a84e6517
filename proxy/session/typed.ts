/**
 * What is typed into a channel: keys pass at once, Enter waits until policy has seen the line. The line is what the keys
 * make of it, and what an emulated screen shows; where they differ the stricter answer counts.
 *
 * @module
 */
import type { Screen, ScreenLine } from '../core/screen.ts'
import { Keys } from './keys.ts'
import {
  answers_ms,
  begins_ms,
  quiet_ms,
  shown_ms,
  together_characters_max,
  together_lines_max,
} from './limits.ts'

/** What may be about to be entered. */
export interface EnteredLine {
  readonly text: string
  /** It was not shown, so it may be a password: it is judged, and never recorded. */
  readonly is_hidden: boolean
}

export interface Decided {
  readonly allowed: boolean
  /** The line goes on in the next one. */
  readonly is_partial: boolean
}

export interface TypedPorts {
  /** Undefined where nobody was to judge when it began: then there are the keys. */
  readonly screen: Screen | undefined
  /** Whether any line could be denied or held. */
  judges(): boolean
  /** Monotonic milliseconds. */
  now_ms(): number
  /** Records bytes that were taken, and sends them on. */
  forward(bytes: Uint8Array): void
  /** ... that are the gateway's own. */
  inject(bytes: Uint8Array): void
  /** So many bytes that were taken go nowhere. */
  drop(bytes: number): void
  /** The first of the lines is the likeliest; the strictest answer counts. `allowed`: what is on record is ahead of what is forwarded next. */
  decide(lines: readonly EnteredLine[]): Promise<Decided>
  /** What was entered is not let through. */
  refused(): void
  /** A fault of ours, or recording failed. */
  failed(error: unknown): void
  /** A shell that should have told of what was entered did not. */
  silent(): void
  /** It is at its next prompt, and never asked about what was entered. */
  unasked(): void
}

/** What a shell that tells of its commands was heard to do. */
export type Heard = 'prompts' | 'asks' | 'allowed' | 'refused' | 'began' | 'lost'

export interface Typed {
  /** Takes what was typed. */
  take(bytes: Uint8Array): void
  /** Calls back once all that was taken before has gone on. */
  after(run: () => void): void
  /** From the first time on a shell is expected to tell; `lost` ends that. */
  heard(what: Heard): void
  /** Notes what the target printed. */
  printed(bytes: Uint8Array): void
  resize(columns: number, rows: number): void
  /** An Enter at the shell's own prompt, which it has not answered. */
  readonly is_entered: boolean
  close(): void
}

/** `gone`: it was sent already, or nothing is sent any more. */
type Entered = 'goes_on' | 'gone' | 'refused' | 'refused_by_shell'

const interrupt = 0x03
/** CR and LF, and Ctrl-O, with which bash enters a line and fetches the next one (`operate-and-get-next`). */
const enters: ReadonlySet<number> = new Set([0x0a, 0x0d, 0x0f])
const fetches_next = 0x0f
/** Ends a paste, then gives up the line. */
const gives_up = Uint8Array.of(interrupt)
const gives_up_paste = new TextEncoder().encode('\u001b[201~\u0003')
/** How bash shows a line of its history that it looked for. */
const searched = /i-search\)(?:`.*?')?: (.*)$/
/** `:!`, `:r !`, `!`, `\!`: how an editor, a pager or a client is asked to run a command. */
const escaped = /^\s*[^!\s]{0,16}\s?!\s*([^!].*)$/
/** A prompt, when nothing else tells where it ends. */
const prompt = /^.*?[$#%>❯»] /

export function createTyped(ports: TypedPorts): Typed {
  const { screen } = ports
  const keys = new Keys()
  let queue: (Uint8Array | (() => void))[] = []
  let is_busy = false
  let is_closed = false
  let forwarded_ms = Number.NEGATIVE_INFINITY
  let printed_ms = Number.NEGATIVE_INFINITY
  let wake = Promise.withResolvers<void>()
  /** The screen knows where the line begins. */
  let is_begun = false
  /** Something was printed since it began. */
  let is_shown = false
  /** What was refused may still stand there: a shell need not heed Ctrl-C. */
  let was_refused = false
  /** The rest of a paste that was refused. */
  let is_skipping = false
  /** Lines that went on and were not complete. */
  let earlier: string[] = []
  let last_entered = ''
  /** Of a shell that tells: where it stands. Without one, lines are read from the screen. */
  let shell: Exclude<Heard, 'lost' | 'refused'> | undefined
  /** Resolves at the next thing that is heard. */
  let hearing = Promise.withResolvers<void>()
  /** An Enter that it was sent, and has not answered. */
  let entered_at: symbol | undefined
  let asking = 0
  let was_asked = false
  let refused_by_shell = false

  const pass = (bytes: Uint8Array): void => {
    if (bytes.length === 0) return
    if (!is_begun) {
      screen?.begin()
      is_shown = false
    }
    is_begun = true
    keys.push(bytes)
    if (bytes.includes(interrupt)) earlier = []
    forwarded_ms = ports.now_ms()
    ports.forward(bytes)
  }

  /** Without a wait where nothing is entered. */
  const enter = (key: number): Entered | Promise<Entered> => {
    if (shell !== undefined && shell !== 'began') return tell(key)
    if ((keys.is_touched || earlier.length > 0) && ports.judges()) return ask(key)
    keys.endLine(key === fetches_next)
    return 'goes_on'
  }

  /**
   * The shell itself will ask, or stand at a prompt again where there was nothing to ask. What is typed behind it waits, so
   * that no program gets it before this is decided.
   */
  const tell = async (key: number): Promise<Entered> => {
    // It may be about to run something, which would get this Enter.
    if (shell === 'allowed') await heardWithin(begins_ms)
    if (is_closed) return 'gone'
    if (shell === 'began' || shell === undefined) return enter(key)
    const stood = Symbol('stood')
    // Behind a refusal it may still be on its way to its prompt.
    const must_ask = keys.text.trim() !== '' && !keys.is_edited && !refused_by_shell
    refused_by_shell = false
    was_asked = false
    entered_at = stood
    keys.endLine()
    earlier = []
    is_begun = false
    ports.forward(Uint8Array.of(key))
    forwarded_ms = ports.now_ms()
    for (let limit_ms = answers_ms; entered_at === stood && !is_closed; ) {
      if (!(await heardWithin(limit_ms)) && entered_at === stood) {
        shell = undefined
        ports.silent()
        break
      }
      // A person decides, and that takes as long as it takes.
      limit_ms = asking > 0 ? Number.POSITIVE_INFINITY : answers_ms
    }
    if (must_ask && !was_asked && shell !== undefined && !is_closed) ports.unasked()
    return refused_by_shell ? 'refused_by_shell' : 'gone'
  }

  const heardWithin = async (limit_ms: number): Promise<boolean> => {
    const late = Promise.withResolvers<boolean>()
    const timer = Number.isFinite(limit_ms)
      ? setTimeout(() => late.resolve(false), limit_ms)
      : undefined
    const is_heard = await Promise.race([hearing.promise.then(() => true), late.promise])
    clearTimeout(timer)
    return is_heard
  }

  const ask = async (key: number): Promise<Entered> => {
    const lines = (await entered()).filter((line) => line.text.trim() !== '')
    if (is_closed) return 'gone'
    const [first] = lines
    const text = first?.text ?? ''
    const together = [...earlier, text].join('\n')
    const asked = earlier.length === 0 ? lines : [...lines, { text: together, is_hidden: false }]
    const { allowed, is_partial } =
      asked.length === 0 ? { allowed: true, is_partial: false } : await ports.decide(asked)
    if (is_closed) return 'gone'
    const goes_on =
      allowed &&
      first?.is_hidden !== true &&
      (is_partial || keys.is_pasted) &&
      earlier.length < together_lines_max &&
      together.length < together_characters_max
    earlier = goes_on ? [...earlier, text] : []
    if (first?.is_hidden === false) last_entered = text
    if (!allowed) return 'refused'
    was_refused = false
    keys.endLine(key === fetches_next)
    return 'goes_on'
  }

  const entered = async (): Promise<readonly EnteredLine[]> => {
    const { text } = keys
    // A paste is shown once it is over; anybody can say that they paste.
    const is_paste = keys.is_pasted && keys.is_plain && !was_refused
    if (screen === undefined || is_paste) return shownAs(text)
    const line = await settled(screen)
    if (line === 'echoed') return shownAs(text)
    const read = readFrom(line)
    return was_refused ? [...read, ...shownAs(line.whole.replace(prompt, ''))] : read
  }

  const readFrom = (line: ScreenLine): readonly EnteredLine[] => {
    const { text, is_edited } = keys
    // Where nothing is shown of it, an editor may have put back what was taken back.
    const unseen = is_shown ? [] : [{ text: keys.all, is_hidden: true }]
    if (!is_edited && line.before.endsWith(text)) {
      // Something may have stood there before the first key.
      const before = line.typed?.before ?? text
      if (text === '' && before === '') return unseen
      return before === text ? shownAs(text) : shownAs(text, before)
    }
    const shown =
      searched.exec(line.whole)?.[1] ?? line.typed?.whole ?? line.whole.replace(prompt, '')
    if (is_edited) return shown.trim() === '' ? unseen : shownAs(shown)
    const hidden = { text, is_hidden: true }
    return shown.trim() === '' ? [hidden] : [...shownAs(shown), hidden]
  }

  /** With what a program may make of it. */
  const shownAs = (...texts: readonly string[]): readonly EnteredLine[] => {
    const readings = texts.flatMap((text) => [
      text,
      // bash(1), HISTORY EXPANSION: what was entered last.
      text.replaceAll('!!', () => last_entered),
      escaped.exec(text)?.[1] ?? text,
    ])
    return [...new Set(readings)].map((text) => ({ text, is_hidden: false }))
  }

  /** The screen once it shows what was typed, or will not. `echoed`: that is all that came since. */
  const settled = async (on: Screen): Promise<ScreenLine | 'echoed'> => {
    const { text } = keys
    // What takes keys back is painted like any other change.
    const is_edited = keys.is_edited || text === ''
    const began_ms = ports.now_ms()
    for (;;) {
      const echo = is_edited || was_refused ? 'unknown' : on.echoes(text)
      if (echo === 'all') return 'echoed'
      const left_ms = shown_ms - (ports.now_ms() - began_ms)
      // The rest is on its way.
      if (echo === 'part' && left_ms > 0 && !is_closed) {
        await woken(left_ms)
        continue
      }
      const line = await on.read()
      if (!is_edited && line.before.endsWith(text)) return line
      const now_ms = ports.now_ms()
      const is_answered = printed_ms > forwarded_ms
      const quiet = now_ms - printed_ms
      if (is_closed || now_ms - began_ms >= shown_ms) return line
      if (is_edited && is_answered && quiet >= quiet_ms) return line
      const wait_ms = is_edited && is_answered ? quiet_ms - quiet : shown_ms - (now_ms - began_ms)
      await woken(wait_ms)
    }
  }

  const woken = async (wait_ms: number): Promise<void> => {
    const timer = setTimeout(() => wake.resolve(), wait_ms)
    await wake.promise
    clearTimeout(timer)
    wake = Promise.withResolvers()
  }

  const refuse = (rest: Uint8Array, is_told: boolean): void => {
    // Typed before anybody knew: the rest of a paste must not run, as it was meant to come after what was refused.
    const dropped = queue
    queue = []
    ports.drop(rest.length)
    keys.push(rest)
    for (const item of dropped) {
      if (typeof item === 'function') queue.push(item)
      else {
        ports.drop(item.length)
        keys.push(item)
      }
    }
    is_begun = false
    is_skipping = keys.is_pasted
    const gives = is_skipping ? gives_up_paste : gives_up
    keys.endLine()
    earlier = []
    // The shell has said why, and has a new prompt.
    if (is_told) return
    was_refused = true
    keys.is_touched = true
    ports.refused()
    ports.inject(gives)
    forwarded_ms = ports.now_ms()
  }

  const run = async (): Promise<void> => {
    is_busy = true
    for (let item = queue.shift(); item !== undefined && !is_closed; item = queue.shift()) {
      if (typeof item === 'function') {
        item()
        continue
      }
      let bytes = is_skipping ? skipped(item) : item
      for (;;) {
        const end = bytes.findIndex((byte) => enters.has(byte))
        if (end < 0) break
        pass(bytes.subarray(0, end))
        const key = bytes[end] ?? 0
        const answer = enter(key)
        const came = typeof answer === 'string' ? answer : await answer
        if (is_closed) return
        if (came === 'refused' || came === 'refused_by_shell') {
          const is_told = came === 'refused_by_shell'
          refuse(bytes.subarray(is_told ? end + 1 : end), is_told)
          bytes = bytes.subarray(bytes.length)
          break
        }
        if (came === 'goes_on') {
          is_begun = false
          forwarded_ms = ports.now_ms()
          ports.forward(bytes.subarray(end, end + 1))
        }
        bytes = bytes.subarray(end + 1)
      }
      pass(bytes)
    }
    is_busy = false
  }

  /** What is left behind the end of a paste that was refused. */
  const skipped = (bytes: Uint8Array): Uint8Array => {
    for (const [at, byte] of bytes.entries()) {
      keys.push(Uint8Array.of(byte))
      if (keys.is_pasted) continue
      is_skipping = false
      keys.endLine()
      ports.drop(at + 1)
      return bytes.subarray(at + 1)
    }
    ports.drop(bytes.length)
    return bytes.subarray(bytes.length)
  }

  const start = (): void => {
    if (!is_busy) void run().catch(ports.failed)
  }

  return {
    take(bytes) {
      queue.push(bytes)
      start()
    },
    after(then) {
      queue.push(then)
      start()
    },
    heard(what) {
      if (what === 'asks') {
        asking += 1
        was_asked = true
      }
      if (what === 'allowed' || what === 'refused') asking -= 1
      if (what === 'refused') refused_by_shell = true
      shell = what === 'lost' ? undefined : what === 'refused' ? 'prompts' : what
      if (what !== 'asks') entered_at = undefined
      hearing.resolve()
      hearing = Promise.withResolvers()
    },
    printed(bytes) {
      if (is_closed) return
      screen?.print(bytes)
      is_shown ||= bytes.some((byte) => byte >= 0x20)
      printed_ms = ports.now_ms()
      wake.resolve()
    },
    resize: (columns, rows) => screen?.resize({ columns, rows }),
    get is_entered() {
      return entered_at !== undefined
    },
    close() {
      is_closed = true
      wake.resolve()
      hearing.resolve()
      screen?.close()
    },
  }
}
