/**
 * A person at a keyboard: the real ssh client on a pseudo-terminal, one key after another, and the
 * time until each is on the screen.
 *
 * @module
 */

export interface EchoOptions {
  readonly keys: number
  /** Pause between two keys, drawn evenly from this range. */
  readonly pause_ms: readonly [from: number, to: number]
  /** Ends early when it resolves; what was measured so far counts. */
  readonly until?: Promise<unknown>
}

/** How long a key may take before the measurement is given up: longer is a hang, not a latency. */
const echo_ms_max = 10_000
/** A line in the kernel's canonical mode is short; typing goes on in a new one before it is full. */
const keys_per_line = 60
const text = 'the quick brown fox jumps over the lazy dog '

/** Types `keys` keys into `cat` at the end of `command` (an ssh with -tt), and returns each echo in ms. */
export async function typeKeys(
  command: readonly string[],
  options: EchoOptions,
): Promise<number[]> {
  let screen = ''
  let wake = Promise.withResolvers<void>()
  const changed = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const child = Bun.spawn([...command], {
    env: { ...process.env, TERM: 'xterm' },
    terminal: {
      cols: 200,
      rows: 50,
      data: (_terminal, bytes) => {
        screen += Buffer.from(bytes).toString('latin1')
        changed()
      },
    },
  })
  let over = false
  void child.exited.then(() => {
    over = true
    changed()
  })
  const seen = async (enough: () => boolean): Promise<void> => {
    let late = false
    const timer = setTimeout(() => {
      late = true
      changed()
    }, echo_ms_max)
    while (!enough() && !over && !late) await wake.promise
    clearTimeout(timer)
    if (!enough()) throw new Error(`${over ? 'ssh ended' : 'no echo'}: ${screen.slice(-300)}`)
  }
  const { terminal } = child
  if (terminal === undefined) throw new Error('no terminal')

  let stopped = false
  const stop = (): void => {
    stopped = true
  }
  void options.until?.then(stop, stop)
  const times: number[] = []
  try {
    await seen(() => screen.includes('READY'))
    await Bun.sleep(300)
    for (let key = 0; key < options.keys && !stopped; key++) {
      const letter = text[key % text.length] ?? 'x'
      screen = ''
      const start = performance.now()
      terminal.write(letter)
      await seen(() => screen.includes(letter))
      times.push(performance.now() - start)
      if (key % keys_per_line === keys_per_line - 1) {
        // The terminal echoes the line's end and `cat` repeats the line: neither is a key's echo.
        screen = ''
        terminal.write('\r')
        await seen(() => screen.split('\n').length > 2)
        await Bun.sleep(50)
      }
      const [from, to] = options.pause_ms
      await Bun.sleep(from + Math.random() * (to - from))
    }
  } finally {
    child.kill('SIGKILL')
    await child.exited
    terminal.close()
  }
  return times
}

/** What runs on the target while keys are typed: the terminal echoes, `cat` repeats whole lines. */
export const echo_command = 'echo READY; exec cat'
