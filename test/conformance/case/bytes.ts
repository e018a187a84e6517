/**
 * Bytes of a channel: all of them, in order, each way, at the pace of who reads.
 *
 * @module
 */
import { expect } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { chance_ms, settled, within } from '../collected.ts'
import { type Dialled, dialled } from '../scene.ts'
import { join, watch } from '../stand.ts'
import type { Case } from './case.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Far more than windows, sockets and pipes between two ends hold together. */
const much_bytes = 64 * 1024 * 1024
/** ... and more than that they do not hold. */
const held_bytes_max = 24 * 1024 * 1024

export const bytes_cases: readonly Case[] = [
  {
    name: 'any bytes in any pieces arrive as they are, both ways at once',
    async run(world) {
      await fc.assert(
        fc.asyncProperty(pieces, pieces, async (down_lengths, up_lengths) => {
          const down = down_lengths.map((length) => randomBytes(length))
          const up = up_lengths.map((length) => randomBytes(length))
          await using scene = await dialled(world)
          join(scene.opened, scene.far)
          const printing = (async () => {
            for (const piece of down) await scene.program.print(piece)
          })()
          for (const piece of up) scene.client.channel.send(piece)
          const [to_client, to_target] = [Buffer.concat(down), Buffer.concat(up)]
          scene.client.channel.endInput()
          await within('the input ends', scene.program.input.ended())
          await within('all is printed', printing)
          scene.program.exit(0)
          await within('the output ends', scene.client.channel.output.ended())
          expect(scene.program.input.length).toBe(to_target.length)
          expect(sha256(scene.program.input.bytes())).toBe(sha256(to_target))
          expect(scene.client.channel.output.length).toBe(to_client.length)
          expect(sha256(scene.client.channel.output.bytes())).toBe(sha256(to_client))
        }),
        // A run is a session; another one would fail for the same reason.
        { numRuns: 5, endOnFailure: true },
      )
    },
  },
  {
    name: 'the client ends its input, and the target still prints',
    async run(world) {
      await using scene = await dialled(world)
      const { near } = join(scene.opened, scene.far)
      scene.client.channel.send(Buffer.from('last\n'))
      scene.client.channel.endInput()
      await within('the input ends', scene.program.input.ended())
      expect(scene.program.input.text()).toBe('last\n')
      expect(near.order.slice(-2)).toEqual(['data 0', 'eof 0'])
      await scene.program.print(Buffer.from('an answer\n'))
      scene.program.exit(0)
      await within('the output ends', scene.client.channel.output.ended())
      expect(scene.client.channel.output.text()).toBe('an answer\n')
    },
  },
  {
    name: 'the target ends its output, and still reads',
    async run(world) {
      await using scene = await dialled(world)
      const { far } = join(scene.opened, scene.far)
      await scene.program.print(Buffer.from('last\n'))
      scene.program.endOutput()
      await within('the output ends', scene.client.channel.output.ended())
      expect(scene.client.channel.output.text()).toBe('last\n')
      expect(far.order).toContain('eof 1')
      scene.client.channel.send(Buffer.from('a question\n'))
      await within('the input arrives', scene.program.input.until(11))
      expect(scene.program.input.text()).toBe('a question\n')
    },
  },
  {
    name: 'the exit code comes after all output, and reaches the client',
    needs: ['exit_code', 'error_stream'],
    async run(world) {
      await using scene = await dialled(world)
      const { far } = join(scene.opened, scene.far)
      const out = randomBytes(3_000_000)
      const err = randomBytes(1_000_000)
      void scene.program.print(out)
      void scene.program.print(err, 2)
      scene.program.exit(7)
      expect(await within('the client ends', exitOf(scene))).toBe(7)
      expect(sha256(scene.client.channel.output.bytes())).toBe(sha256(out))
      expect(sha256(scene.client.channel.errors.bytes())).toBe(sha256(err))
      await within('the end closes', far.closed)
      const after = far.order.slice(far.order.indexOf('exit 7') + 1)
      expect(after).toEqual(['closed'])
    },
  },
  {
    name: 'the error stream is its own',
    needs: ['error_stream'],
    async run(world) {
      await using scene = await dialled(world)
      const { far } = join(scene.opened, scene.far)
      await scene.program.print(Buffer.from('out'), 1)
      await scene.program.print(Buffer.from('err'), 2)
      scene.program.exit(0)
      await within('the client ends', exitOf(scene))
      expect(scene.client.channel.output.text()).toBe('out')
      expect(scene.client.channel.errors.text()).toBe('err')
      expect(far.streams[1].text()).toBe('out')
      expect(far.streams[2].text()).toBe('err')
    },
  },
  {
    name: 'what came before the start of an end is there, in order, with its end',
    async run(world) {
      await using scene = await dialled(world)
      scene.client.channel.send(Buffer.from('from the client\n'))
      scene.client.channel.endInput()
      await scene.program.print(Buffer.from('from the target\n'))
      scene.program.exit(0)
      await Bun.sleep(chance_ms)
      const near = watch(scene.opened.client)
      const far = watch(scene.far)
      await within('the output ends', far.streams[1].ended())
      await within('the input ends', near.streams[0].ended())
      expect(near.streams[0].text()).toBe('from the client\n')
      expect(near.order.slice(0, 2)).toEqual(['data 0', 'eof 0'])
      expect(far.streams[1].text()).toBe('from the target\n')
      expect(far.order[0]).toBe('data 1')
    },
  },
  {
    name: 'a pause of the target stops it, whatever it prints; a resume goes on',
    async run(world) {
      await using scene = await dialled(world)
      const far = watch(scene.far)
      await scene.program.print(Buffer.from('begin\n'))
      await within('it begins', far.streams[1].until(6))
      scene.far.pause()
      const much = randomBytes(much_bytes)
      const printed = scene.program.print(much)
      const taken = await within(
        'it stops',
        settled(() => scene.program.printed),
      )
      // In between, and in memory: so much, and not what the target would like to print.
      expect(taken).toBeLessThan(held_bytes_max)
      const received = far.received
      await Bun.sleep(chance_ms)
      expect(far.received).toBe(received)
      scene.far.resume()
      await within('all is printed', printed)
      await within('all arrives', far.streams[1].until(much.length + 6))
      expect(sha256(far.streams[1].bytes().subarray(6))).toBe(sha256(much))
    },
  },
  {
    name: 'a pause of the client stops it, whatever it sends; a resume goes on',
    async run(world) {
      await using scene = await dialled(world)
      const near = watch(scene.opened.client)
      scene.client.channel.send(Buffer.from('begin\n'))
      await within('it begins', near.streams[0].until(6))
      scene.opened.client.pause()
      const much = randomBytes(much_bytes)
      scene.client.channel.send(much)
      const received = await within(
        'it stops',
        settled(() => near.received),
      )
      expect(received).toBeLessThan(held_bytes_max)
      scene.opened.client.resume()
      await within('all arrives', near.streams[0].until(much.length + 6))
      expect(sha256(near.streams[0].bytes().subarray(6))).toBe(sha256(much))
    },
  },
  {
    name: 'what is written is not taken for sent while the client does not read',
    async run(world) {
      await using scene = await dialled(world)
      watch(scene.opened.client)
      scene.client.channel.pause()
      await expectBackPressure(
        (bytes, sent) => scene.opened.client.write({ kind: 'data', stream: 1, bytes }, sent),
        () => scene.client.channel.resume(),
      )
    },
  },
  {
    name: 'what is written is not taken for sent while the target does not read',
    async run(world) {
      await using scene = await dialled(world)
      watch(scene.far)
      scene.program.pause()
      await expectBackPressure(
        (bytes, sent) => scene.far.write({ kind: 'data', stream: 0, bytes }, sent),
        () => scene.program.resume(),
      )
    },
  },
]

