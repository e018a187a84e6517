/**
 * A program in a terminal of its own, typed into as a person would.
 *
 * @module
 */

export interface Terminal extends AsyncDisposable {
  /** Everything that was shown so far, escapes included. */
  text(): string
  /** Resolves once something shown matches; rejects when the program ended or `wait_ms` passed without. */
  until(pattern: RegExp, wait_ms?: number): Promise<void>
  type(keys: string): void
  resize(columns: number, rows: number): void
  readonly exited: Promise<number>
}

export interface TerminalOptions {
  readonly columns?: number
  readonly rows?: number
  readonly cwd?: string
}

/** A hang guard, not a measure. */
const wait_ms_default = 20_000

export function openTerminal(argv: readonly string[], options: TerminalOptions = {}): Terminal {
  let text = ''
  let wake = Promise.withResolvers<void>()
  const decoder = new TextDecoder()
  const child = Bun.spawn([...argv], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, TERM: 'xterm' },
    terminal: {
      cols: options.columns ?? 100,
      rows: options.rows ?? 30,
      data: (_terminal, bytes) => {
        text += decoder.decode(bytes, { stream: true })
        wake.resolve()
        wake = Promise.withResolvers()
      },
    },
  })
  const ended = child.exited.then(() => 'ended' as const)
  return {
    text: () => text,
    until: async (pattern, wait_ms = wait_ms_default) => {
      const late = Bun.sleep(wait_ms).then(() => 'late' as const)
      for (;;) {
        if (pattern.test(text)) return
        const why = await Promise.race([wake.promise, ended, late])
        if (pattern.test(text)) return
        if (why !== undefined) throw new Error(`${why} without ${pattern}:\n${text}`)
      }
    },
    type: (keys) => {
      child.terminal?.write(keys)
    },
    resize: (columns, rows) => child.terminal?.resize(columns, rows),
    exited: child.exited,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await child.exited
      child.terminal?.close()
    },
  }
}
