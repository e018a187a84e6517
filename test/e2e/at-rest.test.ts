/**
 * A store that is encrypted at rest, over the real wire: nothing that was said lies readable on the disk, everything works
 * as without, and who has no key, or another one, is told before any port opens.
 */
import { describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runGateway, sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const key = randomBytes(32).toString('base64')
const other = randomBytes(32).toString('hex')
const spoken = 'marzipan-quadrille-76251'

const sealed = {
  sections: { encryption: { key_file: './store.key' } },
  files: { 'store.key': key },
}

const json = async (args: readonly string[]): Promise<{ code: number; text: string }> => {
  const ran = await sluice(args)
  return { code: ran.code, text: ran.stdout + ran.stderr }
}

/** With the configuration rewritten. */
async function refusedWith(guarded: Guarded, section: object | undefined): Promise<string> {
  const path = join(guarded.dir, 'gateway', 'sluice.yaml')
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  const { encryption: _, ...rest } = config
  const changed = section === undefined ? rest : { ...rest, encryption: section }
  const copy = join(guarded.dir, 'gateway', 'changed.yaml')
  writeFileSync(copy, JSON.stringify(changed))
  const ran = await runGateway({ config: copy, data: guarded.data, ready_ms: 40_000 })
  expect(ran.stdout, 'a port was opened').not.toContain('sluice ready')
  expect(ran.code).toBeGreaterThan(0)
  expect(ran.stderr).not.toContain(key)
  return ran.stderr.trim()
}

describe('a store that is encrypted at rest', () => {
  testWith(
    needs,
    'says nothing to who has the disk, and everything to who has the key',
    async () => {
      await using guarded = await openGuarded(sealed)
      await guarded.trust()
      expect((await guarded.run(`echo ${spoken}`)).stdout).toBe(`${spoken}\n`)
      const cmdline = readFileSync(`/proc/${guarded.gateway.pid}/cmdline`, 'latin1')
      expect(cmdline).not.toContain(key)
      // Journal, store and its write-ahead log, while it runs; a crash leaves them as they are.
      expect(filesWith(guarded.data, spoken)).toEqual([])
      await guarded.gateway.kill9()
      expect(filesWith(guarded.data, spoken)).toEqual([])
      await guarded.restart()
      expect((await guarded.run('echo again')).code).toBe(0)
      expect(await guarded.gateway.stop()).toBe(0)
      for (const name of ['marzipan', '"start_digest"', 'SQLite format 3'])
        expect(filesWith(guarded.data, name).filter((path) => !path.endsWith('lock.db'))).toEqual(
          [],
        )

      const key_file = join(guarded.dir, 'gateway', 'store.key')
      const words = ['--data', guarded.data, '--key-file', key_file]
      const found = await json(['sessions', '--text', 'marzipan', ...words, '--json'])
      expect(found.text).toContain('"subject": "ann"')
      expect((await json(['show', 'last', ...words])).text).toContain('echo again')
      const trust = join(guarded.dir, 'trust.json')
      const verified = await json([
        ...['verify', guarded.data, '--trust', trust, '--key-file', key_file],
      ])
      expect(verified.code, verified.text).toBe(0)

      const without = await json(['sessions', '--data', guarded.data])
      expect(without.code).toBe(1)
      expect(without.text).toContain('give its key')
      writeFileSync(join(guarded.dir, 'other.key'), other)
      const wrong = await json([
        ...['sessions', '--data', guarded.data, '--key-file', join(guarded.dir, 'other.key')],
      ])
      expect(wrong.code).toBe(1)
      expect(wrong.text).toContain('encrypted with another key')
      expect(wrong.text).not.toContain(other)
    },
    120_000,
  )

  testSlow(
    needs,
    'does not open without its key, nor with another, and says why',
    async () => {
      await using guarded = await openGuarded(sealed)
      expect((await guarded.run(`echo ${spoken}`)).code).toBe(0)
      expect(await guarded.gateway.stop()).toBe(0)
      expect(await refusedWith(guarded, undefined)).toContain('give its key')
      writeFileSync(join(guarded.dir, 'gateway', 'other.key'), other)
      expect(await refusedWith(guarded, { key_file: './other.key' })).toContain(
        'is encrypted with another key',
      )
      writeFileSync(join(guarded.dir, 'gateway', 'bad.key'), 'c2hvcnQ=')
      expect(await refusedWith(guarded, { key_file: './bad.key' })).toContain(
        'expected 32 bytes in base64 or hex',
      )
      expect(await refusedWith(guarded, { key_file: './none.key' })).toContain('none.key')
      expect(await refusedWith(guarded, {})).toContain('either key_file or key_command')
    },
    120_000,
  )

  testSlow(
    needs,
    'has its key from a command, and says what is wrong with one',
    async () => {
      await using guarded = await openGuarded({
        sections: { encryption: { key_command: ['/bin/echo', key] } },
      })
      expect((await guarded.run(`echo ${spoken}`)).code).toBe(0)
      expect(filesWith(guarded.data, spoken)).toEqual([])
      expect(await guarded.gateway.stop()).toBe(0)
      const script = join(guarded.dir, 'ask')
      const refused = async (text: string): Promise<string> => {
        writeFileSync(script, `#!/bin/sh\n${text}\n`)
        chmodSync(script, 0o700)
        return refusedWith(guarded, { key_command: [script] })
      }
      expect(await refused(`echo ${key} >&2; exit 3`)).toContain('failed with exit code 3')
      expect(await refused(`echo ${key}; yes`)).toContain('printed more than 256 bytes')
      expect(await refused(`echo ${key}x`)).toContain('printed no key')
      expect(await refused('kill -9 $$')).toContain('was ended by a signal')
      expect(await refused('trap "" TERM; while :; do sleep 1; done')).toContain(
        'did not end within 15 s',
      )
      expect(await refusedWith(guarded, { key_command: ['/nowhere/kms'] })).toContain(
        'cannot be run (ENOENT)',
      )
      expect(await refused(`echo ${other}`)).toContain('is encrypted with another key')
    },
    180_000,
  )

  testSlow(
    needs,
    'is made of one that was not, with its journal',
    async () => {
      await using guarded = await openGuarded()
      await guarded.trust()
      expect((await guarded.run(`echo ${spoken}`)).code).toBe(0)
      await guarded.gateway.kill9()
      expect(filesWith(guarded.data, spoken)).not.toEqual([])
      const path = join(guarded.dir, 'gateway', 'sluice.yaml')
      const config = JSON.parse(readFileSync(path, 'utf8')) as object
      writeFileSync(join(guarded.dir, 'gateway', 'store.key'), key, { mode: 0o600 })
      writeFileSync(path, JSON.stringify({ ...config, encryption: { key_file: './store.key' } }))
      await guarded.restart()
      expect((await guarded.run('echo after')).code).toBe(0)
      // The segment from before goes as soon as the store has synced what is in it.
      await until('nothing plain is left', () => filesWith(guarded.data, spoken).length === 0)
      expect(await guarded.gateway.stop()).toBe(0)
      expect(filesWith(guarded.data, 'SQLite format 3')).toEqual([])
      const verified = await json([
        ...['verify', guarded.data, '--trust', join(guarded.dir, 'trust.json')],
        ...['--config', path],
      ])
      expect(verified.code, verified.text).toBe(0)
    },
    120_000,
  )

  testSlow(
    needs,
    'of workers too',
    async () => {
      await using guarded = await openGuarded({ ...sealed, arguments: ['--workers', '2'] })
      await guarded.trust()
      for (let count = 0; count < 6; count++)
        expect((await guarded.run(`echo ${spoken}`)).code).toBe(0)
      expect(filesWith(guarded.data, spoken)).toEqual([])
      const token = await sluice(['token', '--data', guarded.data])
      const answer = await fetch(`${guarded.gateway.api}/api/sessions`, {
        headers: { authorization: `Bearer ${token.stdout.trim()}` },
      })
      expect(((await answer.json()) as { sessions: unknown[] }).sessions).toHaveLength(6)
    },
    120_000,
  )
})
