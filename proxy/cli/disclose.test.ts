/** One value leaves the evidence, by the command line, and is checked by somebody who has nothing else. */
import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditedEvidence, secret } from '../../storage/verify/audited-fixture.ts'
import { storeEvidence } from './stored-fixture.ts'
import { createWorkplace } from './workplace.ts'

const { folder, sluice, remove } = createWorkplace()
afterAll(remove)
const { writer, session, record } = await auditedEvidence()
const stored = await storeEvidence(writer)
afterAll(stored.remove)
const { data, key, trust } = stored
const disclose = (words: readonly string[], value = secret) =>
  sluice(
    ['disclose', session.id, '--data', data, '--key', key, '--record', String(record), ...words],
    value,
  )

/** Each word is a process, which a busy machine takes its time for. */
const timeout_ms = 60_000

describe('disclose', () => {
  test(
    'a value that was brought, with its proof, to somebody who has the file and a trust file',
    async () => {
      const made = await disclose(['-o', 'card.disclosure'])
      expect(made.code, made.err).toBe(0)
      expect(made.out + made.err).not.toContain(secret)
      expect(made.err).toContain('16 bytes that the rule card masked')
      expect(statSync(join(folder, 'card.disclosure')).mode & 0o777).toBe(0o600)

      const elsewhere = join(tmpdir(), `sluice-elsewhere-${process.pid}`)
      mkdirSync(elsewhere)
      try {
        const at = (name: string, from: string): string => {
          writeFileSync(join(elsewhere, name), readFileSync(from))
          return join(elsewhere, name)
        }
        const file = at('card.disclosure', join(folder, 'card.disclosure'))
        const words = ['verify', file, '--trust', at('trust.json', trust)]
        const { code, out } = await sluice(words)
        expect(code, out).toBe(0)
        expect(out).toContain(`session ${session.id} of ada as deploy@web-1`)
        expect(out).toContain(`record ${record} (output), what the rule card masked: ${secret}`)
        expect(out).toContain('verified')
        expect(out).not.toContain('local')
        const json = JSON.parse((await sluice([...words, '--json'])).out)
        expect(json).toMatchObject({ verdict: 'verified', disclosed: { rule: 'card', record } })
        expect(Buffer.from(json.disclosed.value, 'base64').toString()).toBe(secret)
        const alone = await sluice(['verify', file])
        expect(alone.code).toBe(1)
        expect(alone.out).toContain('consistent, unanchored')

        writeFileSync(file, readFileSync(file, 'utf8').replace('"record": ', '"record": 1'))
        const changed = await sluice(words)
        expect(changed.code).toBe(1)
        expect(changed.out).toContain('record_proof_wrong')
        expect(changed.out).not.toContain(secret)
      } finally {
        rmSync(elsewhere, { recursive: true })
      }
    },
    timeout_ms,
  )

  test(
    'from a file, and the other mask of the same record',
    async () => {
      writeFileSync(join(folder, 'amex'), '378282246310005\n')
      const made = await disclose([
        '--span',
        '1',
        '--value',
        'amex',
        '-o',
        'amex.disclosure',
        '--json',
      ])
      expect(made.code, made.err).toBe(0)
      expect(JSON.parse(made.out)).toEqual({
        ...{
          session: session.id,
          record,
          span: 1,
          rule: 'card',
          length: 15,
          file: 'amex.disclosure',
        },
      })
      const { code, out } = await sluice(['verify', 'amex.disclosure', '--trust', trust])
      expect([code, out.includes('378282246310005')]).toEqual([0, true])
    },
    timeout_ms,
  )

  test(
    'a value that is not the one is refused, and nothing is written',
    async () => {
      const { code, err } = await disclose(['-o', 'wrong.disclosure'], '4222222222222222')
      expect(code).toBe(1)
      expect(err).toContain(`is not the one that record ${record} hides: nothing was disclosed`)
      expect(err).not.toContain('4222')
      expect(existsSync(join(folder, 'wrong.disclosure'))).toBe(false)
    },
    timeout_ms,
  )

  test(
    'says in one line what is missing',
    async () => {
      const cases: readonly (readonly [words: readonly string[], code: number, says: string])[] = [
        [[], 2, '-o FILE is missing'],
        [['-o', 'x', '--span', '-1'], 2, '--span'],
        [['-o', 'x', '--span', '7'], 1, 'hides 2 values'],
        [['-o', 'x', '--value', 'nowhere'], 1, 'nowhere: no such file'],
        [['-o', trust], 1, 'is there already'],
      ]
      for (const [words, code, says] of cases) {
        const found = await disclose(words)
        expect(found.code).toBe(code)
        expect(found.err).toContain(says)
      }
      const running = [...writer.stored.sessions.keys()].at(-1) ?? ''
      const early = await sluice([
        ...['disclose', running, '--data', data, '--key', key, '--record', '4', '-o', 'x'],
      ])
      expect([early.code, early.err]).toEqual([
        1,
        `sluice disclose: session ${running} is running: its records are proven once it has ended\n`,
      ])
      const none = await sluice(['disclose', session.id, '--data', data, '--key', key, '-o', 'x'])
      expect([none.code, none.err.includes('--record N is missing')]).toEqual([2, true])
    },
    timeout_ms,
  )

  test(
    'what is neither evidence nor a disclosure is one line',
    async () => {
      const { code, err } = await sluice(['verify', key])
      expect(code).toBe(1)
      expect(err).toContain('neither a data directory')
      expect(err.trim().split('\n')).toHaveLength(1)
    },
    timeout_ms,
  )
})