/** Lengths: single bytes, small runs, and pieces around the sizes at which something is divided. */
const pieces = fc.array(
  fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: 3 }), weight: 3 },
    { arbitrary: fc.integer({ min: 4, max: 2_000 }), weight: 2 },
    { arbitrary: fc.constantFrom(32_767, 32_768, 32_769, 65_536, 200_000), weight: 1 },
  ),
  { minLength: 1, maxLength: 12 },
)

/** The exit code, once everything that was shown is here too. */
async function exitOf({ client }: Dialled): Promise<number> {
  const { output, errors, exited } = client.channel
  await Promise.all([output.ended(), errors.ended()])
  return exited
}

/** `sent` comes late, in order, once for each, and comes. */
async function expectBackPressure(
  write: (bytes: Uint8Array, sent: () => void) => void,
  resume: () => void,
): Promise<void> {
  const piece = new Uint8Array(128 * 1024).fill(0x61)
  // The line codec of a protocol need not be crossed here, but nobody likes endless lines.
  piece[piece.length - 1] = 0x0a
  const count = much_bytes / piece.length
  const sent: number[] = []
  for (let i = 0; i < count; i++) write(piece.slice(), () => sent.push(i))
  const early = await settled(() => sent.length)
  expect(early * piece.length).toBeLessThan(held_bytes_max)
  resume()
  await within('all is sent', all(sent, count))
  await Bun.sleep(chance_ms)
  expect(sent).toEqual(Array.from({ length: count }, (_, i) => i))
}

async function all(list: readonly unknown[], count: number): Promise<void> {
  while (list.length < count) await Bun.sleep(5)
}
