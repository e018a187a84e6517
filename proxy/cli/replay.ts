/**
 * `sluice replay ID`: what was on a screen, in the time in which it was there, or as an asciicast.
 *
 * @module
 */
import { castEvents, castOf } from '../../storage/replay/cast.ts'
import { findChannel } from '../../storage/replay/channels.ts'
import { terminal_reset } from '../../storage/replay/filter.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { timeline } from '../../storage/replay/timeline.ts'
import { withData } from './data.ts'
import { writeNew } from './new-file.ts'
import { storedRecords } from './records.ts'
import { findSession } from './session-id.ts'
import { type Call, data_options, type ExitCode, UsageError, type Verb, VerbError } from './verb.ts'

/** A shorter pause cannot be seen, and would cost a timer. */
const pause_ms_min = 4

export const replay: Verb = {
  name: 'replay',
  summary: 'Show again what a session printed, masked as it was',
  operands: 'ID|last',
  operands_min: 1,
  operands_max: 1,
  options: {
    speed: { value: 'X', help: 'so many times as fast (default 1)' },
    idle: { value: 'SECONDS', help: 'wait no longer than this between two outputs' },
    instant: { help: 'without any waiting' },
    channel: { value: 'N', help: 'this channel (default: the first terminal)' },
    cast: { value: 'FILE', help: 'write an asciicast v3 instead; - is stdout' },
    ...data_options,
  },
  async run(call) {
    const speed = call.flag('instant') ? Number.POSITIVE_INFINITY : decimal(call, 'speed', 1)
    const idle_s = decimal(call, 'idle', Number.POSITIVE_INFINITY)
    const wanted = call.text('channel')
    if (wanted !== undefined && !/^[0-9]{1,9}$/.test(wanted))
      throw new UsageError('--channel must be a number')
    return withData(call, async (data): Promise<ExitCode> => {
      const session = await findSession(data, call.operands[0] ?? '')
      const items = (): ReturnType<typeof timeline> => timeline(storedRecords(data, session.id))
      const number = wanted === undefined ? undefined : Number(wanted)
      const channel = await findChannel(items(), number)
      if (channel === undefined)
        throw new VerbError(
          number === undefined ? 'nothing was run in this session' : `no channel ${number}`,
        )
      const title = `${session.subject} as ${session.account}@${session.target}`
      const file = call.text('cast')
      if (file !== undefined) {
        await writeCast(call, file, castOf(items(), { channel, title }))
        return 0
      }
      const { console } = call
      console.note(console.paint('dim', plainText(`${title}, session ${session.id}`, 400)))
      await play(call, castEvents(items(), channel), speed, idle_s)
      return 0
    })
  },
}

async function play(
  call: Call,
  events: ReturnType<typeof castEvents>,
  speed: number,
  idle_s: number,
): Promise<void> {
  const { console } = call
  const is_screen = console.columns !== undefined
  let interrupted = false
  let wake = (): void => {}
  const interrupt = (): void => {
    interrupted = true
    wake()
  }
  process.once('SIGINT', interrupt)
  try {
    let last_us: number | undefined
    for await (const { t_us, code, data } of events) {
      const wait_ms = Math.min((t_us - (last_us ?? t_us)) / 1000, idle_s * 1000) / speed
      last_us = t_us
      if (wait_ms >= pause_ms_min)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, wait_ms)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      if (interrupted) break
      if (code === 'o') await console.out(data)
    }
  } finally {
    process.removeListener('SIGINT', interrupt)
    // What the recording left behind, such as another screen or a hidden cursor, is not the viewer's.
    if (is_screen) await console.out(`${terminal_reset}\r\n`)
  }
}

async function writeCast(
  call: Call,
  file: string,
  lines: AsyncGenerator<string, void>,
): Promise<void> {
  if (file === '-') {
    for await (const line of lines) await call.console.out(line)
    return
  }
  // Never over something that is there: it may be evidence.
  const written = writeNew(file, 0o600)
  try {
    for await (const line of lines) written.write(line)
  } finally {
    written.close()
  }
  call.console.note(`wrote ${file}`)
}

function decimal(call: Call, name: string, otherwise: number): number {
  const text = call.text(name)
  if (text === undefined) return otherwise
  const value = /^[0-9]{1,6}(?:\.[0-9]{1,6})?$/.test(text) ? Number(text) : 0
  if (value <= 0) throw new UsageError(`--${name} must be a number above 0`)
  return value
}
