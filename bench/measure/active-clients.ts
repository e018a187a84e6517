/**
 * A process of its own: COUNT people at once, each with a terminal, who type ten keys a second for SECONDS, each somewhere
 * in a line: people do not press Enter in the same tenth of a second. Prints a line when all are logged in, and then the
 * time of each key until its echo, in ms, as a JSON array. Arguments: HOST PORT LOGIN KEY_FILE COUNT SECONDS, and a command
 * where each connection is the input and output of one.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Duplex } from 'node:stream'
import { Client, type ClientChannel } from 'ssh2'
import { echo_command } from './terminal.ts'

/** Handshakes at once: enough to be quick, below what sshd drops as a flood. */
const concurrency = 8
const key_ms = 100
/** A line in the kernel's canonical mode is short. */
const keys_per_line = 60

const [host = '', port = '', username = '', key_file = '', count = '', seconds = '', ...command] =
  Bun.argv.slice(2)
const privateKey = readFileSync(key_file)
const channels: ClientChannel[] = []
const times: number[] = []
let next = 0

await Promise.all(
  Array.from({ length: concurrency }, async () => {
    while (next++ < Number(count)) channels.push(await open())
  }),
)
await Bun.write(Bun.stdout, 'typing\n')
const until = performance.now() + Number(seconds) * 1000
await Promise.all(channels.map(type))
// Whole, before the exit: a pipe takes 64 KiB at once.
await Bun.write(Bun.stdout, `${JSON.stringify(times)}\n`)
process.exit(0)

/** Keys fall due at fixed times, whatever the echo of the one before took: who waits types no less. */
async function type(channel: ClientChannel): Promise<void> {
  let seen: (() => void) | undefined
  channel.on('data', () => seen?.())
  let due = performance.now() + Math.random() * key_ms
  let key = Math.ceil(Math.random() * keys_per_line)
  for (; due < until; key++, due += key_ms) {
    await Bun.sleep(Math.max(0, due - performance.now()))
    const echoed = new Promise<void>((resolve) => {
      seen = resolve
    })
    const isLineEnd = key % keys_per_line === 0
    const start = performance.now()
    channel.write(isLineEnd ? '\r' : 'x')
    await echoed
    // `cat` repeats a line: neither that nor its end is a key's echo.
    if (isLineEnd) await Bun.sleep(key_ms / 2)
    else times.push(performance.now() - start)
  }
}

function open(): Promise<ClientChannel> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>()
  const client = new Client()
  client.on('error', reject)
  client.on('ready', () => {
    const pty = { term: 'xterm', cols: 80, rows: 24 }
    client.exec(echo_command, { pty }, (error, channel) => {
      if (error === undefined) channel.once('data', () => resolve(channel))
      else reject(error)
    })
  })
  const way = command.length === 0 ? { host, port: Number(port) } : { sock: runs(command) }
  client.connect({ ...way, username, privateKey, readyTimeout: 60_000 })
  return promise
}

/** As ssh itself runs the command of a ProxyJump. */
function runs([file = '', ...rest]: readonly string[]): Duplex {
  const { stdin, stdout } = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  const connection = new Duplex({
    read: () => stdout.resume(),
    write: (bytes, _, done) => stdin.write(bytes, done),
    final: (done) => stdin.end(done),
  })
  stdout.on('data', (bytes) => {
    if (!connection.push(bytes)) stdout.pause()
  })
  stdout.on('end', () => connection.push(null))
  return connection
}
