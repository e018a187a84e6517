/** Statements in a bundle: on the list, and repeated by the real psql against the real PostgreSQL, and by nothing else. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../../test/fixture/postgres.ts'
import { postgres, testWith } from '../../test/fixture/require.ts'
import { toHex } from '../evidence/bytes.ts'
import { command_stream, commitSpan, spanNonce } from '../evidence/commitment.ts'
import { EvidenceWriter, type SessionWriter } from '../verify/fixture.ts'
import { readArchive } from './archive.ts'
import { bundleOf } from './fixture.ts'

setDefaultTimeout(60_000)

const folder = mkdtempSync(join(tmpdir(), 'sluice-statements-'))
afterAll(() => rmSync(folder, { recursive: true }))
const channel = 1

interface Asked {
  readonly text: string
  readonly allowed?: boolean
  /** Of a prepared one. */
  readonly name?: string
  readonly kinds?: readonly string[]
  readonly rule?: string
  /** More than is recorded of it. */
  readonly more_bytes?: number
}

/** A session of a database, whose statements are numbered in their order. */
async function recorded(
  record: (session: SessionWriter, ask: (asked: Asked) => void) => void,
): Promise<{ readonly script: string; readonly list: string }> {
  const writer = new EvidenceWriter({ seed: 'statements' })
  await writer.knowAuditor()
  writer.begin()
  const session = await writer.session()
  session.record({ kind: 'channel', channel, request: 'database', env: {} })
  let statement = 0
  let offset = 0
  record(
    session,
    ({ text, allowed = true, name, kinds = ['select'], rule = 'all', more_bytes = 0 }) => {
      const bytes = new TextEncoder().encode(text)
      const said = { name: name ?? '', prepared: name !== undefined, kinds, allowed, rule }
      const range = { offset, length: bytes.length + more_bytes }
      offset += bytes.length
      session.record(
        { kind: 'statement', channel, statement: ++statement, ...said, ...range, spans: [] },
        bytes,
      )
    },
  )
  session.end()
  writer.sign()
  const archive = readArchive(await bundleOf(writer, session))
  if (!archive.ok) throw new Error(archive.reason)
  const text = (name: string): string => new TextDecoder().decode(archive.files.get(name))
  return { script: text('commands.sh'), list: text('commands.json') }
}

/** Runs the script; without a database with a `psql` that only notes what it is given. */
function run(script: string, env: Readonly<Record<string, string>> = {}, is_noted = true) {
  const dir = mkdtempSync(join(folder, 'run-'))
  const [bin, home, log] = [join(dir, 'bin'), join(dir, 'home'), join(dir, 'log')]
  for (const each of [bin, home]) mkdirSync(each)
  if (is_noted)
    writeFileSync(join(bin, 'psql'), `#!/bin/sh\nprintf '%s\\0' "$@" >> ${log}\n`, { mode: 0o755 })
  const file = join(dir, 'commands.sh')
  writeFileSync(file, script)
  const ran = Bun.spawnSync(['/bin/bash', file], {
    cwd: home,
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: home, ...env },
  })
  const words = existsSync(log) ? readFileSync(log, 'utf8').split('\0').slice(0, -1) : []
  const texts = words.filter((_, at) => words[at - 1] === '-c')
  return { code: ran.exitCode, err: ran.stderr.toString(), words, texts, left: readdirSync(home) }
}

const hostile: readonly string[] = [
  `SELECT 1; -- '; touch pwned; '`,
  `SELECT '$(touch pwned)', "\`touch pwned\`"`,
  `SELECT 1;\n\\! touch pwned\n`,
  `SELECT E'\\'' || :var || :'var'`,
  `\r\ntouch pwned\r`,
  `)\ntouch pwned\nstatements_1=(`,
  `\u001b]0;title\u0007SELECT '\u202e'`,
  'SELECT é, 漢',
  '-- --help',
  '',
]

