/** IDs of requests, which nobody else can make and nobody can use twice. */
import { describe, expect, test } from 'bun:test'
import { browser_login_s } from '../limits.ts'
import { createRequestIds } from './request-id.ts'

describe('an ID of a request', () => {
  let now_us = 1_800_000_000_000_000
  const ids = createRequestIds(() => now_us)
  test('is for the provider that was asked, and for its time', () => {
    const id = ids.make('corp')
    expect(ids.made(id, 'corp')).toBe(now_us)
    expect(ids.made(id, 'other')).toBeUndefined()
    for (const wrong of [
      '',
      '_',
      `${id}0`,
      id.slice(0, -1),
      id.replace('_', '_1'),
      'x'.repeat(9999),
    ])
      expect(ids.made(wrong, 'corp')).toBeUndefined()
    expect(createRequestIds(() => now_us).made(id, 'corp')).toBeUndefined()
    now_us += browser_login_s * 1e6
    expect(ids.made(id, 'corp')).toBeUndefined()
  })
  test('is remembered for as long as it could be answered', () => {
    const id = ids.make('corp')
    expect([ids.answer(id), ids.answer(id)]).toEqual(['first', 'again'])
    now_us += browser_login_s * 1e6
    // Its time is over, so that nothing asks any more.
    expect(ids.answer(id)).toBe('first')
  })
})
