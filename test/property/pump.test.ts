/**
 * The pump's first invariant, for any interleaving: a byte is durable before it is forwarded, in both
 * directions, and order is kept. The recorder here resolves when a seeded schedule says so.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Channel, Codec, Endpoint, EndpointEvents, Wire } from '../../proxy/core/connector.ts'
import { RecorderError } from '../../proxy/core/errors.ts'
import type { SessionRecorder } from '../../proxy/core/ports.ts'
import { createFlight } from '../../proxy/session/flight.ts'
import { startPump } from '../../proxy/session/pump.ts'
import { rounds } from '../fixture/require.ts'

const identity: Codec = {
  decode: (wire) => ({ ok: true, frames: [wire] }),
  encode: (wire) => wire,
  flush: () => ({ ok: true, frames: [] }),
}

/** Half of what it reads is content, some of the rest whole messages. */
const mixed: Codec = {
  ...identity,
  decode(wire) {
    if (wire.kind === 'control') return { ok: true, frames: [wire] }
    const [first = 0] = wire.bytes
    const content = { transfer: 1, start: 0, end: wire.bytes.length }
    if (first % 2 === 0) return { ok: true, frames: [{ ...wire, content }] }
    return { ok: true, frames: [first % 3 === 0 ? { ...wire, fields: [] } : wire] }
  },
}

/** An endpoint that logs what is written to it, and whose peer the test plays. */
interface Played extends Endpoint {
  peer: EndpointEvents
  closes: number
}

function endpoint(name: string, log: string[]): Played {
  const made: Played = {
    peer: { wire: () => {}, closed: () => {} },
    closes: 0,
    start(on) {
      made.peer = on
    },
    pause: () => {},
    resume: () => {},
    write(wire: Wire, sent) {
      log.push(
        `${name} ${wire.kind === 'data' ? Buffer.from(wire.bytes).toString() : wire.event.kind}`,
      )
      sent?.()
    },
    close() {
      made.closes += 1
      if (made.closes > 1) return
      queueMicrotask(() => made.peer.closed())
    },
  }
  return made
}

const action = fc.oneof(
  fc.record({
    from: fc.constant('target' as const),
    text: fc.string({ minLength: 1, maxLength: 5 }),
  }),
  fc.record({
    from: fc.constant('client' as const),
    text: fc.string({ minLength: 1, maxLength: 5 }),
  }),
  fc.record({ from: fc.constant('disk' as const), text: fc.constant('') }),
)

