import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { tapBench } from './fixture.ts'
import { OutputTap } from './output.ts'
import type { SealedDigest } from './raw-digest.ts'
import { StdinTap } from './stdin.ts'

const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const fragments = fc.constantFrom(
  secret,
  secret.slice(0, 20),
  secret.slice(20),
  'ghp_',
  ' ',
  '\r\n',
  'plain text ',
  '\u00ff\u0000',
  '4111 1111 1111 1111',
  '4111',
)
const sha256 = (raw: Uint8Array): string => createHash('sha256').update(raw).digest('hex')
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

describe('output', () => {
  test('any split shows the same bytes, and records cover the stream without a gap', () => {
    let seen = 0
    fc.assert(
      fc.property(
        fc.array(fragments, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
        (parts, sizes) => {
          const text = parts.join('')
          const whole = run(text, [text.length + 1])
          const split = run(text, sizes)
          expect(split.shown).toBe(whole.shown)
          expect(split.digest).toEqual({ kind: 'whole', sha256: sha256(bytes(text)) })
          let offset = 0
          let recorded = ''
          for (const { facts, payload } of split.records) {
            if (facts.kind !== 'output') continue
            expect(facts.offset).toBe(offset)
            offset += facts.length
            recorded += payload
            for (const span of facts.spans)
              expect(payload.slice(span.at, span.at + span.n)).toMatch(/^\*+$/)
          }
          expect(offset).toBe(text.length)
          expect(recorded).toBe(split.shown)
          expect(recorded.includes(secret)).toBe(false)
          seen += text.length
        },
      ),
      { numRuns: 300 },
    )
    expect(seen).toBeGreaterThan(0)
  })

  test('a would-be secret is held, and the idle timeout lets six characters of it go', () => {
    const bench = tapBench()
    const tap = new OutputTap({
      channel: 1,
      stream: 1,
      unit: 'width',
      idle_ms: 300,
      maskers: bench.engine,
      sink: bench.sink,
    })
    tap.push(bytes(`token ${secret.slice(0, 20)}`))
    expect(bench.shown[1]).toBe('token ')
    bench.pass(299)
    expect(bench.shown[1]).toBe('token ')
    bench.pass(1)
    expect(bench.shown[1]).toBe(`token ${secret.slice(0, 6)}${'*'.repeat(14)}`)
    expect(bench.records.at(-1)?.facts).toMatchObject({ kind: 'output', flush: 'idle' })
    tap.push(bytes(`${secret.slice(20)} end`))
    tap.end()
    expect(bench.shown[1]).toBe(`token ${secret.slice(0, 6)}${'*'.repeat(34)} end`)
    tap.close()
  })

  test('the end of a message that could begin a secret waits for the rest of a write only', () => {
    const bench = tapBench()
    const tap = new OutputTap({
      channel: 1,
      stream: 1,
      unit: 'length',
      idle_ms: 300,
      maskers: bench.engine,
      sink: bench.sink,
    })
    tap.push(bytes('answer: gh'))
    bench.pass(9)
    expect(bench.shown[1]).toBe('answer: ')
    bench.pass(1)
    expect(bench.shown[1]).toBe('answer: gh')
    // What left is remembered: the rest of the secret is masked all the same.
    tap.push(bytes(`${secret.slice(2)} end`))
    tap.end()
    expect(bench.shown[1]).toBe(`answer: gh${'*'.repeat(secret.length - 2)} end`)
    tap.close()
  })

  test('input without a terminal is recorded masked, and what is held is counted', () => {
    const bench = tapBench()
    const tap = new StdinTap(1, bench.engine, bench.sink)
    tap.push(bytes(`a ${secret.slice(0, 10)}`))
    expect(bench.records[0]).toMatchObject({
      facts: { kind: 'stdin', offset: 0, length: 2, held: 10 },
      payload: 'a ',
    })
    tap.push(bytes(`${secret.slice(10)}\n`))
    tap.end()
    expect(bench.records.map(({ payload }) => payload).join('')).toBe(
      `a ${'*'.repeat(secret.length)}\n`,
    )
    expect(tap.close()).toBe(sha256(bytes(`a ${secret}\n`)))
  })
})

function run(
  text: string,
  sizes: readonly number[],
): { shown: string; digest: SealedDigest; records: ReturnType<typeof tapBench>['records'] } {
  const bench = tapBench()
  const tap = new OutputTap({
    channel: 1,
    stream: 1,
    unit: 'length',
    idle_ms: 300,
    maskers: bench.engine,
    sink: bench.sink,
  })
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    tap.push(bytes(text.slice(at, at + size)))
    at += size
  }
  tap.end()
  return { shown: bench.shown[1], digest: tap.close(), records: bench.records }
}
