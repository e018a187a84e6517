/**
 * Ends: each is told once and last, however it came; what was written before is not lost, and every `sent` is called.
 *
 * @module
 */
import { expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { Endpoint, Stream } from '../../../proxy/core/connector.ts'
import { chance_ms, within } from '../collected.ts'
import { type Dialled, dialled } from '../scene.ts'
import { join, watch } from '../stand.ts'
import type { Case } from './case.ts'

interface End {
  readonly name: string
  happens(scene: Dialled): void
}

const ends: readonly End[] = [
  {
    name: 'we close both ends',
    happens({ opened, far }) {
      opened.client.close()
      far.close()
    },
  },
  {
    name: 'we close both ends twice',
    happens({ opened, far }) {
      for (const end of [opened.client, far, opened.client, far]) end.close()
    },
  },
  {
    name: 'we close while both are paused and full',
    happens({ opened, far, program, client }) {
      opened.client.pause()
      far.pause()
      client.channel.send(randomBytes(200_000))
      void program.print(randomBytes(200_000))
      setTimeout(() => {
        opened.client.close()
        far.close()
      }, 50)
    },
  },
  { name: 'the link is closed', happens: ({ link }) => link.close() },
  { name: 'the client leaves', happens: ({ client }) => client.leave() },
  { name: 'the client is killed', happens: ({ client }) => client.kill() },
  { name: 'the program exits', happens: ({ program }) => program.exit(0) },
  { name: 'the target is lost', happens: ({ client }) => client.cutTarget() },
]

export const ending_cases: readonly Case[] = [
  ...ends.map(
    ({ name, happens }): Case => ({
      name: `${name}: closed comes once and last, at both ends`,
      async run(world) {
        await using scene = await dialled(world)
        const { near, far } = join(scene.opened, scene.far)
        // A user whose program has ended its output has nothing more to say.
        void scene.client.channel.output.ended().then(() => scene.client.channel.endInput())
        await scene.program.print(Buffer.from('some\n'))
        scene.client.channel.send(Buffer.from('some\n'))
        await within('bytes pass', Promise.all([near.streams[0].until(5), far.streams[1].until(5)]))
        happens(scene)
        await within('both ends close', Promise.all([near.closed, far.closed]))
        await Bun.sleep(chance_ms)
        for (const { order } of [near, far]) {
          expect(order.filter((event) => event === 'closed')).toHaveLength(1)
          expect(order.at(-1)).toBe('closed')
        }
      },
    }),
  ),
  {
    name: 'an end that is started after its peer has gone is closed, once',
    async run(world) {
      await using scene = await dialled(world)
      scene.client.kill()
      scene.client.cutTarget()
      await within('the greeting closes', scene.greeting.closed)
      await Bun.sleep(chance_ms)
      const near = watch(scene.opened.client)
      const far = watch(scene.far)
      await within('both ends close', Promise.all([near.closed, far.closed]))
      await Bun.sleep(chance_ms)
      for (const { order } of [near, far])
        expect(order.filter((event) => event === 'closed')).toHaveLength(1)
    },
  },
  {
    name: 'a close sends what was written before it, to the client',
    async run(world) {
      await using scene = await dialled(world)
      watch(scene.opened.client)
      const bytes = randomBytes(1_000_000)
      scene.opened.client.write({ kind: 'data', stream: 1, bytes: new Uint8Array(bytes) })
      scene.opened.client.close()
      await within('the client sees an end', scene.client.channel.output.ended())
      expect(scene.client.channel.output.bytes().equals(bytes)).toBe(true)
    },
  },
  {
    name: 'a close sends what was written before it, to the target',
    async run(world) {
      await using scene = await dialled(world)
      watch(scene.far)
      const bytes = randomBytes(1_000_000)
      scene.far.write({ kind: 'data', stream: 0, bytes: new Uint8Array(bytes) })
      scene.far.close()
      await within('the program loses its input', scene.program.input.ended())
      expect(scene.program.input.bytes().equals(bytes)).toBe(true)
    },
  },
  ...(['client', 'target'] as const).flatMap((side): Case[] => {
    const stream: Stream = side === 'client' ? 1 : 0
    const endOf = ({ opened, far }: Dialled): Endpoint => (side === 'client' ? opened.client : far)
    return [
      {
        name: `every write to the ${side} is sent once, in order, also after a close`,
        async run(world) {
          await using scene = await dialled(world)
          const end = endOf(scene)
          watch(end)
          const sent: number[] = []
          const write = (i: number): void =>
            end.write({ kind: 'data', stream, bytes: Uint8Array.of(0x61 + i) }, () => sent.push(i))
          for (let i = 0; i < 8; i++) write(i)
          end.close()
          for (let i = 8; i < 12; i++) write(i)
          await within('all are sent', count(sent, 12))
          await Bun.sleep(chance_ms)
          expect(sent).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        },
      },
      {
        name: `every write to the ${side} is sent once, in order, also when it is lost`,
        async run(world) {
          await using scene = await dialled(world)
          const end = endOf(scene)
          const { closed } = watch(end)
          const sent: number[] = []
          const piece = (): Uint8Array => new Uint8Array(200_000)
          const write = (i: number): void =>
            end.write({ kind: 'data', stream, bytes: piece() }, () => sent.push(i))
          if (side === 'client') scene.client.channel.pause()
          else scene.program.pause()
          for (let i = 0; i < 200; i++) write(i)
          await Bun.sleep(chance_ms)
          if (side === 'client') scene.client.kill()
          else scene.client.cutTarget()
          await within('the end closes', closed)
          for (let i = 200; i < 210; i++) write(i)
          await within('all are sent', count(sent, 210))
          await Bun.sleep(chance_ms)
          expect(sent).toEqual(Array.from({ length: 210 }, (_, i) => i))
        },
      },
    ]
  }),
]

async function count(list: readonly unknown[], length: number): Promise<void> {
  while (list.length < length) await Bun.sleep(5)
}
