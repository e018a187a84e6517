/**
 * A program in a pseudo-terminal of Bun's. What it prints is pushed at us; to push back, the terminal's own
 * flow control is used, as a person would with Ctrl-S.
 *
 * @module
 */

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Terminal {
  readonly pid: number
  write(bytes: Uint8Array): void
  resize(size: Size): void
  /** Stops the program at its next output; what the kernel holds (4 KiB) still comes. */
  pause(): void
  resume(): void
  /** Hangs up. Idempotent. */
  close(): void
  /** After the last output. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
}

/** termios(3), Linux. */
const ixon = 0o2000
const ixany = 0o4000
const xoff = new Uint8Array([0x13])
const xon = new Uint8Array([0x11])

/** How long output may come after the program's end: a child in the background keeps the terminal open. */
const last_output_ms = 200

export function openTerminal(
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  size: Size,
  output: (bytes: Uint8Array) => void,
): Terminal {
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>()
  let pending: Uint8Array[] = []
  let flags: number | undefined

  const flush = (pty: Bun.Terminal): void => {
    while (!pty.closed) {
      const bytes = pending[0]
      if (bytes === undefined) return
      const written = pty.write(bytes)
      if (written < bytes.length) {
        pending[0] = bytes.subarray(written)
        return
      }
      pending.shift()
    }
  }
  // Given as options, not as an object: then it becomes the controlling terminal, and there is job control.
  const child = Bun.spawn([...argv], {
    cwd,
    env,
    terminal: {
      cols: size.columns,
      rows: size.rows,
      name: env['TERM'] ?? 'xterm',
      data: (_terminal, bytes) => output(bytes),
      drain: flush,
      exit: () => onClosed(),
    },
  })
  const { terminal } = child
  if (terminal === undefined) throw new Error('no terminal on this system')
  const exited = child.exited.then(async () => {
    await Promise.race([closed, Bun.sleep(last_output_ms)])
    close()
    return { code: child.exitCode, signal: child.signalCode as string | null }
  })
  const close = (): void => {
    pending = []
    if (!terminal.closed) terminal.close()
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGHUP')
  }
  return {
    pid: child.pid,
    write(bytes) {
      pending.push(bytes)
      if (pending.length === 1) flush(terminal)
    },
    resize({ columns, rows }) {
      if (!terminal.closed) terminal.resize(columns, rows)
    },
    pause() {
      if (terminal.closed || flags !== undefined) return
      flags = terminal.inputFlags
      terminal.inputFlags = (flags | ixon) & ~ixany
      terminal.write(xoff)
    },
    resume() {
      if (flags === undefined) return
      const before = flags
      flags = undefined
      if (terminal.closed) return
      terminal.write(xon)
      terminal.inputFlags = before
    },
    close,
    exited,
  }
}
