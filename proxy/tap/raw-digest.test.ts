/** What is sealed of an output stream: a digest of all of it, of what is not on record, or none. */
import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { hashed_bytes_min } from '../core/limits.ts'
import { EchoTracker } from './echo.ts'
import { tapBench } from './fixture.ts'
import { OutputTap } from './output.ts'
import type { SealedDigest } from './raw-digest.ts'

const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const sha256 = (raw: Uint8Array): string => createHash('sha256').update(raw).digest('hex')
const lines = (length: number): string =>
  'a line of a log\n'.repeat(Math.ceil(length / 16)).slice(0, length)

interface Said {
  readonly digest: SealedDigest
  readonly raw: Buffer
  /** Of the records, one behind the other. */
  readonly recorded: string
  /** Where the first record begins that hides something. */
  readonly hidden_at: number | undefined
}

function say(text: string, chunk_bytes: number, does_end = true): Said {
  const bench = tapBench()
  const unit = 'length'
  const tap = new OutputTap({
    ...{ channel: 1, stream: 1, unit, idle_ms: 300, maskers: bench.engine, sink: bench.sink },
  })
  const raw = Buffer.from(text, 'latin1')
  for (let at = 0; at < raw.length; at += chunk_bytes) tap.push(raw.subarray(at, at + chunk_bytes))
  if (does_end) tap.end()
  const outputs = bench.records.flatMap(({ facts }) => (facts.kind === 'output' ? [facts] : []))
  return {
    digest: tap.close(),
    raw,
    recorded: bench.records.map(({ payload }) => payload).join(''),
    hidden_at: outputs.find(({ spans }) => spans.length > 0)?.offset,
  }
}

describe('the digest of a raw stream', () => {
  test('of a short one, and of one that masks something in its first MiB, is of all of it', () => {
    for (const text of [
      '',
      lines(hashed_bytes_min - 1),
      `${secret}\n${lines(2 * hashed_bytes_min)}`,
      `${lines(hashed_bytes_min - 100)}${secret}\n${lines(hashed_bytes_min)}`,
    ]) {
      const { digest, raw } = say(text, 50_000)
      expect(digest).toEqual({ kind: 'whole', sha256: sha256(raw) })
    }
  })

  test('of a long one without a mask is none: its records have the very bytes', () => {
    for (const chunk_bytes of [4096, 100_000]) {
      const { digest, raw, recorded } = say(lines(hashed_bytes_min), chunk_bytes)
      expect(digest).toEqual({ kind: 'shown' })
      expect(recorded).toBe(raw.toString('latin1'))
    }
  })

  test('of a long one that masks something later begins with the record that does', () => {
    const begin = lines(hashed_bytes_min + 12_345)
    const text = `${begin}token ${secret} and ${secret}\n${lines(70_000)}${secret}\n${lines(5_000)}`
    let splits = 0
    for (const chunk_bytes of [997, 4096, 65_536, text.length]) {
      const { digest, raw, recorded, hidden_at = 0 } = say(text, chunk_bytes)
      if (digest.kind === 'whole') {
        expect(chunk_bytes).toBe(text.length)
        expect(digest.sha256).toBe(sha256(raw))
        continue
      }
      splits++
      const sealed = sha256(raw.subarray(hidden_at))
      expect<SealedDigest>(digest).toEqual({ kind: 'rest', offset: hidden_at, sha256: sealed })
      expect(hidden_at).toBeGreaterThanOrEqual(hashed_bytes_min)
      expect(recorded.slice(0, hidden_at)).toBe(raw.toString('latin1', 0, hidden_at))
    }
    expect(splits).toBe(3)
  })

  test('has what was held and never shown', () => {
    const { digest, raw, recorded } = say(`token ${secret.slice(0, 20)}`, 10, false)
    expect(recorded).toBe('token ')
    expect(digest).toEqual({ kind: 'whole', sha256: sha256(raw) })
  })

  test('of a long terminal begins where an echo is no text of its own record', () => {
    const bench = tapBench()
    const echo = new EchoTracker()
    const tap = new OutputTap({
      ...{ channel: 1, stream: 1, unit: 'width', idle_ms: 300, echo },
      ...{ maskers: bench.engine, sink: bench.sink },
    })
    const shown = Buffer.from(lines(hashed_bytes_min))
    tap.push(shown)
    echo.typed(Buffer.from('ls'))
    tap.push(Buffer.from('ls'))
    tap.push(Buffer.from('\r\nfile\r\n'))
    tap.end()
    expect(bench.records.some(({ facts }) => facts.kind === 'echo')).toBe(true)
    expect(tap.close()).toEqual({
      ...{ kind: 'rest', offset: shown.length },
      sha256: sha256(Buffer.from('ls\r\nfile\r\n')),
    })
  })
})
