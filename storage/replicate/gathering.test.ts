/** How chunks of sessions become objects. */
import { expect, test } from 'bun:test'
import { Gathering } from './gathering.ts'
import { object_bytes, object_rest_bytes } from './limits.ts'

const piece_bytes = 256 * 1024
const full = object_bytes / piece_bytes
const rest = object_rest_bytes / piece_bytes

/** Chunks of two records each, of sessions that alternate. */
function objectsOf(lengths: readonly number[], sizes: readonly number[] = [piece_bytes]) {
  const gathering = new Gathering()
  const objects: { no: number; first: number; next: number; bytes: number }[] = []
  const keep = (made: ReturnType<Gathering['close']>): void => {
    for (const { session_no, first, next, parts } of made)
      objects.push({
        ...{ no: session_no, first, next },
        bytes: parts.reduce((sum, { length }) => sum + length, 0),
      })
  }
  let waiting = 0
  for (let at = 0; at < Math.max(...lengths); at++)
    for (const [no, length] of lengths.entries()) {
      if (at >= length) continue
      const bytes = new Uint8Array(sizes[at % sizes.length] ?? 0)
      waiting += bytes.length
      keep(gathering.add({ no: at, session_no: no, first_seq: at * 2, count: 2, bytes }))
    }
  const sent = objects.reduce((sum, { bytes }) => sum + bytes, 0)
  expect(gathering.bytes).toBe(waiting - sent)
  keep(gathering.close())
  expect(gathering.bytes).toBe(0)
  return objects.toSorted((a, b) => a.no - b.no)
}

const rangesOf = (objects: ReturnType<typeof objectsOf>) =>
  objects.map(({ no, first, next }) => [no, first / 2, next / 2])

for (const [title, length, ends] of [
  ['one chunk', 1, [1]],
  ['a full object', full, [full]],
  ['a full one and a rest that is not worth another', full + rest, [full + rest]],
  ['a full one and enough for another', full + rest + 1, [full, full + rest + 1]],
  ['several, the rest with the last', 3 * full + 1, [full, 2 * full, 3 * full + 1]],
] as const)
  test(title, () => {
    const firsts = [0, ...ends.slice(0, -1)]
    expect(rangesOf(objectsOf([length]))).toEqual(
      [...ends].map((end, at) => [0, firsts[at] ?? 0, end]),
    )
  })

test('each session has its own, whatever comes between', () => {
  expect(rangesOf(objectsOf([full + rest + 1, 2, full]))).toEqual([
    ...[
      [0, 0, full],
      [0, full, full + rest + 1],
    ],
    ...[
      [1, 0, 2],
      [2, 0, full],
    ],
  ])
})

test('a chunk that is larger than an object is one', () => {
  const objects = objectsOf([3], [piece_bytes, object_bytes + object_rest_bytes, piece_bytes])
  expect(objects.map(({ first, next }) => [first, next])).toEqual([
    [0, 2],
    [2, 4],
    [4, 6],
  ])
})

test('what does not follow is another object', () => {
  const gathering = new Gathering()
  const chunk = { no: 1, session_no: 1, count: 1, bytes: new Uint8Array(5) }
  expect(gathering.add({ ...chunk, first_seq: 0 })).toEqual([])
  expect(gathering.add({ ...chunk, first_seq: 4 })).toMatchObject([{ first: 0, next: 1 }])
  expect(gathering.close()).toMatchObject([{ first: 4, next: 5 }])
})
