import { expect, test } from 'bun:test'
import { decodeHidden } from '../../storage/evidence/raw.ts'
import { hidden_record_bytes_max, hidden_session_bytes_max } from '../core/limits.ts'
import { Hidden } from './hidden.ts'

interface Sealed {
  readonly channel: number
  readonly what: string
  readonly value: Uint8Array
}

function keep(): { readonly hidden: Hidden; readonly sealed: Sealed[] } {
  const sealed: Sealed[] = []
  return {
    hidden: new Hidden((channel, what, value) => sealed.push({ channel, what, value })),
    sealed,
  }
}

test('what one record hides is one value, and bytes that change afterwards are as they were', () => {
  const { hidden, sealed } = keep()
  const memory = Buffer.from('secret other')
  hidden.add(3, 1, 100, memory.subarray(0, 6))
  hidden.add(3, 2, 7, memory.subarray(7))
  memory.fill('*')
  expect(sealed).toEqual([])
  hidden.write(3)
  hidden.write(3)
  expect(sealed.map(({ channel, what }) => [channel, what])).toEqual([[3, 'raw']])
  const found = decodeHidden(sealed[0]?.value ?? new Uint8Array())
  expect(found?.map((one) => ({ ...one, bytes: Buffer.from(one.bytes).toString() }))).toEqual([
    { stream: 1, offset: 100, bytes: 'secret' },
    { stream: 2, offset: 7, bytes: 'other' },
  ])
})

test('a mask of any length is cut into values that a record can hold', () => {
  const { hidden, sealed } = keep()
  const raw = new Uint8Array(3 * hidden_record_bytes_max + 5).map((_, at) => at % 251)
  hidden.add(0, 1, 9, raw)
  hidden.write(0)
  expect(sealed.length).toBeGreaterThan(1)
  for (const { value } of sealed)
    expect(value.length).toBeLessThanOrEqual(2 * hidden_record_bytes_max)
  const parts = sealed.flatMap(({ value }) => decodeHidden(value) ?? [])
  let at = 9
  for (const { offset, bytes } of parts) {
    expect(offset).toBe(at)
    at += bytes.length
  }
  expect(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(raw)).toBe(true)
})

test('a session that prints secrets for hours is kept up to a limit, and where that was is sealed', () => {
  const whats: string[] = []
  let kept = 0
  const bounded = new Hidden((_, what, value) => {
    if (whats.at(-1) !== what) whats.push(what)
    if (what === 'raw') kept += value.length
    else expect(JSON.parse(Buffer.from(value).toString())).toMatchObject({ channel: 1, stream: 2 })
  })
  const raw = new Uint8Array(hidden_record_bytes_max)
  for (let offset = 0; offset < 2 * hidden_session_bytes_max; offset += raw.length) {
    bounded.add(1, 2, offset, raw)
    bounded.write(1)
  }
  expect(whats).toEqual(['raw', 'raw_full'])
  expect(kept).toBeLessThanOrEqual(hidden_session_bytes_max)
  expect(kept).toBeGreaterThan(hidden_session_bytes_max * 0.99)
})

test('lengths that do not fit are no value', () => {
  expect(decodeHidden(new Uint8Array(12))).toBeUndefined()
  expect(decodeHidden(Uint8Array.of(...Array(12).fill(0), 1))).toBeUndefined()
  expect(decodeHidden(new Uint8Array())).toEqual([])
})
