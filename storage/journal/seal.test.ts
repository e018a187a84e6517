/** A journal that is encrypted at rest: what opens it, what does not, and that no nonce comes twice. */
import { describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JournalError } from './errors.ts'
import { Journal } from './journal.ts'
import { JournalReader } from './read.ts'
import { Opener, Sealer } from './seal.ts'
import type { Entry } from './segment.ts'

const key = Uint8Array.from({ length: 32 }, (_, at) => at)
const other = key.toReversed()
const text = new TextEncoder().encode('what was said')
const entries: readonly Entry[] = [
  { kind: 'record', session: '01a21e79-f857-76b5-b1f9-a9edd45adb2c', seq: 2 ** 40, bytes: text },
  { kind: 'document', type: 'envelope', digest: 'ab'.repeat(32), bytes: text },
  { kind: 'log_entry', index: 7, bytes: new Uint8Array() },
  { kind: 'checkpoint', bytes: new Uint8Array(8192).fill(3) },
]

function inFolder(run: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-seal-'))
  try {
    run(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const open = (dir: string, with_key?: Uint8Array): Journal =>
  Journal.open({
    ...{ dir, segment_bytes: 64 * 1024, spare_segments: 1, backlog_segments_max: 8, next_lsn: 1 },
    key: with_key,
  })

function write(dir: string, with_key?: Uint8Array): void {
  const journal = open(dir, with_key)
  for (const entry of entries) journal.append(entry)
  journal.commit()
  journal.close()
}

function read(dir: string, with_key?: Uint8Array): Entry[] {
  const reader = new JournalReader(dir, 0, with_key)
  const found: Entry[] = []
  for (let next = reader.next(); next !== undefined; next = reader.next())
    found.push({ ...next.entry, bytes: new Uint8Array(next.entry.bytes) })
  reader.close()
  return found
}

const codeOf = (run: () => unknown): string => {
  try {
    run()
    return 'nothing thrown'
  } catch (error) {
    return error instanceof JournalError ? error.code : String(error)
  }
}

describe('a journal that is encrypted', () => {
  test('gives back every kind of entry to who has the key, and to nobody else', () =>
    inFolder((dir) => {
      write(dir, key)
      write(dir, key)
      expect(read(dir, key)).toEqual([...entries, ...entries])
      expect(codeOf(() => read(dir))).toBe('journal_locked')
      expect(codeOf(() => read(dir, other))).toBe('journal_locked')
      expect(codeOf(() => open(dir, other))).toBe('journal_locked')
      for (const name of readdirSync(dir))
        expect(readFileSync(join(dir, name)).includes('what was said')).toBe(false)
    }))

  test('goes on from one that was not', () =>
    inFolder((dir) => {
      write(dir)
      write(dir, key)
      expect(read(dir, key)).toEqual([...entries, ...entries])
      expect(codeOf(() => read(dir))).toBe('journal_locked')
    }))

  test.each(['sealed', 'sealed-groups'])('of a past release is read for ever: %s', (vector) =>
    inFolder((dir) => {
      const name = '0000000001.segment'
      cpSync(join(import.meta.dir, 'vector', vector, name), join(dir, name))
      expect(read(dir, key)).toEqual([...entries])
      expect(codeOf(() => read(dir, other))).toBe('journal_locked')
    }),
  )

  test('opens no group as the entry of a past release, nor the other way round', () =>
    inFolder((dir) => {
      for (const [vector, kind] of [
        ['sealed', 7],
        ['sealed-groups', 5],
      ] as const) {
        const name = '0000000001.segment'
        const bytes = readFileSync(join(import.meta.dir, 'vector', vector, name))
        bytes.writeUInt32LE(kind, 64 + 20)
        bytes.writeUInt32LE(1, 64 + 24)
        const end = 64 + 32 + bytes.readUInt32LE(64 + 4)
        bytes.writeUInt32LE(Bun.hash.crc32(bytes.subarray(64 + 4, end), bytes.readUInt32LE(36)), 64)
        writeFileSync(join(dir, name), bytes)
        expect(codeOf(() => read(dir, key))).toBe('journal_locked')
      }
    }))
})

describe('what is sealed', () => {
  test('opens under its own number alone, and not when a bit of it was changed', () => {
    const sealed = new Sealer(key).seal(5, [text])
    const opened = (lsn: number, bytes: Uint8Array): Uint8Array =>
      new Opener(key).open({ lsn, is_group: true, bytes })
    expect(opened(5, sealed)).toEqual(Buffer.from(text))
    expect(codeOf(() => opened(6, sealed))).toBe('journal_locked')
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(codeOf(() => opened(5, changed))).toBe('journal_locked')
    }
    expect(codeOf(() => opened(5, sealed.subarray(0, 20)))).toBe('journal_locked')
  })

  test('has a nonce of its own, also where a number is used again after a commit that failed', () => {
    const sealer = new Sealer(key)
    const places = Array.from({ length: 1000 }, () =>
      Buffer.from(sealer.seal(1, [text]).subarray(0, 24)).toString('hex'),
    )
    expect(new Set(places).size).toBe(1000)
    const salts = [new Sealer(key), new Sealer(key)].map((one) =>
      Buffer.from(one.seal(1, [text]).subarray(0, 16)).toString('hex'),
    )
    expect(new Set(salts).size).toBe(2)
  })
})
