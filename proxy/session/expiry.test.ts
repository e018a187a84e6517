/** A session that ends with its credential, by a clock that may jump. */
import { expect, test } from 'bun:test'
import { endWhenExpired } from './expiry.ts'
import type { Session } from './session.ts'

const start_us = 1_800_000_000_000_000
const create = (): { session: Session; ends: string[]; close: () => void } => {
  const { promise: ended, resolve: close } = Promise.withResolvers<void>()
  const ends: string[] = []
  return {
    session: {
      id: undefined,
      grants: [],
      say: () => {},
      ended,
      end: (reason) => ends.push(reason),
    },
    ends,
    close,
  }
}

test('it ends then, and not before', async () => {
  const began_ms = performance.now()
  const now_us = (): number => start_us + (performance.now() - began_ms) * 1000
  const { session, ends } = create()
  endWhenExpired(session, start_us + 60_000, now_us)
  while (ends.length === 0) await Bun.sleep(5)
  expect(now_us()).toBeGreaterThanOrEqual(start_us + 60_000)
  expect(ends).toEqual(['expired'])
})

test('one that has ended before it began ends at once', () => {
  const { session, ends } = create()
  endWhenExpired(session, start_us, () => start_us)
  expect(ends).toEqual(['expired'])
})

test('a session that is over is left alone', async () => {
  const { session, ends, close } = create()
  let asked = 0
  endWhenExpired(session, start_us + 40_000, () => {
    asked += 1
    return start_us
  })
  close()
  await Bun.sleep(80)
  expect(ends).toEqual([])
  expect(asked).toBe(1)
})

test('a clock that stands still ends nothing, and one that jumps does', async () => {
  let now_us = start_us
  const { session, ends, close } = create()
  endWhenExpired(session, start_us + 20_000, () => now_us)
  await Bun.sleep(60)
  expect(ends).toEqual([])
  now_us += 3_600_000_000
  await Bun.sleep(60)
  expect(ends).toEqual(['expired'])
  close()
})
