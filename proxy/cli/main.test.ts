/** The command line as people run it: a process, its two outputs and its exit status. */
import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { testSlow } from '../../test/fixture/require.ts'
import { createTokenVerifier, parseTokenKey } from '../identity/token.ts'
import { jsonText } from './console.ts'
import { createDataFixture } from './fixture.ts'
import { later_verbs } from './help.ts'
import { createWorkplace } from './workplace.ts'

const { folder, sluice, remove } = createWorkplace()
afterAll(remove)
const fixture = await createDataFixture([])
afterAll(fixture.remove)
const data = ['--data', fixture.data]

describe('wrong usage is one line and the usage, exit 2', () => {
  const cases: readonly (readonly [words: readonly string[], says: string])[] = [
    [['nonsense'], 'unknown verb "nonsense"'],
    [['session'], 'did you mean sessions?'],
    [['show'], 'ID|last is missing\nusage: sluice show ID|last [options]'],
    [['show', 'a', 'b'], 'too many words: "b"'],
    [['show', 'zz', ...data], 'ID must be a session id'],
    [['sesions'], 'unknown verb "sesions"; did you mean sessions?'],
    [['sessions', '--colour'], "Unknown option '--colour'"],
    [['sessions', '--sbject', 'ann'], "Unknown option '--sbject'; did you mean --subject?"],
    [['policy', 'test', 'a', 'b'], 'one FILE at a time'],
    [['sessions', '--limit', '0'], '--limit must be a number from 1 to 10000'],
    [['sessions', '--since', 'yesterday'], '--since is no time'],
    [['search', 'x', '--until', 'now'], '--until is no time'],
    [['sessions', '--data', 'a', '--data', 'b'], '--data is given twice'],
    [['keygen', 'root'], 'expected auditor, gateway or ca'],
    [['trust', 'list'], 'expected export'],
    [['verify', 's3://B'], 'expected s3://BUCKET'],
    [['verify', 's3://bucket', '--endpoint', 'bucket'], '--endpoint is the URL'],
    [['index', 'data'], 'expected s3://BUCKET'],
    [['index', 's3://bucket'], '-o DIR is missing'],
    [['unseal'], 'ID|last|FILE is missing'],
    [['mask', '--packs', 'secrets,none'], '--packs takes'],
    [['mask', '--unit', 'meter'], '--unit must be'],
    [['token', '--role', 'root'], '--role must be one of user, approver, auditor, admin'],
    [['completion', 'fish'], 'expected bash or zsh'],
    ...later_verbs.map((verb) => [[verb], 'not available in this version'] as const),
  ]
  for (const [words, says] of cases) {
    const body = async (): Promise<void> => {
      const { code, out, err } = await sluice(words)
      expect(err).toContain(says)
      expect(err).toContain('usage: sluice')
      expect([code, out]).toEqual([2, ''])
    }
    // All start at once, which a busy machine takes its time for.
    test.concurrent(words.join(' '), body, 60_000)
  }
  test('no verb at all', async () => {
    const { code, err } = await sluice([])
    expect(code).toBe(2)
    expect(err).toContain('check-config')
  })
})

test('a version', async () => {
  const { version } = await Bun.file(join(import.meta.dir, '../../package.json')).json()
  expect(await sluice(['--version'])).toMatchObject({ code: 0, out: `sluice ${version}\n` })
})

test('what is JSON to a program is nothing to a terminal', () => {
  const value = { command: 'echo \u009b31m \u202egnp.exe \u007f\u{e0041} é ✓', n: 1 }
  const text = jsonText(value)
  expect(JSON.parse(text)).toEqual(value)
  expect(text).not.toMatch(/[\x7f-\x9f\p{Cf}]/u)
  expect(text).toContain('é ✓')
})

