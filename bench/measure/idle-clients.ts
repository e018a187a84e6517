/**
 * A process of its own: opens COUNT connections with a shell each, prints `open`, and holds them
 * until its standard input ends. Arguments: HOST PORT LOGIN KEY_FILE COUNT.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { Client } from 'ssh2'

/** Handshakes at once: enough to be quick, below what sshd drops as a flood. */
const concurrency = 8

const [host = '', port = '', username = '', key_file = '', count = ''] = Bun.argv.slice(2)
const privateKey = readFileSync(key_file)
const clients: Client[] = []
let next = 0

await Promise.all(
  Array.from({ length: concurrency }, async () => {
    while (next < Number(count)) {
      next++
      clients.push(await open())
    }
  }),
)
process.stdout.write('open\n')
await Bun.stdin.bytes()
for (const client of clients) client.end()
process.exit(0)

function open(): Promise<Client> {
  const { promise, resolve, reject } = Promise.withResolvers<Client>()
  const client = new Client()
  client.on('error', reject)
  client.on('ready', () => {
    client.shell({ term: 'xterm', cols: 80, rows: 24 }, (error, stream) => {
      if (error !== undefined) {
        reject(error)
        return
      }
      stream.on('data', () => resolve(client))
      stream.on('close', () => reject(new Error('the shell ended')))
    })
  })
  client.connect({ host, port: Number(port), username, privateKey, readyTimeout: 60_000 })
  return promise
}
