/**
 * `bun docs/trial.ts`: types the lines that the trial prints into a shell, through the real ssh, and keeps what
 * was on the screen as `docs/trial.cast` (asciicast v3) and `docs/trial.svg`.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openTerminal } from '../proxy/trial/terminal.ts'
import { startTrialRun, type TrialRun } from '../test/fixture/trial.ts'
import { drawCast } from './picture.ts'

const size = { columns: 108, rows: 40 }
const key_ms = 25
const pause_ms = 700
/** A hang guard. */
const line_ms_max = 30_000
/** The line editor may wipe what was there before. */
const prompt = /\u001b\[1;32m\$\u001b\[0m (?:\u001b\[K)?$/

await using trial = await startTrialRun()
const cast = await record(trial)
writeFileSync(join(import.meta.dir, 'trial.cast'), cast)
writeFileSync(join(import.meta.dir, 'trial.svg'), await drawCast(cast))

async function record({ clone, steps }: TrialRun): Promise<string> {
  const events: string[] = []
  const decoder = new TextDecoder()
  let shown = ''
  let last_ms = performance.now()
  const terminal = openTerminal(
    ['/bin/bash', '--noprofile', '--norc', '-i'],
    clone,
    {
      PATH: process.env['PATH'] ?? '',
      HOME: clone,
      TERM: 'xterm-256color',
      PS1: '\\[\\e[1;32m\\]$\\[\\e[0m\\] ',
      HISTFILE: '/dev/null',
    },
    size,
    (bytes) => {
      const text = decoder.decode(bytes, { stream: true })
      const now_ms = performance.now()
      shown += text
      events.push(JSON.stringify([Number(((now_ms - last_ms) / 1000).toFixed(3)), 'o', text]))
      last_ms = now_ms
    },
  )
  try {
    await prompted()
    for (const [title, lines] of scenes(steps)) {
      await type(`# ${title}`)
      for (const line of lines) await type(line)
    }
  } finally {
    terminal.close()
    await terminal.exited
  }
  const header = {
    version: 3,
    term: { cols: size.columns, rows: size.rows, type: 'xterm-256color' },
    idle_time_limit: 1.5,
    title: 'Sluice: the trial',
  }
  return `${[JSON.stringify(header), ...events].join('\n')}\n`

  /** As a person would, and waits until the shell is ready for the next line. */
  async function type(line: string): Promise<void> {
    for (const key of line) {
      terminal.write(new TextEncoder().encode(key))
      await Bun.sleep(key_ms)
    }
    await Bun.sleep(pause_ms / 2)
    shown = ''
    terminal.write(new TextEncoder().encode('\r'))
    await prompted()
    await Bun.sleep(pause_ms / 2)
  }

  async function prompted(): Promise<void> {
    for (let waited_ms = 0; !prompt.test(shown); waited_ms += 10) {
      if (waited_ms > line_ms_max) throw new Error(`no prompt after:\n${shown}`)
      await Bun.sleep(10)
    }
  }
}

/** The first step's second line is for looking around, which a picture cannot. */
function scenes(steps: TrialRun['steps']): readonly (readonly [string, readonly string[]])[] {
  const [connect = [], look = [], check = [], tamper = []] = steps
  return [
    ['a file of fake secrets, read through the gateway: masked', connect.slice(0, 1)],
    ['what was recorded, and what it looked like', look],
    ['what an auditor needs, and their check', check],
    ['change one recorded byte on the disk: the check names it', tamper],
  ]
}