describe('help', () => {
  test('lists the verbs, and says more of each', async () => {
    const { code, out } = await sluice(['help'])
    expect(code).toBe(0)
    for (const verb of [
      'check-config',
      'keygen',
      'sessions',
      'show',
      'replay',
      'verify',
      'trust',
      'bundle',
      'page',
      'witness',
      'unseal',
      'disclose',
      'reconcile',
      'mask',
      'token',
    ]) {
      expect(out).toContain(verb)
    }
    const more = await sluice(['show', '--help'])
    expect(more.code).toBe(0)
    expect(more.out).toContain('--limit N')
  })
  test('completion knows the verbs to bash itself', async () => {
    const script = (await sluice(['completion', 'bash'])).out
    const complete = `${script}\nCOMP_WORDS=(sluice se); COMP_CWORD=1; _sluice; echo "\${COMPREPLY[*]}"
COMP_WORDS=(sluice keygen au); COMP_CWORD=2; _sluice; echo "\${COMPREPLY[*]}"
COMP_WORDS=(sluice sessions --sub); COMP_CWORD=2; _sluice; echo "\${COMPREPLY[*]}"`
    const bash = Bun.spawnSync(['bash', '-c', complete])
    expect(bash.stdout.toString()).toBe('sessions search\nauditor\n--subject\n')
  })
})

describe('keygen', () => {
  test('an auditor has a private half that only they can read', async () => {
    const { code, out, err } = await sluice([
      'keygen',
      'auditor',
      '--private',
      'me.jwk',
      '-o',
      'me.pub.jwk',
    ])
    expect([code, out]).toEqual([0, ''])
    expect(err).toContain('away from the gateway')
    expect(statSync(join(folder, 'me.jwk')).mode & 0o777).toBe(0o600)
    const pub = JSON.parse(readFileSync(join(folder, 'me.pub.jwk'), 'utf8'))
    expect(pub).toMatchObject({ kty: 'EC', crv: 'P-256' })
    expect('d' in pub).toBe(false)
    expect('d' in JSON.parse(readFileSync(join(folder, 'me.jwk'), 'utf8'))).toBe(true)
    const again = await sluice(['keygen', 'auditor', '--private', 'me.jwk'])
    expect([again.code, again.out]).toEqual([1, ''])
    expect(again.err).toContain('me.jwk is there already, and is left as it is')
  })
  test('the gateway and a CA have keys of OpenSSH', async () => {
    for (const kind of ['gateway', 'ca']) {
      const { code, out } = await sluice(['keygen', kind, '--private', `${kind}_key`])
      expect(code).toBe(0)
      const read = Bun.spawnSync(['ssh-keygen', '-y', '-f', join(folder, `${kind}_key`)])
      expect(read.stdout.toString()).toBe(out)
    }
  })
})

test('a token is for the API of this data directory', async () => {
  const { code, out } = await sluice([
    'token',
    '--subject',
    'ann',
    '--role',
    'user',
    '--role',
    'admin',
    ...data,
  ])
  expect(code).toBe(0)
  const key = parseTokenKey(readFileSync(join(fixture.data, 'keys', 'api.pem'), 'utf8'))
  if (key === undefined) throw new Error('no key')
  const verified = await createTokenVerifier(key, () => Date.now() * 1000)(out.trim())
  expect(verified).toMatchObject({ ok: true, caller: { subject: 'ann', roles: ['user', 'admin'] } })
  for (const [user, subject] of [
    ['bob', 'bob'],
    [undefined, `uid-${process.getuid?.()}`],
  ] as const) {
    const made = await sluice(['token', '--json', ...data], '', { USER: user, LOGNAME: user })
    expect(JSON.parse(made.out)).toMatchObject({ subject })
  }
  const without = await sluice(['token', '--data', folder])
  expect([without.code, without.out]).toEqual([1, ''])
})

test('check-config says what is wrong, or what is there', async () => {
  await sluice(['keygen', 'auditor', '--private', 'c.private.jwk', '-o', 'c.jwk'])
  const config = (text: string): void => writeFileSync(join(folder, 'sluice.yaml'), text)
  config('evidence: { auditors: [c.jwk] }\nlisten: { ssh: 127.0.0.1:0 }\n')
  const good = await sluice(['check-config'])
  expect([good.code, good.out]).toEqual([
    0,
    'sluice.yaml: ok: ssh on 127.0.0.1:0; 0 targets; 0 keys of 0 subjects; built-in policy; masking secrets, pci; 1 auditor\n',
  ])
  expect(good.err).toContain('warning: sluice.yaml:1:1 targets: no target')
  expect(await sluice(['check-config', '--config', 'sluice.yaml'])).toMatchObject({ code: 0 })
  expect(await sluice(['check-config', 'a', '--config', 'b'])).toMatchObject({ code: 2, out: '' })
  config('listen: { shh: 127.0.0.1:0 }\n')
  const bad = await sluice(['check-config', '--json'])
  expect(bad.code).toBe(1)
  expect(JSON.parse(bad.out)).toEqual({
    ok: false,
    problem: 'sluice.yaml:1:11 listen.shh: unknown key; did you mean "ssh"?',
    warnings: [],
  })
  config('evidence: { auditors: [c.jwk] }\nmasking: { custom: [{ name: a, pattern: "a(b" }] }\n')
  const pattern = await sluice(['check-config'])
  expect(pattern.code).toBe(1)
  expect(pattern.err).toContain('sluice.yaml:2:32 masking.custom[0].pattern: ')
})

