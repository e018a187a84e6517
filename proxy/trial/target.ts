/**
 * The trial's target: an SSH server inside the gateway's process, with a real shell in a scratch home. It has
 * no port: who wants to reach it has to go through the gateway.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import ssh2 from 'ssh2'
import { duplexPair } from './pair.ts'
import { openTerminal, type Size, type Terminal } from './terminal.ts'

export interface TrialTargetOptions {
  /** Where programs start, and their `HOME`. Exists. */
  readonly home: string
  readonly account: string
  /** The only key that is let in: a blob (RFC 4253, section 6.6), the gateway's. */
  readonly authorized_key: Uint8Array
  /** OpenSSH private key. */
  readonly host_key: string
  /** Absolute path; `/bin/bash` unless given. */
  readonly shell?: string
  /** Besides `HOME`, `PATH`, `SHELL`, `USER` and what the client sends. */
  readonly env?: Readonly<Record<string, string>>
}

export interface TrialTarget {
  /** A connection, as `SshTarget.connect` wants it. */
  connect(): Duplex
  /** Ends every connection, and every program with it. Idempotent. */
  stop(): void
}

export function startTrialTarget(options: TrialTargetOptions): TrialTarget {
  const server = new ssh2.Server({ hostKeys: [options.host_key], ident: 'sluice-trial' })
  const connections = new Set<ssh2.Connection>()
  server.on('connection', (connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    connection.on('error', () => {})
    connection.on('authentication', (context) => {
      if (isGateway(context, options)) context.accept()
      else context.reject(['publickey'])
    })
    connection.on('session', (accept) => serveSession(accept(), options))
  })
  return {
    connect() {
      const [near, far] = duplexPair()
      server.injectSocket(far as unknown as Parameters<typeof server.injectSocket>[0])
      return near
    },
    stop() {
      for (const connection of connections) connection.end()
    },
  }
}

function isGateway(context: ssh2.AuthContext, options: TrialTargetOptions): boolean {
  if (context.method !== 'publickey' || context.username !== options.account) return false
  if (!context.key.data.equals(options.authorized_key)) return false
  if (context.signature === undefined || context.blob === undefined) return true
  const text = `${context.key.algo} ${context.key.data.toString('base64')}`
  const key = ssh2.utils.parseKey(text)
  return !(key instanceof Error) && key.verify(context.blob, context.signature)
}

function serveSession(session: ssh2.Session, options: TrialTargetOptions): void {
  const env: Record<string, string> = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...options.env,
    HOME: options.home,
    SHELL: options.shell ?? '/bin/bash',
    USER: options.account,
    LOGNAME: options.account,
  }
  let size: (Size & { readonly term: string }) | undefined
  let terminal: Terminal | undefined
  let child: ChildProcess | undefined

  // A variable of the gateway's choosing stays: PATH is not the client's to set.
  session.on('env', (accept, _reject, { key, val }) => {
    env[key] ??= val
    accept?.()
  })
  session.on('pty', (accept, _reject, { cols, rows, ...info }) => {
    size = { columns: cols, rows, term: (info as { term?: string }).term ?? 'xterm' }
    accept?.()
  })
  session.on('window-change', (accept, _reject, { cols, rows }) => {
    terminal?.resize({ columns: cols, rows })
    accept?.()
  })
  session.on('signal', (accept, _reject, { name }) => {
    signalGroup(terminal?.pid ?? child?.pid, `SIG${name}`)
    accept?.()
  })
  const run = (channel: ssh2.ServerChannel, argv: readonly string[]): void => {
    channel.on('error', () => {})
    if (size === undefined) child = runPiped(channel, argv, options.home, env)
    else terminal = runInTerminal(channel, argv, options.home, { ...env, TERM: size.term }, size)
  }
  const shell = options.shell ?? '/bin/bash'
  session.on('exec', (accept, _reject, { command }) => run(accept(), [shell, '-c', command]))
  session.on('shell', (accept) => run(accept(), [shell, '-l']))
}

/** Separate streams, half-close of stdin, an exit code or a signal after the last output. */
function runPiped(
  channel: ssh2.ServerChannel,
  [file = '/bin/sh', ...args]: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): ChildProcess {
  // A group of its own, so that a signal reaches what the shell started too.
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  // A program that does not read its stdin ends it: not a failure.
  child.stdin.on('error', () => {})
  channel.pipe(child.stdin)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  child.once('error', () => finish(channel, 127, null))
  child.once('close', (code, signal) => finish(channel, code, signal))
  channel.once('close', () => signalGroup(child.pid, 'SIGHUP'))
  return child
}

function runInTerminal(
  channel: ssh2.ServerChannel,
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  size: Size,
): Terminal {
  let isPaused = false
  const terminal = openTerminal(argv, cwd, env, size, (bytes) => {
    if (channel.write(bytes) || isPaused) return
    isPaused = true
    terminal.pause()
    channel.once('drain', () => {
      isPaused = false
      terminal.resume()
    })
  })
  channel.on('data', (bytes: Buffer) => terminal.write(bytes))
  channel.once('close', () => terminal.close())
  void terminal.exited.then(({ code, signal }) => finish(channel, code, signal))
  return terminal
}

function finish(channel: ssh2.ServerChannel, code: number | null, signal: string | null): void {
  if (signal !== null && signals.has(signal)) channel.exit(signal.slice(3), false)
  else channel.exit(code ?? 255)
  channel.end()
}

/** Those that SSH can name (RFC 4254, section 6.10). */
const signals = new Set(
  'ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2'.split(' ').map((it) => `SIG${it}`),
)

function signalGroup(pid: number | undefined, signal: string): void {
  if (pid === undefined || !signals.has(signal)) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}