describe('statements of a bundle', () => {
  test('are on the list, with what policy said, and what came of them', async () => {
    const { list } = await recorded((session, ask) => {
      ask({ text: 'SELECT 1;\nSELECT 2', kinds: ['select', 'select'], rule: 'reads' })
      const result = { kind: 'result', channel, run: 0, length: 6, duration_us: 5 } as const
      session.record({ ...result, statement: 1, tag: 'SELECT', rows: 1 })
      ask({ text: 'SELECT $1', name: 'one' })
      const parameters = new TextEncoder().encode("$1 = '7'\n")
      const range = { offset: 28, length: parameters.length, spans: [] }
      session.record({ kind: 'run', channel, statement: 2, run: 1, ...range }, parameters)
      session.record({ ...result, run: 1, statement: 2, tag: '', rows: 0, error: '42883' })
      ask({ text: 'DROP TABLE people', allowed: false, kinds: ['drop'], rule: 'critical' })
      ask({ text: 'SELECT long', more_bytes: 100 })
    })
    const listed: unknown = JSON.parse(list)
    const common = { allowed: true, kinds: ['select'], rule: 'all', masked: [] }
    const expected = [
      { kind: 'channel', text: 'database', request: 'database', env: {} },
      {
        ...{ ...common, kind: 'statement', statement: 1, text: 'SELECT 1;\\nSELECT 2' },
        ...{ kinds: ['select', 'select'], rule: 'reads' },
      },
      { kind: 'result', statement: 1, run: 0, text: 'SELECT, 1 rows' },
      { ...common, kind: 'statement', statement: 2, text: 'SELECT $1', name: 'one' },
      { kind: 'run', statement: 2, run: 1, text: "$1 = '7'", masked: [] },
      { kind: 'result', statement: 2, run: 1, text: 'error 42883' },
      {
        ...{ ...common, kind: 'statement', statement: 3, text: 'DROP TABLE people' },
        ...{ allowed: false, kinds: ['drop'], rule: 'critical' },
      },
      { ...common, kind: 'statement', statement: 4, text: 'SELECT long', length: 111 },
    ]
    const place = { seq: expect.any(Number), time: expect.any(String), channel }
    expect(listed).toEqual(expected.map((step) => ({ ...place, ...step })))
  })

  test('are given to one psql as they were, whatever is in them, and nothing else runs', async () => {
    const { script, list } = await recorded((_, ask) => {
      for (const text of hostile) ask({ text, kinds: [text], rule: text })
    })
    const { code, err, words, texts, left } = run(script)
    expect(code, err).toBe(0)
    expect(left).toEqual([])
    expect(words[0]).toBe('-X')
    expect(words.length).toBe(1 + 2 * hostile.length)
    expect(texts).toEqual([...hostile])
    for (const text of [script, list]) expect(text).toMatch(/^[\n\P{C}]*$/u)
    const lines = script.split('\n')
    expect(
      lines.filter(
        (line) => !/^(?:#|$|cd -- |statements_1=\(\)$|statements_1\+=\(-c |psql -X )/.test(line),
      ),
    ).toEqual([])
  })

  test('that were denied, prepared, cut, copied or no statement of its own are comments', async () => {
    const { script } = await recorded((_, ask) => {
      ask({ text: 'DROP TABLE a', allowed: false, rule: 'critical' })
      ask({ text: 'SELECT $1', name: '' })
      ask({ text: 'SELECT long', more_bytes: 1 })
      ask({ text: 'COPY a FROM STDIN', kinds: ['copy'] })
      ask({ text: '\\! touch pwned' })
      ask({ text: 'SELECT a\0b' })
    })
    expect(run(script)).toMatchObject({ code: 0, words: [], left: [] })
    for (const line of [
      'denied by critical, record 2: DROP TABLE a',
      'not repeated, record 3: it was prepared',
      'not repeated, record 4: 11 of its 12 bytes are on record',
      'not repeated, record 5: what was copied is not in it',
      'not repeated, record 6: it begins with a backslash',
      'not repeated, record 7: it has a NUL',
    ])
      expect(script).toContain(line)
  })

  test('that waited for a person are repeated when somebody approved', async () => {
    const { script } = await recorded((session, ask) => {
      for (const [n, outcome] of (['approved', 'denied'] as const).entries()) {
        ask({ text: `DELETE FROM t${n}`, allowed: false, kinds: ['delete'], rule: 'high' })
        const held = { request: 'r', digest: '0'.repeat(64), rule: 'high', expires_us: 1 }
        session.record({ kind: 'hold', channel, ...held, approvals: [{ group: 'dba', quorum: 1 }] })
        const by = [{ subject: 'eve', issuer: 'corp' }]
        session.record({ kind: 'approval', channel, request: 'r', outcome, by, comment: '' })
        const allowed = outcome === 'approved'
        session.record({ kind: 'verdict', channel, allowed, rule: 'high', asked: 'query delete' })
      }
    })
    expect(run(script).texts).toEqual(['DELETE FROM t0'])
    expect(script).toMatch(/approval: approved: eve of corp\n.*allowed by high: query delete\n/)
  })

  test('ask for what was masked', async () => {
    const writer = new EvidenceWriter({ seed: 'masked' })
    await writer.knowAuditor()
    writer.begin()
    const session = await writer.session()
    session.record({ kind: 'channel', channel, request: 'database', env: {} })
    const secret = new TextEncoder().encode('abc')
    const nonce = spanNonce(session.secrets.salt, session.id, channel, command_stream, 8)
    const commitment = toHex(commitSpan(nonce, secret))
    const spans = [{ at: 8, n: 3, offset: 8, length: 3, rule: 'password', commitment }]
    const said = { name: '', prepared: false, kinds: ['select'], allowed: true, rule: 'all' }
    session.record(
      { kind: 'statement', channel, statement: 1, ...said, offset: 0, length: 12, spans },
      new TextEncoder().encode("SELECT '***'"),
    )
    session.end()
    writer.sign()
    const archive = readArchive(await bundleOf(writer, session))
    if (!archive.ok) throw new Error(archive.reason)
    const script = new TextDecoder().decode(archive.files.get('commands.sh'))
    const without = run(script)
    expect(without.code).not.toBe(0)
    expect(without.err).toContain('SLUICE_MASKED_1: record 2, 3 bytes, rule password')
    expect(without.words).toEqual([])
    expect(run(script, { SLUICE_MASKED_1: `'$(x)"` }).texts).toEqual([`SELECT ''$(x)"'`])
  })

  testWith(
    [postgres],
    'do to another PostgreSQL what they did: one connection, a text of several as one request',
    async () => {
      await using database = await startPostgres()
      const { script } = await recorded((_, ask) => {
        ask({ text: 'CREATE TABLE t (a int, b text)' })
        ask({ text: 'BEGIN' })
        ask({ text: `INSERT INTO t VALUES (1, 'it''s :b $(x)')` })
        ask({ text: 'CREATE TEMP TABLE own AS SELECT 5 AS a' })
        ask({ text: 'COMMIT' })
        // One request, so one transaction: its second half takes the first with it.
        ask({ text: 'INSERT INTO t VALUES (2); INSERT INTO t VALUES (1 / 0)' })
        ask({ text: 'DROP TABLE t', allowed: false })
        ask({ text: `INSERT INTO t SELECT a, current_setting('server_version_num') FROM own` })
      })
      const { user, password } = database.owner
      const at = { PGHOST: '127.0.0.1', PGPORT: `${database.port}`, PGDATABASE: 'postgres' }
      const { err, left } = run(script, { ...at, PGUSER: user, PGPASSWORD: password }, false)
      expect(err).toContain('division by zero')
      expect(left).toEqual([])
      expect(await database.run('SELECT a, b ~ $$^15$$ FROM t ORDER BY a')).toBe('1|f\n5|t\n')
      expect(await database.run('SELECT b FROM t WHERE a = 1')).toBe("it's :b $(x)\n")
    },
  )
})