testSlow(
  [],
  'check-config says what a pattern costs that begins with nothing fixed',
  async () => {
    await sluice(['keygen', 'auditor', '--private', 's.private.jwk', '-o', 's.jwk'])
    const own =
      '[{ name: fixed, pattern: "EMP-[0-9]+" }, { name: words, pattern: "[a-z]+-secret" }]'
    writeFileSync(
      join(folder, 's.yaml'),
      `evidence: { auditors: [s.jwk] }\nmasking: { packs: [], custom: ${own} }\n`,
    )
    const shown = await sluice(['check-config', 's.yaml'])
    expect(shown.code).toBe(0)
    expect(shown.err).toContain('s.yaml:2:87 masking.custom[1].pattern: nothing fixed begins it')
    expect(shown.err).toMatch(
      /^words: ordinary text is masked at \d+ MB a second, and at \d+ without/m,
    )
    expect(shown.err).not.toContain('fixed:')
    const { costs }: Record<'costs', readonly Readonly<Record<string, unknown>>[]> = JSON.parse(
      (await sluice(['check-config', 's.yaml', '--json'])).out,
    )
    expect(costs.map(({ rule }) => rule)).toEqual(['words'])
    for (const cost of costs)
      expect(Number(cost['mb_s'])).toBeLessThan(Number(cost['mb_s_without']))
  },
  60_000,
)

test('check-config counts the known secrets, and shows none', async () => {
  await sluice(['keygen', 'auditor', '--private', 'n.private.jwk', '-o', 'n.jwk'])
  writeFileSync(
    join(folder, 'n.yaml'),
    'evidence: { auditors: [n.jwk] }\nmasking: { packs: [], known_secrets_file: n.known }\n',
  )
  const known = (...values: string[]): void =>
    writeFileSync(join(folder, 'n.known'), values.join('\n'), { mode: 0o600 })
  known('swordfish', 'tr0ub4dor', '# none', 'correct horse')
  const counted = await sluice(['check-config', 'n.yaml'])
  expect(counted.code).toBe(0)
  expect(counted.out).toContain('; masking 3 known secrets; 1 auditor\n')
  expect(counted.out + counted.err).not.toMatch(/swordfish|tr0ub4dor|horse/)
  known(...Array.from({ length: 600 }, (_, index) => `${index}`.padEnd(60, `${index * 7}-`)))
  const many = await sluice(['check-config', 'n.yaml'])
  expect(many.code).toBe(1)
  expect(many.err).toContain(
    'n.yaml:2:1 masking: rule known-secret: 600 values, passwords of accounts among them, are too many or too long to be masked\n',
  )
}, 30_000)

