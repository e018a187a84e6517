/** A gateway has its log timestamped by a real authority, and who trusts that authority verifies its times. */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBase64 } from '../../storage/evidence/bytes.ts'
import { openDocument } from '../../storage/evidence/document.ts'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import { openReader } from '../../storage/store/reader.ts'
import { type Authority, startAuthority } from '../fixture/authority.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { openssl, ssh, sshd, testWith } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, openssl]

describe('a gateway with a timestamp authority', () => {
  let guarded: Guarded
  let authority: Authority
  beforeAll(async () => {
    authority = startAuthority()
    guarded = await openGuarded()
    await guarded.run('true')
    await guarded.gateway.stop()
    const config = join(guarded.dir, 'gateway/sluice.yaml')
    const settings = JSON.parse(await Bun.file(config).text())
    settings.evidence.timestamp_url = authority.url
    writeFileSync(config, JSON.stringify(settings))
    await guarded.restart()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    authority[Symbol.dispose]()
  }, 30_000)

  /** The checkpoint and the token of the newest timestamp in the log. */
  async function taken(): Promise<{ checkpoint: string; token: Uint8Array } | undefined> {
    const reader = openReader(guarded.data)
    try {
      const { size } = await reader.log()
      for (const bytes of (await reader.logEntries(0, size)).toReversed()) {
        const entry = decodeLogEntry(bytes)
        if (entry?.type !== 'timestamp.taken') continue
        const facts = openDocument((await reader.document(entry.digest))?.bytes ?? new Uint8Array())
        const { checkpoint, token } = facts as { checkpoint: string; token: string }
        return { checkpoint, token: fromBase64(token) ?? new Uint8Array() }
      }
      return undefined
    } finally {
      reader.close()
    }
  }

  testWith(
    needs,
    'has a token in its log that OpenSSL verifies, and verifies with it',
    async () => {
      const { checkpoint, token } = await until('a timestamp is taken', taken)
      expect(authority.verifies(Buffer.from(checkpoint), token)).toBe(true)
      expect(authority.verifies(Buffer.from(`${checkpoint} `), token)).toBe(false)
      const file = join(guarded.dir, 'stamped.json')
      const words = ['trust', 'export', '--data', guarded.data, '-o', file]
      const made = await sluice([...words, '--timestamp-authority', authority.certificate_file])
      expect(made.code, made.stderr).toBe(0)
      const verified = await sluice(['verify', guarded.data, '--trust', file])
      expect(verified.code, verified.stdout).toBe(0)
      expect(verified.stdout).toContain('entries_not_timestamped')
      using stranger = startAuthority('ec')
      const other = join(guarded.dir, 'stranger.json')
      const strange = ['trust', 'export', '--data', guarded.data, '-o', other]
      await sluice([...strange, '--timestamp-authority', stranger.certificate_file])
      const refused = await sluice(['verify', guarded.data, '--trust', other])
      expect([refused.code, refused.stdout.includes('timestamp_missing')]).toEqual([1, true])
      expect(authority.asked).toBeGreaterThan(0)
      const wrong = await sluice([
        ...words.slice(0, -1),
        join(guarded.dir, 'x'),
        '--timestamp-authority',
        file,
      ])
      expect([wrong.code, wrong.stderr.includes('not a certificate in PEM')]).toEqual([1, true])
    },
    60_000,
  )
})
