/**
 * `evidence: { raw: sealed }` over the real wire: what was masked comes back, byte by byte, to who has an auditor's key,
 * and to nobody else.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, sshd, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { openTerminal } from './terminal.ts'

const needs = [ssh, sshd]
const secret = `Listed-${randomBytes(9).toString('hex')}`
const typed = `Typed-${randomBytes(9).toString('hex')}`
const stars = (text: string): string => '*'.repeat(text.length)

describe('raw streams that are kept sealed', () => {
  let guarded: Guarded
  let key = ''

  beforeAll(async () => {
    guarded = await openGuarded({
      files: { known: `${secret}\n${typed}\n` },
      sections: {
        evidence: { raw: 'sealed', auditors: ['./auditor.jwk'] },
        masking: { known_secrets_file: './known' },
      },
    })
    key = join(guarded.dir, 'gateway/auditor.private.jwk')
    await guarded.trust()
  }, 60_000)
  afterAll(() => guarded[Symbol.asyncDispose](), 30_000)

  /** Of the newest session, by `sluice unseal --restore`. */
  const restored = async (...streams: readonly string[]) => {
    const [session] = await guarded.sessions()
    const files = streams.map(() => join(guarded.dir, `${randomBytes(4).toString('hex')}-raw`))
    const words = streams.flatMap((name, at) => ['--restore', `1/${name}=${files[at]}`])
    const ran = await sluice([
      ...['unseal', session?.id ?? '', '--data', guarded.data, '--key', key, '--json'],
      ...words,
    ])
    expect(ran.code, ran.stderr).toBe(0)
    const { streams: found, commitments } = JSON.parse(ran.stdout) as {
      streams: readonly { stream: number; check: string }[]
      commitments: { all: number; checked: number }
    }
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600)
    const checks = new Map(found.map(({ stream, check }) => [stream, check]))
    return { texts: files.map((file) => readFileSync(file, 'latin1')), checks, commitments }
  }

  testWith(needs, 'output, error output and input come back as they were', async () => {
    const program = `cat; echo "out ${secret} end"; echo "bad ${secret}" >&2`
    const client = Bun.spawn([...guarded.ssh(), program], {
      stdin: new Blob([`in ${secret} in\n`]),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const shown = await new Response(client.stdout).text()
    expect(await client.exited).toBe(0)
    expect(shown).toBe(`in ${stars(secret)} in\nout ${stars(secret)} end\n`)
    const { texts, checks, commitments } = await restored('output', 'error', 'input')
    expect(texts).toEqual([
      `in ${secret} in\nout ${secret} end\n`,
      `bad ${secret}\n`,
      `in ${secret} in\n`,
    ])
    expect([checks.get(0), checks.get(1), checks.get(2)]).toEqual(['same', 'same', 'same'])
    // Of the command there is no file, so its two masks are not looked at.
    expect(commitments.all - commitments.checked).toBe(2)
  })

  testWith(
    needs,
    'megabytes of secrets come back, and only the masks are kept twice',
    async () => {
      const lines = 40_000
      const line = (n: number): string => `line ${n} of ${secret} and so on\n`
      const program = `seq -f 'line %.0f of ${secret} and so on' 1 ${lines}`
      const ran = await guarded.run(program, undefined, 60_000)
      expect(ran.stdout.length).toBe(
        Array.from({ length: lines }, (_, n) => line(n + 1)).join('').length,
      )
      const { texts } = await restored('output')
      expect(texts[0] === Array.from({ length: lines }, (_, n) => line(n + 1)).join('')).toBe(true)
      const [session] = await guarded.sessions()
      const sealed = (await guarded.records(session?.id ?? '')).filter(
        ({ header }) => header.kind === 'sealed' && header.what === 'raw',
      )
      const kept = sealed.reduce((sum, { payload }) => sum + payload.length, 0)
      expect(kept).toBeGreaterThan(lines * secret.length)
      expect(kept).toBeLessThan(lines * (secret.length + 13) + sealed.length * 16 + 100)
    },
    120_000,
  )

  testWith(needs, 'what a terminal showed comes back, the echo of a typed secret too', async () => {
    await using terminal = openTerminal([...guarded.ssh().toSpliced(1, 0, '-tt'), 'cat'])
    await Bun.sleep(500)
    terminal.type(`${typed}\r`)
    await terminal.until(/\*{6}[\s\S]*\*{6}/)
    terminal.type('\u0004')
    await terminal.exited
    const { texts } = await restored('output')
    expect(texts).toEqual([`${typed}\r\n${typed}\r\n`])
  })

  testWith(needs, 'nothing of it rests in the clear, and all of it is verified', async () => {
    // The journal, the store and its write-ahead log; the configuration is elsewhere.
    expect(filesWith(guarded.data, secret)).toEqual([])
    expect(filesWith(guarded.data, typed)).toEqual([])
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  })

  testWith(needs, 'another key opens nothing, and no file is left', async () => {
    const other = join(guarded.dir, 'other.jwk')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = { ...privateKey.export({ format: 'jwk' }), alg: 'ECDH-ES+A256KW', use: 'enc' }
    writeFileSync(other, JSON.stringify(jwk))
    const [session] = await guarded.sessions()
    const file = join(guarded.dir, 'never')
    const ran = await sluice([
      ...['unseal', session?.id ?? '', '--data', guarded.data, '--restore', `1/output=${file}`],
      ...['--key', other],
    ])
    expect(ran.code).not.toBe(0)
    expect(existsSync(file)).toBe(false)
  })

  testWith(needs, 'a stream is not written over a file, nor with bytes missing', async () => {
    const [session] = await guarded.sessions()
    const file = join(guarded.dir, 'there')
    writeFileSync(file, 'mine')
    const run = (stream: string, to: string) =>
      sluice([
        ...['unseal', session?.id ?? '', '--data', guarded.data, '--key', key],
        ...['--restore', `1/${stream}=${to}`],
      ])
    expect((await run('output', file)).stderr).toContain('is there already')
    expect(readFileSync(file, 'utf8')).toBe('mine')
    const nothing = join(guarded.dir, 'nothing')
    expect((await run('input', nothing)).stderr).toContain('nothing of this stream')
    expect(existsSync(nothing)).toBe(false)
    expect((await run('command', nothing)).code).toBe(2)
  })
})

describe('raw streams that are not kept', () => {
  testWith(needs, 'cannot be restored, and the reason is told', async () => {
    await using guarded = await openGuarded({
      files: { known: `${secret}\n` },
      sections: { masking: { known_secrets_file: './known' } },
    })
    await guarded.run(`echo "a ${secret}"`)
    const [session] = await guarded.sessions()
    const file = join(guarded.dir, 'raw')
    const ran = await sluice([
      ...['unseal', session?.id ?? '', '--data', guarded.data, '--restore', `1/output=${file}`],
      ...['--key', join(guarded.dir, 'gateway/auditor.private.jwk')],
    ])
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toContain(
      `${secret.length} bytes of ${secret.length + 3} are neither shown nor kept`,
    )
    expect(existsSync(file)).toBe(false)
  })
})