// The module is built, not committed.
const module_path = join(import.meta.dir, '../../masking-wasm/build/masking.wasm')
describe.skipIf(!existsSync(module_path))('mask', () => {
  // In two parts, so that no scanner of this repository finds a key.
  const secret = ['AKIA', 'ABCDEFGHIJKLMNOP'].join('')
  test('masks what the rules name, in any chunks, and reports it', async () => {
    const input = `one ${secret} two\n`
    const whole = await sluice(['mask', '--findings'], input)
    expect(whole.code).toBe(0)
    expect(whole.out).not.toContain(secret)
    expect(whole.out).toHaveLength(input.length)
    const findings = whole.err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(findings).toEqual([{ rule: expect.any(String), offset: 4, length: 20 }])
    for (const chunk of ['1', '7'])
      expect(await sluice(['mask', '--findings', '--chunk', chunk], input)).toEqual(whole)
  })
  test('masks by the rules of a configuration', async () => {
    await sluice(['keygen', 'auditor', '--private', 'm.private.jwk', '-o', 'm.jwk'])
    writeFileSync(
      join(folder, 'mask.yaml'),
      'evidence: { auditors: [m.jwk] }\nmasking: { packs: [], custom: [{ name: employee-id, pattern: "EMP-[0-9]{6}" }] }\n',
    )
    const { out } = await sluice(['mask', '--config', 'mask.yaml'], `EMP-123456 ${secret}\n`)
    expect(out).toBe(`********** ${secret}\n`)
  })
  test('masks members of JSON lines, each by its strategy', async () => {
    const lines = [
      `{"user":{"ssn":"078-05-1120","pan":"4111111111111111"},"a.b":"x","k":"${secret}"}`,
      '',
      'no document',
      '[{"user":{"ssn":"078-05-1120"}}]',
    ]
    const options = ['user.ssn=hash', '*.pan=partial(0,4)', 'a\\.b=null']
    const words = options.flatMap((option) => ['--json-member', option])
    const { code, out, err } = await sluice(['mask', '--findings', ...words], lines.join('\n'))
    expect(code).toBe(0)
    const [first = '', blank, second, third = ''] = out.split('\n')
    expect(first).toMatch(
      /^\{"user":\{"ssn":"hash:[0-9a-f]{16}","pan":"\*{12}1111"\},"a\.b":null,"k":"\*{20}"\}$/,
    )
    expect([blank, second]).toEqual(['', '***********'])
    // Equal values are equal, also in another document.
    expect(third).toBe(`[{"user":{"ssn":"${first.slice(16, 37)}"}}]`)
    const findings = err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(findings.map(({ rule }) => rule)).toEqual([
      'member:user.ssn',
      'member:*.pan',
      'member:a\\.b',
      'aws-access-key-id',
      'not-json',
      'member:user.ssn',
    ])
    const input = lines.join('\n')
    expect(input.slice(findings[3].offset, findings[3].offset + 20)).toBe(secret)
    expect(findings[5]).toMatchObject({ offset: input.lastIndexOf('"078'), length: 13 })
  })
  test.each(['user.ssn', 'user.ssn=stars', '=mask', 'a..b=mask', 'a=partial(1)'])(
    '--json-member %s is refused',
    async (word) => {
      const { code, err } = await sluice(['mask', '--json-member', word], '{}')
      expect(code).toBe(2)
      expect(err).toContain('--json-member takes PATH=STRATEGY')
    },
  )
  test('masks the known secrets of a configuration', async () => {
    await sluice(['keygen', 'auditor', '--private', 'k.private.jwk', '-o', 'k.jwk'])
    writeFileSync(join(folder, 'k.known'), 'swordfish\n', { mode: 0o600 })
    writeFileSync(
      join(folder, 'known.yaml'),
      'evidence: { auditors: [k.jwk] }\nmasking: { packs: [], known_secrets_file: k.known }\n',
    )
    const { out, err } = await sluice(
      ['mask', '--config', 'known.yaml', '--findings'],
      `swordfish ${btoa('swordfish')} swordfis\n`,
    )
    expect(out).toBe('********* ************ swordfis\n')
    expect(err).toBe(
      '{"rule":"known-secret","offset":0,"length":9}\n{"rule":"known-secret","offset":10,"length":12}\n',
    )
  })
})

test('a reader that leaves early is no failure', () => {
  const command = `"${process.execPath}" "${join(import.meta.dir, 'main.ts')}" mask | head -c 1; echo "\${PIPESTATUS[0]}"`
  const piped = Bun.spawnSync(['bash', '-c', command], {
    stdin: Buffer.alloc(4 * 1024 * 1024, 'a\n'),
  })
  expect([piped.stdout.toString(), piped.stderr.toString()]).toEqual(['a0\n', ''])
})

test('a file that cannot be read is one line', async () => {
  if (process.getuid?.() === 0) return
  writeFileSync(join(folder, 'closed.yaml'), '')
  chmodSync(join(folder, 'closed.yaml'), 0)
  const { code, err } = await sluice(['check-config', 'closed.yaml'])
  expect([code, err]).toEqual([1, 'closed.yaml: cannot be read (EACCES)\n'])
})
