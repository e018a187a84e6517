/** The page that says how to check a session by hand: its lines are run as they stand there. */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeEvidence } from '../../proxy/cli/stored-fixture.ts'
import { createWorkplace } from '../../proxy/cli/workplace.ts'
import { repacked } from '../../storage/bundle/fixture.ts'
import { auditedEvidence, secret } from '../../storage/verify/audited-fixture.ts'
import { sluice as runCli } from '../fixture/gateway.ts'
import { openGuarded } from '../fixture/guarded.ts'
import { jq, openssl, ssh, sshd, testSlow, testWith, unzip } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [jq, openssl, unzip]
const page = readFileSync(join(import.meta.dir, '../../storage/evidence/BY-HAND.md'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block)

describe('BY-HAND.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-by-hand-'))
  const { sluice, remove, folder: made } = createWorkplace()
  afterAll(() => {
    remove()
    rmSync(folder, { recursive: true })
  })
  let bundle: Buffer

  beforeAll(async () => {
    const { writer } = await auditedEvidence()
    // A short one: by hand each record costs a dozen processes.
    const [id = ''] = writer.stored.sessions.keys()
    const stored = await storeEvidence(writer)
    try {
      const of = [id, '--data', stored.data]
      const bundled = await sluice(['bundle', ...of, '-o', 'session.zip'])
      const place = ['--record', '4', '-o', 'value.disclosure']
      const disclosed = await sluice(['disclose', ...of, '--key', stored.key, ...place], secret)
      expect([bundled.code, disclosed.code]).toEqual([0, 0])
      copyFileSync(stored.trust, join(made, 'trust.json'))
      bundle = readFileSync(join(made, 'session.zip'))
    } finally {
      stored.remove()
    }
  }, 60_000)

  /** Runs the whole page in a folder of its own. */
  const run = (
    name: string,
    zip: Uint8Array,
    change: { readonly trust?: string; readonly disclosure?: string } = {},
  ) => {
    const cwd = join(folder, name)
    mkdirSync(cwd)
    writeFileSync(join(cwd, 'session.zip'), zip)
    writeFileSync(join(cwd, 'trust.json'), change.trust ?? readFileSync(join(made, 'trust.json')))
    const disclosure = change.disclosure ?? readFileSync(join(made, 'value.disclosure'))
    writeFileSync(join(cwd, 'value.disclosure'), disclosure)
    writeFileSync(join(cwd, 'page.sh'), blocks.join('\n'))
    const ran = Bun.spawnSync(['/bin/bash', '-x', 'page.sh'], { cwd })
    const steps = ran.stderr.toString()
    return { code: ran.exitCode, out: ran.stdout.toString(), steps, cwd }
  }
  const said = 'this is the evidence that was recorded'
  const text = (file: string): string => readFileSync(join(made, file), 'utf8')
  const edited = (name: string, from: string | RegExp, to: string): Uint8Array =>
    repacked(bundle, (files) => {
      const before = new TextDecoder().decode(files.get(name))
      const after = before.replace(from, to)
      expect(after).not.toBe(before)
      files.set(name, new TextEncoder().encode(after))
    })

  testWith(
    needs,
    'its lines check a bundle and a disclosure, and show what was shown',
    () => {
      expect(blocks.length).toBeGreaterThan(8)
      const { code, out, steps, cwd } = run('honest', bundle)
      expect(code, steps.slice(-2000)).toBe(0)
      expect(out).toContain('Signature Verified Successfully')
      expect(out).toContain('"subject": "ada"')
      expect(out.trimEnd().endsWith(said)).toBe(true)
      expect(readFileSync(join(cwd, 'session/shown'), 'utf8')).toBe('line 0 ****************\n')
    },
    120_000,
  )

  testWith(needs, 'its lines need no tool of ours, and none that is not named', () => {
    const known =
      'signed logged logs set mkdir unzip cd sha printf tr basenc sha256sum cut root_of while read if then else fi do done node echo fn sn hash jq sed origin head key base64 tail grep openssl size root leaf test record cmp wc cp left right mv number auditor commitment nonce value cat'.split(
        ' ',
      )
    const first = blocks
      .join('\n')
      .split('\n')
      .map((line) => /^\s*[{]?\s*([a-z_0-9]+)/.exec(line)?.[1])
      .filter((word) => word !== undefined)
    expect(first.filter((word) => !known.includes(word))).toEqual([])
  })

  testSlow(
    needs,
    'each thing that was changed stops them, where the page says',
    () => {
      const record = edited('records.b64', /^(.{300})[^A]/m, '$1A')
      const cases: readonly (readonly [name: string, zip: Uint8Array, last: RegExp])[] = [
        ['record', record, /cmp - leaves\.hex/],
        ['cut', edited('records.b64', /.*\n$/, ''), /cmp - leaves\.hex/],
        ['manifest', edited('bundle.json', /("manifest": \{\s+"document": ".{200})./, '$1_'), /./],
        [
          'entry',
          edited('bundle.json', 'session.ended', 'session.ender'),
          /test [0-9a-f]{64} = [0-9a-f]{64}/,
        ],
        ['index', edited('bundle.json', /("index": )/g, '$11'), /test [0-9a-f]{64} = [0-9a-f]{64}/],
        ['checkpoint', edited('bundle.json', /\\n(\d+)\\n/g, '\\n1$1\\n'), /openssl pkeyutl/],
        [
          'envelope',
          edited('envelope.json', '"tag":"', '"tag":"A'),
          /test [0-9a-f]{64} = [0-9a-f]{64}/,
        ],
      ]
      for (const [name, zip, last] of cases) {
        const { code, out, steps } = run(name, zip)
        expect(code, name).not.toBe(0)
        expect(out, name).not.toContain(said)
        expect(steps.trimEnd().split('\n').slice(-3).join('\n'), name).toMatch(last)
      }
    },
    60_000,
  )

  testWith(
    needs,
    'a stranger stops them, and so does another value',
    () => {
      const trust = JSON.parse(text('trust.json'))
      const key = 'edge-1/0123456789abcdef+44a93602+ARm/RAlphM3+hUG6wWfcO5bIUIaqMLa2ywxcOK1wMWbh'
      const other = run('stranger', bundle, { trust: JSON.stringify({ ...trust, logs: [key] }) })
      expect([other.code === 0, other.steps.includes('root=')]).toEqual([false, false])
      const nobody = run('auditor', bundle, { trust: JSON.stringify({ ...trust, auditors: [] }) })
      expect([nobody.code === 0, nobody.out.includes(said)]).toEqual([false, false])
      const value = text('value.disclosure').replace(/"value": "./, '"value": "O')
      const changed = run('value', bundle, { disclosure: value })
      expect([changed.code === 0, changed.out.includes(said)]).toEqual([false, false])
    },
    60_000,
  )

  testSlow(
    [...needs, ssh, sshd],
    'they check what a real gateway recorded, by itself and by a worker whose key it names',
    async () => {
      for (const workers of [1, 2]) {
        await using guarded = await openGuarded({ arguments: ['--workers', String(workers)] })
        const token = `ghp_${'A1b2C3d4E5'.repeat(4).slice(0, 36)}`
        const ran = await guarded.run(`printf 'caf\\303\\251 \\377\\000\\n'; echo "is ${token}"`)
        expect(ran.code).toBe(0)
        const [session] = await guarded.sessions()
        const id = session?.id ?? ''
        const records = await guarded.records(id)
        const record = records.findIndex(
          ({ header }) => header.kind === 'output' && header.spans.length > 0,
        )
        const at = (file: string): string => join(guarded.dir, file)
        const of = [id, '--data', guarded.data]
        await until('the end is signed', async () => {
          rmSync(at('session.zip'), { force: true })
          return (await runCli(['bundle', ...of, '-o', at('session.zip')])).code === 0
        })
        const key = ['--key', at('gateway/auditor.private.jwk')]
        const place = ['--record', String(record), '-o', at('value.disclosure')]
        const disclosed = await runCli(['disclose', ...of, ...key, ...place], {
          stdin: Buffer.from(token),
        })
        expect(disclosed.code, disclosed.stderr).toBe(0)
        await guarded.trust()
        const zip = readFileSync(at('session.zip'))
        const trust = readFileSync(at('trust.json'), 'utf8')
        const disclosure = readFileSync(at('value.disclosure'), 'utf8')
        const checked = run(`real ${workers}`, zip, { trust, disclosure })
        expect(checked.code, checked.steps.slice(-2000)).toBe(0)
        expect(checked.out.trimEnd().endsWith(said)).toBe(true)
        expect(checked.steps.includes('signed .named_by')).toBe(workers > 1)
        const shown = readFileSync(join(checked.cwd, 'session/shown'), 'latin1')
        expect(shown).toBe(`caf\xc3\xa9 \xff\x00\nis ${'*'.repeat(40)}\n`)
      }
    },
    180_000,
  )
})
