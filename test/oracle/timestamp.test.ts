/** Timestamps against OpenSSL: it answers our requests, and its word on a token is ours. */
import { afterAll, describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256, toBase64, toHex } from '../../storage/evidence/bytes.ts'
import { checkpointText } from '../../storage/evidence/checkpoint.ts'
import { thumbprint } from '../../storage/evidence/envelope.ts'
import { parseNote } from '../../storage/evidence/note.ts'
import {
  answers,
  parseAuthority,
  parseTimestamp,
  timestampRequest,
  tokenOf,
} from '../../storage/evidence/timestamp.ts'
import { encodeTrust, parseTrust, type Trust } from '../../storage/evidence/trust.ts'
import { EvidenceWriter, sourceOf } from '../../storage/verify/fixture.ts'
import { verify } from '../../storage/verify/verify.ts'
import { type Authority, startAuthority } from '../fixture/authority.ts'
import { faketime, openssl, testWith } from '../fixture/require.ts'

const needs = [openssl]
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const folder = mkdtempSync(join(tmpdir(), 'sluice-timestamp-'))
const text = utf8('edge-1/00\n5\nAAAA\n')
const none = new Uint8Array()

describe('a timestamp', () => {
  const authorities = existsSync(openssl) ? [startAuthority('rsa'), startAuthority('ec')] : []
  const [rsa, ec] = authorities as [Authority, Authority]
  afterAll(() => {
    for (const authority of authorities) authority[Symbol.dispose]()
    rmSync(folder, { recursive: true })
  })
  const stamp = (by: Authority, bytes: Uint8Array, env?: Record<string, string>): Uint8Array =>
    tokenOf(by.reply(timestampRequest(bytes, randomBytes(8)), env)) ?? none

  testWith(needs, 'a request is one that OpenSSL reads, whatever the nonce', () => {
    const file = join(folder, 'request')
    for (const nonce of [
      '0000000000000000',
      '00ff000000000001',
      '8000000000000000',
      '7fffffffffffffff',
    ]) {
      writeFileSync(file, timestampRequest(text, Buffer.from(nonce, 'hex')))
      const said = Bun.spawnSync([
        'openssl',
        'ts',
        '-query',
        '-in',
        file,
        '-text',
      ]).stdout.toString()
      expect(said).toContain('Hash Algorithm: sha256')
      expect(said).toContain('Certificate required: yes')
      expect(BigInt(/Nonce: (0x[0-9A-F]+)/.exec(said)?.[1] ?? '')).toBe(BigInt(`0x${nonce}`))
      const [first = ''] = /0000 - ([0-9a-f -]{47})/.exec(said)?.slice(1) ?? []
      expect(first.replaceAll(/[^0-9a-f]/g, '')).toBe(toHex(sha256(text)).slice(0, 32))
    }
  })

  for (const kind of ['rsa', 'ec'] as const)
    testWith(needs, `a token of an ${kind} key is read, and is of that authority alone`, () => {
      const [own, other] = kind === 'rsa' ? [rsa, ec] : [ec, rsa]
      const nonce = randomBytes(8)
      const token = tokenOf(own.reply(timestampRequest(text, nonce))) ?? none
      const timestamp = parseTimestamp(token)
      const [known, stranger] = [own, other].map(({ certificate }) => parseAuthority(certificate))
      if (timestamp === undefined || known === undefined || stranger === undefined)
        throw new Error('read')
      expect(own.verifies(text, token)).toBe(true)
      expect(timestamp.signedBy(known)).toBe(true)
      expect(timestamp.signedBy(stranger)).toBe(false)
      expect(known.name).toBe('CN=authority')
      expect([answers(timestamp, nonce), answers(timestamp, randomBytes(8))]).toEqual([true, false])
      expect(toHex(timestamp.imprint)).toBe(toHex(sha256(text)))
      expect(Math.abs(timestamp.time_ms - Date.now())).toBeLessThan(10_000)
      expect(timestamp.accuracy_ms).toBe(1501)
      // A certificate that was not good then signs nothing.
      expect(timestamp.signedBy({ ...known, to_ms: timestamp.time_ms - 1 })).toBe(false)
      expect(timestamp.signedBy({ ...known, from_ms: timestamp.time_ms + 1 })).toBe(false)
    })

  testWith(needs, 'no byte of a token can change what it says', () => {
    const known = parseAuthority(ec.certificate)
    const token = stamp(ec, text)
    const said = parseTimestamp(token)
    if (known === undefined || said === undefined) throw new Error('read')
    let refused = 0
    for (let at = 0; at < token.length; at++)
      for (const bit of [1, 0x80]) {
        const changed = Uint8Array.from(token)
        changed[at] = (changed[at] ?? 0) ^ bit
        const timestamp = parseTimestamp(changed)
        if (timestamp?.signedBy(known) !== true) refused++
        // The certificates that it carries are not looked at.
        else
          expect([timestamp.time_ms, toHex(timestamp.imprint)]).toEqual([
            said.time_ms,
            toHex(said.imprint),
          ])
      }
    expect(refused).toBeGreaterThan(token.length / 2)
    for (let length = 0; length < token.length; length += 13)
      expect(parseTimestamp(token.subarray(0, length))).toBeUndefined()
  })

  testWith(needs, 'OpenSSL and we refuse the same: other bytes, a changed time, a refusal', () => {
    const token = stamp(rsa, text)
    const other = utf8('other bytes')
    expect(rsa.verifies(other, token)).toBe(false)
    expect(toHex(parseTimestamp(token)?.imprint ?? none)).not.toBe(toHex(sha256(other)))
    const at = Buffer.from(token).indexOf(String(new Date().getUTCFullYear()))
    const later = Uint8Array.from(token)
    later[at + 3] = (later[at + 3] ?? 0) ^ 1
    expect(rsa.verifies(text, later)).toBe(false)
    const known = parseAuthority(rsa.certificate)
    expect(known && parseTimestamp(later)?.signedBy(known)).not.toBe(true)
    const rejected = rsa.reply(utf8('nonsense'))
    expect(tokenOf(rejected)).toBeUndefined()
    expect(tokenOf(none)).toBeUndefined()
    expect(parseAuthority(none)).toBeUndefined()
  })

  /** A log with a session, a timestamp over its first checkpoint, and what comes after. */
  async function stampedLog(
    by: Authority,
    change: {
      readonly skew_ms?: number
      readonly text?: (text: string) => string
      readonly token?: Uint8Array
    } = {},
    env?: Record<string, string>,
  ) {
    const writer = new EvidenceWriter({ seed: 'stamped' })
    await writer.knowAuditor()
    writer.now_us = (Date.now() - 1000 + (change.skew_ms ?? 0)) * 1000
    writer.begin()
    const session = await writer.session()
    session.exec(1)
    session.end()
    writer.sign()
    const newest = parseNote(writer.stored.checkpoint ?? none)?.text ?? ''
    const checkpoint = change.text?.(newest) ?? newest
    const token = change.token ?? stamp(by, utf8(checkpoint), env)
    writer.now_us += 1_000_000
    writer.log('timestamp.taken', 'edge-1', { checkpoint, token: toBase64(token) })
    writer.sign()
    return writer
  }
  async function trustOf(writer: EvidenceWriter, ...by: readonly Authority[]): Promise<Trust> {
    const parsed = parseTrust(
      encodeTrust({
        logs: [writer.signer.verifier_key],
        auditors: [await thumbprint(writer.auditor)],
        checkpoints: [],
        authorities: by.map(({ certificate }) => certificate),
      }),
    )
    if (!parsed.ok) throw new Error(parsed.reason)
    return parsed.trust
  }
  const codes = async (
    writer: EvidenceWriter,
    ...by: readonly Authority[]
  ): Promise<readonly string[]> =>
    (await verify(sourceOf(writer.stored), await trustOf(writer, ...by))).findings.map(
      ({ code }) => code,
    )

  testWith(needs, 'in the log bounds its times, for who trusts the authority', async () => {
    const writer = await stampedLog(rsa)
    expect(await codes(writer, rsa)).toEqual(['entries_not_timestamped'])
    expect(await codes(writer, ec, rsa)).toEqual(['entries_not_timestamped'])
    const report = await verify(sourceOf(writer.stored), await trustOf(writer, rsa))
    expect(report.verdict).toBe('verified')
    expect(report.findings[0]?.message).toContain('over the first 4 of 5 entries')
    expect(await codes(writer)).toEqual([])
    expect(await codes(writer, ec)).toEqual(['timestamp_missing'])
  })

  testWith(needs, 'a clock that was ahead, or behind, is outside of the tokens', async () => {
    const ahead = await stampedLog(rsa, { skew_ms: 3_600_000 })
    expect(await codes(ahead, rsa)).toContain('time_outside_tokens')
    const behind = await stampedLog(rsa, { skew_ms: -3_600_000 })
    const report = await verify(sourceOf(behind.stored), await trustOf(behind, rsa))
    expect(report.verdict).toBe('failed')
    expect(report.findings.find(({ code }) => code === 'time_outside_tokens')).toMatchObject({
      entry: 4,
      message: expect.stringContaining("the gateway's clock was behind"),
    })
  })

  testWith(
    [...needs, faketime],
    'a token of yesterday does not make a log of today older',
    async () => {
      const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
      const env = { LD_PRELOAD: library, FAKETIME: '+2h' }
      const later = await stampedLog(rsa, {}, env)
      expect(await codes(later, rsa)).toContain('time_outside_tokens')
    },
  )

  testWith(
    needs,
    'a token of something else is named, and one of another history is a fork',
    async () => {
      const wrong = await stampedLog(rsa, { token: stamp(rsa, utf8('something else')) })
      expect(await codes(wrong, rsa)).toEqual(['timestamp_wrong', 'timestamp_missing'])
      const nonsense = await stampedLog(rsa, { token: utf8('nonsense') })
      expect(await codes(nonsense, rsa)).toEqual(['timestamp_wrong', 'timestamp_missing'])
      const origin = 'edge-1/0123456789abcdef'
      const root = new Uint8Array(32)
      const forked = await stampedLog(rsa, {
        text: () => checkpointText({ origin, size: 3, root }),
      })
      expect(await codes(forked, rsa)).toContain('log_forked')
    },
  )
})
