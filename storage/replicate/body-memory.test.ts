import { expect, test } from 'bun:test'
import { BodyMemory } from './body-memory.ts'
import { object_bytes } from './limits.ts'

const partsOf = (byte: number, bytes: number): Uint8Array[] => [
  new Uint8Array(1000).fill(byte),
  new Uint8Array(bytes - 1000).fill(byte + 1),
]

test('a body has the bytes of its parts, of whatever size, and keeps them until it is released', () => {
  const memory = new BodyMemory()
  const sizes = [1000, object_bytes - 7, object_bytes, object_bytes + 1, (object_bytes * 3) / 4]
  const filled = sizes.map((bytes, at) => memory.join(partsOf(10 * at, bytes)))
  for (const [at, bytes] of sizes.entries())
    expect(filled[at]?.body).toEqual(new Uint8Array(Buffer.concat(partsOf(10 * at, bytes))))
})

test('what was released is used again, and what was not is not', () => {
  const memory = new BodyMemory()
  const [first, second] = [
    memory.join(partsOf(1, object_bytes)),
    memory.join(partsOf(3, object_bytes)),
  ]
  first.release()
  const third = memory.join(partsOf(5, object_bytes - 1))
  expect(third.body.buffer).toBe(first.body.buffer)
  expect(second.body).toEqual(new Uint8Array(Buffer.concat(partsOf(3, object_bytes))))
  expect(memory.join(partsOf(7, object_bytes)).body.buffer).not.toBe(third.body.buffer)
})
