/** A catalogue that was made to keep whoever reads it busy. */
import { beforeAll, expect, test } from 'bun:test'
import { TargetError } from '../../../core/errors.ts'
import { readCatalog, readViews } from './read-catalog.ts'
import { loadParser } from './tree.ts'

beforeAll(loadParser)

const columns = new Map([['public.t0.ssn', { rule: 'ssn', strategy: { kind: 'mask' } }]] as const)
const count = 50_000
const relations = Array.from({ length: count }, (_, at) => [`${at}`, 'public', `t${at}`])
const attributes = Array.from({ length: count }, (_, at) => [`${at}`, '1', 'ssn', '25'])

test('a chain of children, the last one first, is read in one go', () => {
  const chain = Array.from({ length: count - 1 }, (_, at) => [
    `${count - 1 - at}`,
    `${count - 2 - at}`,
  ])
  const read = readCatalog([relations, attributes, chain, [], [], []], columns)
  if (!read.ok) throw new Error(read.reason)
  expect(read.catalog.relations.get(count - 1)?.protected.get(1)).toBe('column.ssn')
})

test('a chain of views, the last one first, is found in one go', () => {
  const chain = Array.from({ length: count - 1 }, (_, at) => [
    `${count - 1 - at}`,
    `${count - 2 - at}`,
  ])
  const read = readCatalog([relations, attributes, [], [], chain, []], columns)
  expect(read.ok && read.views.length).toBe(count - 1)
})

test('what is kin to itself in too many ways has an end', () => {
  const wide = Array.from({ length: 4_000 }, (_, at) => ['0', `${at}`, `c${at}`, '25'])
  const kin = Array.from({ length: 4_000 }, (_, at) => [`${at + 1}`, '0'])
  const all = new Map(
    wide.map(([, , name]) => [
      `public.t0.${name}`,
      { rule: 'x', strategy: { kind: 'mask' } as const },
    ]),
  )
  expect(() => readCatalog([relations, wide, kin, [], [], []], all)).toThrow(TargetError)
})

test('views leave others their turn, and are given up where there is no end of them', async () => {
  const read = readCatalog(
    [
      relations,
      attributes,
      [],
      [],
      [
        ['1', '0'],
        ['2', '1'],
      ],
      [],
    ],
    columns,
  )
  if (!read.ok) throw new Error(read.reason)
  const definitions = [
    ['1', 'SELECT ssn FROM t0'],
    ['2', 'SELECT ssn FROM t1'],
  ]
  let turns = 0
  const giving_up = readViews(read, definitions, () => {
    turns += 1
    if (turns > 3) throw new Error('given up')
    return Promise.resolve()
  })
  expect(giving_up).rejects.toThrow('given up')
  await readViews(read, definitions, () => undefined)
  expect(read.catalog.relations.get(2)?.protected.get(1)).toBe('column.ssn')
})
