/** What someone could print to be slow, to be held, or to be seen: bounded by steps, not by a clock. */
import { describe, expect, test } from 'bun:test'
import { packs, rulesOf } from '../rules/index.ts'
import { engineOf, feed, latin1 } from './fixture.ts'

const engine = engineOf(rulesOf(packs))
const parts = [
  'eyJ',
  'eyJ ',
  '4',
  '4 ',
  '41-',
  '4111111111111111',
  'AKIA',
  'AKIA ',
  'a@',
  'a.b@c.d.',
  'a',
  '-',
  '://a:',
  'password=',
  'password="',
  'sk-',
  'xoxb-',
  ' ',
  'NPI 1',
  'DE89 3704 ',
  '-----BEGIN A ',
  '-----BEGIN PRIVATE KEY-----\n',
  '-----BEGIN PRIVATE KEY-----\nA: ',
  '\xff',
  '\0',
]

describe('repeated without end', () => {
  for (const part of parts)
    test(JSON.stringify(part), () => {
      const bytes = latin1(part.repeat(Math.ceil(60_000 / part.length)))
      // `feed` checks the bound on what is held after each part.
      const whole = feed(engine, bytes)
      expect(whole.text.length).toBe(bytes.length)
      expect(feed(engine, bytes, () => 64)).toEqual(whole)
    })
})

test('all bytes, in every pair', () => {
  const pairs = new Uint8Array(131_072)
  for (let i = 0; i < 65_536; i++) {
    pairs[i * 2] = i >> 8
    pairs[i * 2 + 1] = i
  }
  const whole = feed(engine, pairs)
  expect(feed(engine, pairs, () => 61)).toEqual(whole)
})
