/**
 * The program that runs at a target and does what the test says: `puppet.ts SOCKET NUMBER`. It prints, reads, ends
 * its output and exits as it is told over the socket, and goes when the test goes.
 *
 * To the puppet: o, e print · c end the output · s, r stop and resume reading · x exit with this code.
 * From it: h its number · i input · z end of input · p so many bytes were taken, u32be.
 */
import { closeSync } from 'node:fs'
import { connect } from 'node:net'
import { messageOf, readMessages } from './message.ts'

const [path = '', number = ''] = process.argv.slice(2)
const test = connect(path)
test.on('close', () => process.exit(1)).on('error', () => process.exit(1))
test.write(messageOf('h', Buffer.from(number)))

const sinks = { o: Bun.file(1).writer(), e: Bun.file(2).writer() }
let reading = Promise.withResolvers<void>()
reading.resolve()
let last: Promise<void> = Promise.resolve()

test.on(
  'data',
  readMessages((letter, bytes) => {
    if (letter === 's') reading = Promise.withResolvers()
    else if (letter === 'r') reading.resolve()
    // In order, each after the target has taken the one before.
    else last = last.then(() => act(letter, bytes))
  }),
)

async function act(letter: string, bytes: Uint8Array): Promise<void> {
  switch (letter) {
    case 'o':
    case 'e': {
      const sink = sinks[letter]
      await sink.write(bytes)
      await sink.flush()
      const taken = Buffer.alloc(4)
      taken.writeUInt32BE(bytes.length)
      test.write(messageOf('p', taken))
      return
    }
    case 'c':
      await Promise.all([sinks.o.end(), sinks.e.end()])
      closeSync(1)
      closeSync(2)
      return
    case 'x':
      process.exit(bytes[0])
  }
}

for await (const chunk of Bun.stdin.stream()) {
  test.write(messageOf('i', chunk))
  await reading.promise
}
test.write(messageOf('z'))
