/**
 * A channel that ends while its reader is paused loses nothing, whichever way it ends.
 */
import { describe, expect, test } from 'bun:test'
import { EventEmitter, once } from 'node:events'
import { ChannelStream } from './channel-stream.ts'
import type { LibraryChannel, Receiver } from './library.ts'

/** A channel whose peer the test plays. */
class PlayedChannel extends EventEmitter implements LibraryChannel {
  readonly outgoing = { id: 0, state: 'open' } as const
  receiver: Receiver | undefined
  closed = 0
  direct(receiver: Receiver): void {
    this.receiver = receiver
  }
  consumed(): void {}
  transmit(_bytes: Buffer, _stderr: boolean, taken?: () => void): void {
    taken?.()
  }
  eof(): void {}
  close(): void {
    this.closed += 1
  }
}

const endings: Readonly<Record<string, (to: Receiver) => void>> = {
  'an EOF and a close': (to) => {
    to.end()
    to.close(false)
  },
  'a close alone': (to) => to.close(false),
  'a lost connection': (to) => to.close(true),
}

describe('what a channel brought before', () => {
  for (const [what, end] of Object.entries(endings))
    test(`${what} is read by who was paused, and then the stream closes`, async () => {
      const channel = new PlayedChannel()
      const stream = new ChannelStream(channel)
      const read: string[] = []
      stream.on('data', (bytes: Buffer) => read.push(bytes.toString()))
      stream.pause()
      const to = channel.receiver
      if (to === undefined) throw new Error('nobody receives')
      to.data(Buffer.from('its last '), false)
      to.data(Buffer.from('words'), false)
      end(to)
      await Bun.sleep(1)
      expect(stream.destroyed).toBe(false)
      const closed = once(stream, 'close')
      stream.resume()
      await closed
      expect(read.join('')).toBe('its last words')
      expect(channel.closed).toBe(1)
    })

  test('a close without anything before it closes at once', async () => {
    const channel = new PlayedChannel()
    const stream = new ChannelStream(channel).pause()
    channel.receiver?.close(false)
    await once(stream, 'close')
    expect(channel.closed).toBe(1)
  })
})
