import { expect, test } from 'bun:test'
import { rulesetOf } from '../compile/prepared.ts'
import { rulesOf } from '../rules/index.ts'
import { MaskingEngine } from './engine.ts'
import type { Masked } from './stream.ts'

const compiled = rulesetOf(rulesOf(['secrets', 'pci']))
if (!compiled.ok) throw new Error(compiled.reason)
const engine = MaskingEngine.load(compiled.ruleset)
const window_bytes = 64 * 1024
const token = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')

const clean = (length: number): Uint8Array =>
  Buffer.from('2026-11-28 INFO an order was sent\n'.repeat(Math.ceil(length / 34))).subarray(
    0,
    length,
  )

/** With the token at these places. */
function planted(length: number, places: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(clean(length))
  for (const at of places) bytes.set(Buffer.from(` ${token} `), at)
  return bytes
}

/** What a stream makes of it, in pieces of that size, copied at once. */
function masked(bytes: Uint8Array, piece: number): { text: Buffer; spans: string[] } {
  const stream = engine.open('length')
  const texts: Buffer[] = []
  const spans: string[] = []
  const take = (result: Masked): void => {
    texts.push(Buffer.from(new Uint8Array(result.bytes)))
    for (const { raw_offset, raw_length, rule, raw } of result.spans)
      spans.push(`${raw_offset} ${raw_length} ${rule} ${Buffer.from(raw).toString('latin1')}`)
  }
  for (let at = 0; at < bytes.length; at += piece) take(stream.push(bytes.subarray(at, at + piece)))
  take(stream.flush('end'))
  stream.close()
  return { text: Buffer.concat(texts), spans }
}

test('several windows of clean bytes come back as they are, without a copy', () => {
  const stream = engine.open('length')
  for (const length of [window_bytes + 1, 2 * window_bytes, 5 * window_bytes + 17]) {
    const given = planted(length, [])
    // Nothing that goes on is held.
    for (let at = window_bytes; at < length; at += window_bytes) given[at - 1] = 0x0a
    given[length - 1] = 0x0a
    const { bytes, raw_length, spans } = stream.push(given)
    expect(bytes === given).toBe(true)
    expect({ raw_length, spans: spans.length }).toEqual({ raw_length: length, spans: 0 })
  }
  stream.close()
})

test('however many windows a piece takes, the same is masked', () => {
  const length = 6 * window_bytes + 100
  const places = {
    none: [],
    'in the first': [100],
    'in the last': [length - 60],
    'over a border': [window_bytes - 20, 3 * window_bytes - 1, 4 * window_bytes - 41],
    many: Array.from({ length: 40 }, (_, n) => n * 9_000),
  }
  for (const [name, at] of Object.entries(places)) {
    const bytes = planted(length, at)
    const small = masked(bytes, 1_000)
    expect(small.spans.length, name).toBe(at.length)
    expect(small.text.includes(token), name).toBe(false)
    for (const piece of [window_bytes + 5, 2 * window_bytes, length])
      expect(masked(bytes, piece), `${name} ${piece}`).toEqual(small)
  }
})

test('what one stream left in the memory is not in what another gets', () => {
  const [one, two] = [engine.open('length'), engine.open('length')]
  const secret = one.push(planted(3 * window_bytes, [50, 2 * window_bytes + 50]))
  expect(secret.spans.length).toBe(2)
  const given = clean(2 * window_bytes)
  const bytes = new Uint8Array(given)
  // Held at its end, so that it does not come back as it was given.
  bytes.set(Buffer.from('\nghp_'), bytes.length - 5)
  const next = two.push(bytes)
  expect(two.held).toBeGreaterThan(0)
  expect(Buffer.from(next.bytes).equals(bytes.subarray(0, next.raw_length))).toBe(true)
  expect(Buffer.from(two.flush('end').bytes).toString()).toBe('ghp_')
  one.close()
  two.close()
})
