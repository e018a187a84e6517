/**
 * From the first byte to the target: who is let in, what is said of them, and what does not happen before.
 *
 * @module
 */
import { expect } from 'bun:test'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { ClientError, TargetError } from '../../../proxy/core/errors.ts'
import { chance_ms, within } from '../collected.ts'
import { connected, greeted } from '../scene.ts'
import { denial, grant, openStand, type Stand, start } from '../stand.ts'
import type { Case } from './case.ts'

export const greeting_cases: readonly Case[] = [
  {
    name: 'a greeting says who, how that was proven, where to, and from where',
    async run(world) {
      await using scene = await greeted(world)
      const { greeting, client, stand } = scene
      expect(greeting.identity).toMatchObject({ issuer: 'test', subject: 'ada' })
      expect(greeting.account).toBe(client.account)
      expect(greeting.target).toBe(client.target)
      expect([...stand.sources]).toEqual([greeting.source])
      const proof = Object.values(greeting.proof.fields)
      expect(proof.length).toBeGreaterThan(0)
      for (const field of proof) expect(field.length).toBeGreaterThan(0)
      // It becomes a record, and is shown.
      for (const fact of Object.values(greeting.context)) expect(fact).not.toMatch(/\p{Cc}/u)
    },
  },
  {
    name: 'nothing reaches the target before welcome',
    async run(world) {
      await using scene = await greeted(world)
      scene.client.channel.send(Buffer.from('too early\n'))
      await Bun.sleep(chance_ms)
      expect(scene.client.reached).toBe(0)
      const link = await scene.greeting.welcome(grant)
      // It would be seen: by now one connection has arrived.
      await within(
        'the target is reached',
        reached(() => scene.client.reached),
      )
      link.close()
    },
  },
  {
    name: 'a second welcome is a fault, and reaches nobody',
    async run(world) {
      await using scene = await greeted(world)
      const link = await scene.greeting.welcome(grant)
      await within(
        'the target is reached',
        settledAt(() => scene.client.reached, 1),
      )
      const again = scene.greeting.welcome(grant)
      expect(await outcome(again)).toBeInstanceOf(Error)
      await Bun.sleep(chance_ms)
      expect(scene.client.reached).toBe(1)
      link.close()
    },
  },
  {
    name: 'a refusal tells the client why, and ends',
    async run(world) {
      await using scene = await greeted(world)
      const { client, greeting } = scene
      greeting.refuse({ ...denial, message: 'come back on Monday' })
      await within('the client is told', shows(scene.client.channel, 'come back on Monday'))
      await within('the client sees an end', client.channel.output.ended())
      client.leave()
      await within('the greeting closes', greeting.closed)
      expect(client.reached).toBe(0)
    },
  },
  {
    name: 'who is not known is never greeted',
    async run(world) {
      await using scene = await connected(world, { known: false })
      const rejected = await outcome(scene.stand.accepted())
      expect(rejected).toBeInstanceOf(ClientError)
      expect(scene.stand.claims.length).toBeGreaterThan(0)
      await within('the client sees an end', scene.client.channel.output.ended())
      expect(scene.client.reached).toBe(0)
    },
  },
  {
    name: 'who says nothing is given up when the signal says so',
    async run(world) {
      await using stand = await openStand(world)
      const socket = await silent(stand)
      const closed = closing(socket)
      const accepted = stand.accepted()
      stand.abort()
      expect(await outcome(accepted)).toMatchObject({
        name: 'ClientError',
        code: 'client_timeout',
      })
      await within('the connection closes', closed)
    },
  },
  {
    name: 'who comes after the signal is not served',
    async run(world) {
      await using scene = await openStand(world)
      scene.abort()
      const socket = await silent(scene)
      const closed = closing(socket)
      expect(await outcome(scene.accepted())).toMatchObject({
        name: 'ClientError',
        code: 'client_timeout',
      })
      await within('the connection closes', closed)
    },
  },
  {
    name: 'the signal means nothing to who was greeted',
    async run(world) {
      await using scene = await greeted(world)
      scene.stand.abort()
      const link = await scene.greeting.welcome(grant)
      const { channel } = start(link)
      expect((await channel()).id).toBeGreaterThan(0)
    },
  },
  {
    name: 'who leaves before saying anything is a ClientError',
    async run(world) {
      await using stand = await openStand(world)
      const socket = await silent(stand)
      socket.destroy()
      expect(await outcome(stand.accepted())).toMatchObject({
        name: 'ClientError',
        code: 'client_gone',
      })
    },
  },
  {
    name: 'whatever bytes come first, they are a ClientError and nothing worse',
    async run(world) {
      await using stand = await openStand(world)
      await fc.assert(
        fc.asyncProperty(fc.array(first_bytes, { minLength: 1, maxLength: 4 }), async (chunks) => {
          const socket = await silent(stand)
          for (const chunk of chunks) socket.write(chunk)
          const closed = closing(socket)
          socket.end()
          expect(await outcome(stand.accepted())).toBeInstanceOf(ClientError)
          await within('the connection closes', closed)
        }),
        { numRuns: 40, endOnFailure: true },
      )
    },
  },
  {
    name: 'a target that is away is a TargetError, and the client can be told',
    async run(world) {
      for (const target of ['away', 'unknown'] as const) {
        await using scene = await greeted(world, { target })
        const { greeting, client } = scene
        const failed = await outcome(greeting.welcome(grant))
        expect(failed).toBeInstanceOf(TargetError)
        expect(failed).toMatchObject({ code: 'target_unreachable' })
        const { message } = failed as TargetError
        expect(message).toContain(client.target)
        expect(message).not.toMatch(/\p{Cc}/u)
        greeting.refuse({ ...denial, message })
        await within('the client is told', shows(scene.client.channel, client.target))
      }
    },
  },
  {
    name: 'a client that leaves before welcome closes the greeting, and welcome still settles',
    async run(world) {
      await using scene = await greeted(world)
      scene.client.kill()
      await within('the greeting closes', scene.greeting.closed)
      const settled = outcome(scene.greeting.welcome(grant))
      const link = await within('welcome settles', settled)
      if (link instanceof Error) return
      // The session starts it as any other, and waits for its end.
      const started = start(link as Awaited<ReturnType<typeof scene.greeting.welcome>>)
      await within('the link closes', started.closed)
      expect(started.closes).toEqual(['client'])
    },
  },
  {
    name: 'a link whose both sides are gone before its start closes, once',
    async run(world) {
      await using scene = await greeted(world)
      const link = await scene.greeting.welcome(grant)
      scene.client.cutTarget()
      scene.client.kill()
      await within('the greeting closes', scene.greeting.closed)
      await Bun.sleep(chance_ms)
      const started = start(link)
      await within('the link closes', started.closed)
      await Bun.sleep(chance_ms)
      expect(started.closes).toHaveLength(1)
    },
  },
]

