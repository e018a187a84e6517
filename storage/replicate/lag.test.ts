import { expect, test } from 'bun:test'
import { Lag } from './lag.ts'

test('the lag is the age of the oldest entry that is not replicated', () => {
  const lag = new Lag()
  expect(lag.since_ms).toBeUndefined()
  lag.durable(10, 1_000)
  lag.durable(20, 2_000)
  lag.durable(30, 3_000)
  expect(lag.since_ms).toBe(1_000)
  lag.replicated(10)
  expect(lag.since_ms).toBe(2_000)
  lag.replicated(25)
  expect(lag.since_ms).toBe(3_000)
  lag.replicated(30)
  expect(lag.since_ms).toBeUndefined()
  // What is replicated already is not told again.
  lag.durable(30, 4_000)
  expect(lag.since_ms).toBeUndefined()
})

test('days without a bucket cost little memory, and the lag is never told too small', () => {
  const lag = new Lag()
  for (let at = 0; at < 200_000; at++) lag.durable(at + 1, at * 1_000)
  expect(lag.since_ms).toBe(0)
  lag.replicated(150_000)
  // The mark that holds entry 150,001 may begin earlier, never later.
  expect(lag.since_ms).toBeLessThanOrEqual(150_000_000)
  expect(lag.since_ms).toBeGreaterThan(149_000_000)
  lag.replicated(200_000)
  expect(lag.since_ms).toBeUndefined()
})
