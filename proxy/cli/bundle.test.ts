/** A session leaves as one file, and is checked by somebody who has nothing else. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditedEvidence, raw } from '../../storage/verify/audited-fixture.ts'
import { EvidenceWriter } from '../../storage/verify/fixture.ts'
import { storeEvidence } from './stored-fixture.ts'
import { createWorkplace } from './workplace.ts'

const { folder, sluice, remove } = createWorkplace()
afterAll(remove)
const { writer, session, record } = await auditedEvidence()
const stored = await storeEvidence(writer)
afterAll(stored.remove)
const { data, key, trust } = stored

/** Each word is a process, which a busy machine takes its time for. */
const timeout_ms = 60_000

describe('bundle', () => {
  test(
    'is made, verified with a trust file, and never over another file',
    async () => {
      const made = await sluice(['bundle', session.id, '--data', data, '-o', 'session.zip'])
      expect(made.code, made.err).toBe(0)
      expect(made.err).toContain('wrote session.zip')
      expect(statSync(join(folder, 'session.zip')).mode & 0o777).toBe(0o600)
      const { code, out } = await sluice(['verify', 'session.zip', '--trust', trust])
      expect(code, out).toBe(0)
      expect(out).toContain(`1 session, ${session.tree.size} records`)
      expect(out).toContain('verified')
      expect(out).not.toContain('page_unknown')
      const alone = await sluice(['verify', 'session.zip'])
      expect([alone.code, alone.out.includes('consistent, unanchored')]).toEqual([1, true])
      const again = await sluice(['bundle', session.id, '--data', data, '-o', 'session.zip'])
      expect([again.code, again.err.includes('is there already')]).toEqual([1, true])
    },
    timeout_ms,
  )

  test(
    'says what was changed in it',
    async () => {
      const bytes = readFileSync(join(folder, 'session.zip'))
      const at = bytes.indexOf("'id -u'")
      bytes.write("'id -g'", at)
      writeFileSync(join(folder, 'changed.zip'), bytes)
      const { code, out } = await sluice(['verify', 'changed.zip', '--trust', trust, '--json'])
      expect(code).toBe(1)
      expect(JSON.parse(out).findings).toMatchObject([{ code: 'bundle_malformed' }])
    },
    timeout_ms,
  )

  test(
    'is opened by an auditor without the store',
    async () => {
      const claim = join(folder, 'raw')
      writeFileSync(claim, raw.masked)
      const { code, out, err } = await sluice([
        ...['unseal', 'session.zip', '--key', key, '--raw', `2/output=${claim}`, '--json'],
      ])
      expect(code, err).toBe(0)
      const found = JSON.parse(out)
      expect(found.session).toBe(session.id)
      expect(found.streams).toContainEqual({
        ...{ record: record + 2, channel: 2, stream: 1, check: 'same' },
        sha256: createHash('sha256').update(raw.masked).digest('hex'),
      })
    },
    timeout_ms,
  )

  test(
    'of a session that runs, that is not there, or without a file is one line',
    async () => {
      const running = [...writer.stored.sessions.keys()].at(-1) ?? ''
      for (const [words, code, says] of [
        [[running, '-o', 'x'], 1, 'is running: its records are proven once it has ended'],
        [['ffff', '-o', 'x'], 1, 'no session ffff'],
        [[session.id], 2, '-o FILE is missing'],
      ] as const) {
        const found = await sluice(['bundle', ...words, '--data', data])
        expect(found.code).toBe(code)
        expect(found.err).toContain(says)
      }
    },
    timeout_ms,
  )

  test(
    "of a worker's session is believed by who trusts the gateway's log alone",
    async () => {
      const gateway = new EvidenceWriter({
        ...{ seed: 'gateway', origin: 'edge-1/0000000000000000', auditor: writer.auditor },
      })
      await gateway.knowAuditor()
      gateway.log('configuration.changed', 'edge-1', { logs: [writer.signer.verifier_key] })
      gateway.heartbeat()
      gateway.sign()
      const own = await storeEvidence(gateway, writer)
      try {
        const made = await sluice(['bundle', session.id, '--data', own.data, '-o', 'worker.zip'])
        expect(made.code, made.err).toBe(0)
        const { code, out } = await sluice(['verify', 'worker.zip', '--trust', own.trust])
        expect(code, out).toBe(0)
        // Which log it is of, the key of which is not in the trust file.
        expect(out).toContain(`log ${writer.origin}, size`)
        expect(readFileSync(own.trust, 'utf8')).not.toContain(writer.origin)
      } finally {
        own.remove()
      }
    },
    timeout_ms,
  )
})

describe('page', () => {
  test(
    'is written, and its hash printed as sha256sum prints it',
    async () => {
      const { code, out } = await sluice(['page', '-o', 'verify.html'])
      expect(code).toBe(0)
      const sums = Bun.spawnSync(['sha256sum', 'verify.html'], { cwd: folder })
      expect(out).toBe(sums.stdout.toString())
      const json = JSON.parse((await sluice(['page', '--json'])).out)
      expect(json).toEqual({ sha256: out.slice(0, 64) })
    },
    timeout_ms,
  )
})
