/** What a witness of the trust file saw has to be what is there. */
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { cosigner } from '../evidence/cosignature.ts'
import { thumbprint } from '../evidence/envelope.ts'
import { parseNote } from '../evidence/note.ts'
import { encodeTrust, parseTrust, type Trust } from '../evidence/trust.ts'
import { type EvidenceWriter, smallEvidence, sourceOf } from './fixture.ts'
import type { EvidenceSource } from './source.ts'
import { verify } from './verify.ts'

const newKey = (): Uint8Array =>
  generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
const by = cosigner('auditor/w1', newKey())

async function trustOf(writer: EvidenceWriter, ...witnesses: readonly string[]): Promise<Trust> {
  const auditors = [await thumbprint(writer.auditor)]
  const logs = [writer.signer.verifier_key]
  const parsed = parseTrust(encodeTrust({ logs, auditors, checkpoints: [], witnesses }))
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.trust
}

function cosigned(note: Uint8Array, time_s = 1_772_352_000, signer = by): Uint8Array {
  return Buffer.concat([note, Buffer.from(signer.cosign(parseNote(note)?.text ?? '', time_s))])
}

const seenBy = (writer: EvidenceWriter, ...notes: readonly Uint8Array[]): EvidenceSource => ({
  ...sourceOf(writer.stored),
  cosigned: async () => notes,
})
const codes = async (source: EvidenceSource, trust: Trust): Promise<readonly string[]> =>
  (await verify(source, trust)).findings
    .map(({ code }) => code)
    .filter((code) => !['session_open', 'session_crashed', 'records_not_logged'].includes(code))

describe('a witness of the trust file', () => {
  test('saw the newest checkpoint: nothing to say', async () => {
    const { writer } = await smallEvidence({ seed: 'w' })
    const trust = await trustOf(writer, by.verifier_key)
    const newest = writer.stored.checkpoint ?? new Uint8Array()
    expect(await codes(seenBy(writer, cosigned(newest)), trust)).toEqual([])
    expect((await verify(seenBy(writer, cosigned(newest)), trust)).verdict).toBe('verified')
  })

  test('saw an older one: what came after is told', async () => {
    const { writer, early } = await smallEvidence({ seed: 'w' })
    const trust = await trustOf(writer, by.verifier_key)
    const report = await verify(seenBy(writer, cosigned(early)), trust)
    expect(report.verdict).toBe('verified')
    expect(report.findings.find(({ code }) => code === 'entries_not_witnessed')?.message).toContain(
      'saw the first 5 of 16 entries, at 2026-03-01T08:00:00.000Z',
    )
  })

  test('never saw it, or what it saw is gone', async () => {
    const { writer } = await smallEvidence({ seed: 'w' })
    const trust = await trustOf(writer, by.verifier_key)
    expect(await codes(sourceOf(writer.stored), trust)).toEqual(['cosignature_missing'])
    const newest = writer.stored.checkpoint ?? new Uint8Array()
    const stranger = cosigner('auditor/w1', newKey())
    for (const note of [newest, cosigned(newest, 5, stranger), Buffer.from('nonsense')])
      expect(await codes(seenBy(writer, note), trust)).toEqual(['cosignature_missing'])
    const two = await trustOf(writer, by.verifier_key, stranger.verifier_key)
    expect(await codes(seenBy(writer, cosigned(newest)), two)).toEqual(['cosignature_missing'])
    const other = await smallEvidence({ seed: 'o', origin: 'edge-9/ff' })
    const elsewhere = cosigned(other.writer.stored.checkpoint ?? newest)
    expect(await codes(seenBy(writer, elsewhere), trust)).toEqual(['cosignature_missing'])
  })

  test('saw another history, or more of it', async () => {
    const { writer, early } = await smallEvidence({ seed: 'w' })
    const trust = await trustOf(writer, by.verifier_key)
    const forked = await smallEvidence({ seed: 'another' })
    const found = await codes(seenBy(writer, cosigned(forked.early)), trust)
    expect(found).toContain('log_forked')
    const seen = cosigned(writer.stored.checkpoint ?? early)
    const { stored } = writer
    const [entries] = [stored.entries.splice(5)]
    stored.checkpoint = early
    expect(entries.length).toBe(11)
    expect(await codes(seenBy(writer, seen), trust)).toContain('log_rolled_back')
  })

  test('its signature was changed', async () => {
    const { writer } = await smallEvidence({ seed: 'w' })
    const trust = await trustOf(writer, by.verifier_key)
    const note = Buffer.from(cosigned(writer.stored.checkpoint ?? new Uint8Array())).toString()
    const line = note.trimEnd().split('\n').at(-1) ?? ''
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64')
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    const changed = note.replace(line.split(' ')[2] ?? '', bytes.toString('base64'))
    expect(await codes(seenBy(writer, Buffer.from(changed)), trust)).toEqual([
      'cosignature_wrong',
      'cosignature_missing',
    ])
  })

  test('without one nobody is asked', async () => {
    const { writer } = await smallEvidence({ seed: 'w' })
    expect(await codes(seenBy(writer, Buffer.from('nonsense')), await trustOf(writer))).toEqual([])
  })
})

describe('a trust file with witnesses', () => {
  test('is of version 2, which a reader of version 1 refuses; without them it is of version 1', async () => {
    const { writer } = await smallEvidence({ seed: 'w' })
    const source = { logs: [writer.signer.verifier_key], auditors: [], checkpoints: [] }
    const two = Buffer.from(encodeTrust({ ...source, witnesses: [by.verifier_key] })).toString()
    expect(JSON.parse(two).magic).toBe('sluice/trust v2')
    expect(JSON.parse(Buffer.from(encodeTrust(source)).toString())).not.toHaveProperty('witnesses')
    const reasonOf = (text: string): string => {
      const parsed = parseTrust(Buffer.from(text))
      return parsed.ok ? '' : parsed.reason
    }
    expect(reasonOf(two)).toBe('')
    expect(reasonOf(two.replace('trust v2', 'trust v1'))).toBe('"witnesses": unknown member')
    expect(reasonOf(two.replace('trust v2', 'trust v3'))).toContain('magic')
    expect(reasonOf(two.replace('"witnesses"', '"witness"'))).toBe('"witness": unknown member')
    expect(reasonOf(two.replace(by.verifier_key, 'x'))).toContain('witnesses[0]')
    expect(reasonOf(two.replace(`"${by.verifier_key}"`, ''))).toContain('witnesses: must list')
    expect(reasonOf(two.replace('"authorities": []', '"authorities": ["x"]'))).toContain(
      'authorities[0]',
    )
    expect(reasonOf(two.replace('"authorities": []', '"authorities": 1'))).toContain(
      'authorities: must be',
    )
  })
})
