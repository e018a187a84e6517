/** Which objects follow each other, with others put between them. */
import { expect, test } from 'bun:test'
import { Chain } from './chain.ts'

function walked(objects: Readonly<Record<number, number>>) {
  const chain = new Chain(Object.keys(objects).map(Number))
  for (let first = chain.next; first !== undefined; first = chain.next)
    chain.add(objects[first] ?? 0)
  return { firsts: chain.links.map(({ first }) => first), end: chain.end }
}

for (const [title, objects, firsts, end] of [
  ['nothing', {}, [], 0],
  ['in a row', { 0: 3, 3: 4, 7: 1 }, [0, 3, 7], 8],
  ['inside of another', { 0: 3, 1: 1, 2: 90, 3: 4 }, [0, 3], 7],
  ['inside, to the end and beyond', { 0: 3, 3: 4, 5: 9 }, [0, 3], 7],
  ['a gap', { 0: 3, 5: 2 }, [0, 5], 7],
  ['no beginning', { 5: 2, 6: 9, 7: 1 }, [5, 7], 8],
  ['empty ones', { 0: 0, 3: 4, 4: 0, 7: 0 }, [0, 3, 7], 7],
] as const)
  test(title, () => {
    expect(walked(objects)).toEqual({ firsts: [...firsts], end })
  })