describe('pump', () => {
  test('a byte is durable before it is forwarded, in order, whatever the disk does', async () => {
    let forwarded = 0
    let spent = 0
    let contents = 0
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const log: string[] = []
        const client = endpoint('client', log)
        const target = endpoint('target', log)
        /** What waits for the disk: each makes its own durable. */
        const waiting: (() => void)[] = []
        const durable = (name: string): Promise<void> =>
          new Promise((resolve) => {
            waiting.push(() => {
              log.push(`durable ${name}`)
              resolve()
            })
          })
        const recorder: SessionRecorder = {
          id: 'a session',
          event: (_channel, event) => durable(event.kind),
          fact: (_channel, fact) => void durable(fact.kind),
          early: () => {
            throw new Error('nothing of this is early')
          },
          shown: async () => ({ text: '', rules: [] }),
          command: async () => ({ text: '', rules: [] }),
          channel: () => durable('channel').then(() => undefined),
          output(_channel, stream, bytes) {
            waiting.push(() => {
              log.push(`durable out ${Buffer.from(bytes).toString()}`)
              pump.release(stream, bytes, bytes.length)
            })
          },
          buffer: (length) => new Uint8Array(length),
          recycle: () => {},
          download(_channel, bytes, pieces) {
            contents += pieces.length
            recorder.output(1, 1, bytes)
          },
          upload: (_channel, bytes) => recorder.input(1, bytes).then(() => bytes),
          input: (_channel, bytes) => durable(`in ${Buffer.from(bytes).toString()}`),
          flush: () => durable('flush'),
          close: () => durable('close'),
        }
        const channel = channelOf(client, target, mixed)
        const pump = startPump(
          channel,
          channel.codecs({ allowed: true, rule: 'test' }, () => ({ allowed: true, rule: 'test' })),
          target,
          recorder,
          createFlight(() => 0),
          () => 1,
        )
        const read: Uint8Array[] = []
        let sent = ''
        let typed = ''
        for (const { from, text } of actions) {
          const bytes = new Uint8Array(Buffer.from(text))
          if (text !== '') read.push(bytes)
          if (from === 'target') {
            sent += text
            target.peer.wire({ kind: 'data', stream: 1, bytes, last: true })
          } else if (from === 'client') {
            typed += text
            client.peer.wire({ kind: 'data', stream: 0, bytes, last: true })
          } else {
            waiting.shift()?.()
          }
          if (text.length % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        target.peer.closed()
        while (await Promise.race([pump.ended.then(() => false), turn()])) waiting.shift()?.()

        const texts = (prefix: string): string =>
          log
            .filter((line) => line.startsWith(prefix))
            .map((line) => line.slice(prefix.length))
            .join('')
        expect(texts('client ')).toBe(sent)
        expect(texts('target ')).toBe(typed.slice(0, texts('target ').length))
        let out = 0
        let into = 0
        for (const line of log) {
          if (line.startsWith('durable out ')) out += line.length - 'durable out '.length
          else if (line.startsWith('durable in ')) into += line.length - 'durable in '.length
          else if (line.startsWith('client ')) out -= line.length - 'client '.length
          else if (line.startsWith('target ')) into -= line.length - 'target '.length
          expect(Math.min(out, into), `forwarded before durable: ${line}`).toBeGreaterThanOrEqual(0)
        }
        forwarded += sent.length
        for (const { length } of read) if (length === 0) spent += 1
      }),
      { numRuns: rounds(200) },
    )
    expect(Math.min(forwarded, contents, spent), 'the property saw bytes').toBeGreaterThan(0)
  })

  test('events without end stop their client until the disk and the target have them', async () => {
    const log: string[] = []
    const paused: boolean[] = []
    const client = Object.assign(endpoint('client', log), {
      pause: () => void paused.push(true),
      resume: () => void paused.push(false),
    })
    const target = endpoint('target', log)
    const disk = Promise.withResolvers<void>()
    const recorder: SessionRecorder = {
      id: 'a session',
      event: () => disk.promise,
      fact: () => {},
      early: () => {},
      shown: async () => ({ text: '', rules: [] }),
      command: async () => ({ text: '', rules: [] }),
      channel: () => disk.promise.then(() => undefined),
      output: () => {},
      buffer: (length) => new Uint8Array(length),
      recycle: () => {},
      download: () => {},
      upload: (_channel, bytes) => disk.promise.then(() => bytes),
      input: () => disk.promise,
      flush: () => disk.promise,
      close: () => disk.promise,
    }
    startPump(
      channelOf(client, target, identity),
      { to_target: identity, to_client: identity },
      target,
      recorder,
      createFlight(() => 0),
      () => 1,
    )
    let sent = 0
    for (; paused.length === 0 && sent < 10_000; sent++) {
      const event = { kind: 'resize', columns: 80, rows: sent } as const
      client.peer.wire({ kind: 'control', event })
    }
    expect(paused).toEqual([true])
    expect(log).toEqual([])
    disk.resolve()
    while (log.length < sent) await turn()
    expect(paused).toEqual([true, false])
  })

  test('what only reads goes on before its record is durable, and never past what waits', async () => {
    const log: string[] = []
    const client = endpoint('client', log)
    const target = endpoint('target', log)
    const recorded: string[] = []
    const waiting: { resolve(): void; reject(error: Error): void }[] = []
    const disk = (): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.push({ resolve, reject })
      return promise
    }
    const recorder: SessionRecorder = {
      id: 'a session',
      event: disk,
      fact: () => {},
      early: (_channel, bytes) => void recorded.push(Buffer.from(bytes).toString()),
      shown: async () => ({ text: '', rules: [] }),
      command: async () => ({ text: '', rules: [] }),
      channel: () => Promise.resolve(undefined),
      output: () => {},
      buffer: (length) => new Uint8Array(length),
      recycle: () => {},
      download: () => {},
      upload: (_channel, bytes) => disk().then(() => bytes),
      input: disk,
      flush: disk,
      close: disk,
    }
    /** Small letters only read. */
    const codec: Codec = {
      ...identity,
      decode(wire) {
        if (wire.kind === 'control') return { ok: true, frames: [wire] }
        const only_reads = (wire.bytes[0] ?? 0) >= 0x61
        const frame = { ...wire, fields: [] }
        return { ok: true, frames: [only_reads ? { ...frame, early: true } : frame] }
      },
    }
    startPump(
      ...([channelOf(client, target, codec), { to_target: codec, to_client: codec }] as const),
      ...([target, recorder, createFlight(() => 0), () => 1] as const),
    )
    const type = async (text: string): Promise<void> => {
      client.peer.wire({ kind: 'data', stream: 0, bytes: new TextEncoder().encode(text) })
      await turn()
    }
    await type('a')
    expect(log).toEqual(['target a'])
    await type('B')
    await type('c')
    expect(log).toEqual(['target a'])
    waiting[0]?.resolve()
    await turn()
    expect(log).toEqual(['target a', 'target B', 'target c'])
    await type('d')
    expect(log).toEqual(['target a', 'target B', 'target c', 'target d'])
    expect(recorded).toEqual(['a', 'c', 'd'])
    // A record that somebody waits for, and that fails, ends the session.
    await type('E')
    waiting[1]?.reject(new RecorderError('journal_io', 'no'))
    await turn()
    expect(log).not.toContain('target E')
    expect(Math.min(client.closes, target.closes)).toBeGreaterThan(0)
  })
})

const channelOf = (client: Endpoint, target: Endpoint, codec: Codec): Channel => ({
  id: 1,
  request: { kind: 'exec', command: new Uint8Array(), env: {} },
  client,
  codecs: () => ({ to_target: codec, to_client: codec }),
  dial: () => Promise.resolve(target),
  refuse: () => {},
})

const turn = (): Promise<true> => new Promise((resolve) => setImmediate(() => resolve(true)))