const first_bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 400 }),
  fc.string({ minLength: 1 }).map((text) => Buffer.from(`${text}\r\n`)),
  // Beginnings that some protocol would take for its own.
  fc
    .constantFrom('SSH-2.0-x\r\n', 'a b@c\n', 'GET / HTTP/1.1\r\n\r\n')
    .map((it) => Buffer.from(it)),
  fc.uint8Array({ minLength: 4096, maxLength: 40_000 }),
)

/** The value, or the error of a rejection; a hang is a failure. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return within(
    'it settles',
    promise.catch((error: unknown) => error),
  )
}

async function reached(count: () => number): Promise<void> {
  while (count() === 0) await Bun.sleep(5)
}

/** Waits for a text in either stream of the user. */
async function shows(
  end: { output: { text(): string }; errors: { text(): string } },
  text: string,
): Promise<void> {
  while (!`${end.output.text()}${end.errors.text()}`.includes(text)) await Bun.sleep(5)
}

/** A connection that nothing is said on. */
async function silent(stand: Stand): Promise<Socket> {
  const { promise, resolve } = Promise.withResolvers<Socket>()
  const socket = connect(stand.port, '127.0.0.1', () => resolve(socket))
  socket.on('error', () => {}).resume()
  return promise
}

const closing = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

/** Resolves once a count is that high. */
async function settledAt(count: () => number, least: number): Promise<void> {
  while (count() < least) await Bun.sleep(5)
}
