import { describe, expect, test } from 'bun:test'
import { engineOf, feed } from '../host/fixture.ts'
import { packs, rulesOf } from './index.ts'

const rules = rulesOf(packs)
const all = engineOf(rules)
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const plain = (example: string): string => example.replaceAll(/[«»]/g, '')
/** A character for each byte, as `feed` gives it. */
const masked = (example: string): string =>
  Buffer.from(
    example.replaceAll(/«([^»]*)»/g, (_, secret: string) => secret.replaceAll(/[^\r\n]/g, '*')),
  ).toString('latin1')

test('there are enough rules, each with a name of its own', () => {
  expect(rules.length).toBeGreaterThanOrEqual(150)
  expect(new Set(rules.map((rule) => rule.name)).size).toBe(rules.length)
  expect(rulesOf(['pci']).every((rule) => rule.pack === 'pci')).toBe(true)
  expect(rulesOf(packs).length).toBe(packs.flatMap((pack) => rulesOf([pack])).length)
})

test('persons of at least fifteen countries are told by the check digits of their numbers', () => {
  const countries = rulesOf(['pii', 'hipaa'])
    .filter((rule) => rule.check !== undefined)
    .flatMap((rule) => /^([a-z]{2})-/.exec(rule.name)?.[1] ?? [])
  expect(new Set(countries).size).toBeGreaterThanOrEqual(15)
})

for (const rule of rules)
  describe(rule.name, () => {
    const engine = engineOf([rule])
    test('masks its examples, no more and no less', () => {
      expect(rule.examples.length).toBeGreaterThanOrEqual(2)
      for (const example of rule.examples) {
        expect(example).toContain('«')
        expect(feed(engine, bytes(plain(example))).text).toBe(masked(example))
      }
    })
    test('leaves near misses', () => {
      expect(rule.counter_examples.length).toBeGreaterThanOrEqual(2)
      for (const example of rule.counter_examples)
        expect(feed(engine, bytes(example)).spans, example).toEqual([])
    })
    test('says where it comes from', () => expect(rule.source).toMatch(/^https:\/\//))
    test('masks its examples beside all other rules', () => {
      for (const example of rule.examples) {
        const { text } = feed(all, bytes(plain(example)))
        const due = masked(example)
        for (let i = 0; i < due.length; i++)
          if (due[i] === '*') expect(text[i], `${example} at ${i}`).toBe('*')
      }
    })
  })

test('ordinary text stays as it is', async () => {
  const files = [
    '../../tsconfig.json',
    '../compile/dfa.ts',
    '../assembly/sha256.ts',
    '../assembly/mask.ts',
  ]
  const engine = engineOf(rulesOf(['secrets', 'pci']))
  for (const file of files) {
    const text = await Bun.file(new URL(file, import.meta.url)).text()
    expect(feed(engine, bytes(text)).spans, file).toEqual([])
  }
})
