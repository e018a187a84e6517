/** What the command line tells of the evidence in a data directory. */
import { afterAll, describe, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTrust } from '../../storage/evidence/trust.ts'
import { createDataFixture } from './fixture.ts'
import { createWorkplace } from './workplace.ts'

const { folder, sluice, remove } = createWorkplace()
afterAll(remove)
const fixture = await createDataFixture([
  {
    subject: 'ann',
    records: [
      [
        {
          kind: 'channel',
          channel: 1,
          request: 'shell',
          pty: { term: 'xterm', columns: 90, rows: 20 },
          env: {},
        },
      ],
      [{ kind: 'output', channel: 1, stream: 1, offset: 0, length: 2, spans: [] }, '$ '],
      [{ kind: 'echo', channel: 1, stream: 1, offset: 2, length: 2, commitment: '0'.repeat(64) }],
      [{ kind: 'echo_text', channel: 1, stream: 1, offset: 2, length: 2, spans: [] }, 'ls'],
      [{ kind: 'input_text', channel: 1, offset: 0, length: 3, spans: [] }, 'ls\r'],
      [
        { kind: 'output', channel: 1, stream: 1, offset: 4, length: 30, spans: [] },
        '\r\n\u001b]52;c;ZXZpbA==\u0007\u001b[32mgreen\u001b[0m\u001b[6n\r\n',
      ],
      [{ kind: 'exit', channel: 1, code: 0 }],
    ],
  },
  {
    subject: 'bob\u001b[31m',
    records: [
      [{ kind: 'channel', channel: 1, request: 'exec', env: {} }],
      [
        { kind: 'command', channel: 1, confidence: 'exact', spans: [] },
        'echo \u001b]0;owned\u0007hi',
      ],
      [{ kind: 'verdict', channel: 1, allowed: false, rule: 'policy.x', asked: 'echo' }],
    ],
  },
])
afterAll(fixture.remove)
const data = ['--data', fixture.data]
const [ann = '', bob = ''] = fixture.ids

describe('sessions', () => {
  test('are a table, and nothing in it acts on the terminal', async () => {
    const { code, out } = await sluice(['sessions', ...data])
    expect(code).toBe(0)
    const [head, newest, oldest] = out.split('\n')
    expect(head).toMatch(/^SESSION +STARTED \(UTC\) +LASTED +WHO +WHERE +OUTPUT +END$/)
    expect(newest).toContain(`${bob}  2027-01-15 08:01:00`)
    expect(newest).toContain('bob\\e[31m  deploy@web-1')
    expect(oldest).toContain(ann)
    expect(out).not.toContain('\u001b')
  })
  test('are JSON for programs', async () => {
    const { out } = await sluice(['sessions', '--subject', 'ann', '--json', ...data])
    expect(JSON.parse(out)).toMatchObject([
      {
        id: ann,
        subject: 'ann',
        started: '2027-01-15T08:00:00.000000Z',
        end_reason: 'client',
        records: 9,
      },
    ])
  })
  test('are chosen by time', async () => {
    const { out } = await sluice(['sessions', '--since', '2027-01-15T08:00:30Z', '--json', ...data])
    expect(JSON.parse(out).map(({ id }: { id: string }) => id)).toEqual([bob])
    const none = await sluice(['sessions', '--until', '2020-01-01', ...data])
    expect(none).toEqual({ code: 0, out: '', err: 'no sessions\n' })
  })
  test('of no data directory are one line', async () => {
    const { code, err } = await sluice(['sessions', '--data', './nowhere'])
    expect(code).toBe(1)
    expect(err).toContain('no data directory')
    expect(err.trim().split('\n')).toHaveLength(1)
  })
})

describe('search', () => {
  test('finds the lines that have all of the words, with who and where', async () => {
    const { code, out } = await sluice(['search', 'OWNED', 'echo', ...data])
    expect(code).toBe(0)
    const [head, line, ...rest] = out.trim().split('\n')
    expect(head).toMatch(/^TIME \(UTC\) +WHO +WHERE +SESSION +LINE$/)
    expect(line).toContain(`bob\\e[31m  deploy@web-1  ${bob}  echo \\e]0;owned\\x07hi`)
    expect(rest).toEqual([])
    expect(out).not.toContain('\u001b')
  })
  test('finds what was typed, as JSON', async () => {
    const { out } = await sluice(['search', 'ls', '--json', ...data])
    expect(JSON.parse(out)).toMatchObject([
      { session: ann, subject: 'ann', target: 'web-1', kind: 'input_text', text: 'ls\r' },
    ])
  })
  test('finds nothing that is not there, or somebody else', async () => {
    const nothing = { code: 0, out: '', err: 'nothing has these words\n' }
    expect(await sluice(['search', 'own', ...data])).toEqual(nothing)
    expect(await sluice(['search', 'echo ls', ...data])).toEqual(nothing)
    expect(await sluice(['search', 'ls', '--subject', 'bob', ...data])).toEqual(nothing)
    expect((await sluice(['search', ';', ...data])).code).toBe(2)
  })
})

describe('show', () => {
  test('tells who, where and what, and nothing in it acts on the terminal', async () => {
    const { code, out } = await sluice(['show', 'last', ...data])
    expect(code).toBe(0)
    expect(out).toContain(`session   ${bob}`)
    expect(out).toContain('where     deploy@web-1 over ssh')
    expect(out).toContain('echo \\e]0;owned\\x07hi')
    expect(out).toContain('denied by policy.x: echo')
    expect(out).toContain('evidence  local, not replicated; start document')
    expect(out).not.toContain('\u001b')
  })
  test('tells that a bucket has it too, once one has answered', async () => {
    const receipts = join(fixture.data, 'receipts.db')
    writeFileSync(receipts, '')
    const { out } = await sluice(['show', 'last', ...data])
    rmSync(receipts)
    expect(out).toContain('evidence  here, and replicated to a bucket; start document')
  })
  test('takes the beginning of an id that no other has', async () => {
    const { out } = await sluice(['show', ann.slice(0, 8), '--json', ...data])
    const { session, events, more } = JSON.parse(out)
    expect(session.id).toBe(ann)
    expect(events.map(({ kind }: { kind: string }) => kind)).toEqual([
      'channel',
      'input_text',
      'exit',
      'end',
    ])
    expect(more).toBe(false)
    const both = await sluice(['show', '0197', ...data])
    expect(both.code).toBe(1)
    expect(both.err).toContain('more than one session')
    const none = await sluice(['show', 'ffff', ...data])
    expect(none).toMatchObject({ code: 1, out: '' })
  })
})

describe('replay', () => {
  test('shows the screen without what acts on the viewer', async () => {
    const { code, out } = await sluice(['replay', ann, '--instant', ...data])
    expect(code).toBe(0)
    expect(out).toBe('$ ls\r\n\u001b[32mgreen\u001b[0m\r\n')
  })
  test('writes an asciicast, and never over a file', async () => {
    const { code } = await sluice(['replay', ann, '--cast', 'out.cast', ...data])
    expect(code).toBe(0)
    const lines = readFileSync(join(folder, 'out.cast'), 'utf8').trim().split('\n')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ version: 3, term: { cols: 90, rows: 20 } })
    expect(lines.slice(1).map((line) => JSON.parse(line))).toEqual([
      [1, 'o', '$ '],
      [1, 'o', 'ls'],
      [3, 'o', '\r\n\u001b[32mgreen\u001b[0m\r\n'],
      [1, 'x', '0'],
    ])
    expect((await sluice(['replay', ann, '--cast', 'out.cast', ...data])).code).toBe(1)
    expect((await sluice(['replay', ann, '--cast', '-', ...data])).out).toBe(
      `${lines.join('\n')}\n`,
    )
  })
  test('takes its time', async () => {
    const before = performance.now()
    // Five seconds of recording, a hundred times as fast, two of its pauses cut.
    expect((await sluice(['replay', ann, '--speed', '100', ...data])).code).toBe(0)
    expect(performance.now() - before).toBeGreaterThan(40)
  })
  test('of nothing says so', async () => {
    const { code, err } = await sluice(['replay', ann, '--channel', '9', ...data])
    expect([code, err]).toEqual([1, 'sluice replay: no channel 9\n'])
  })
})

describe('verify', () => {
  test('against an exported trust file', async () => {
    const exported = await sluice(['trust', 'export', '-o', 'trust.json', ...data])
    expect(exported.code).toBe(0)
    const parsed = parseTrust(readFileSync(join(folder, 'trust.json')))
    expect(parsed.ok && parsed.trust.auditors).toEqual([fixture.auditor])
    const { code, out } = await sluice(['verify', fixture.data, '--trust', 'trust.json'])
    expect(out).toContain('verified')
    expect(code).toBe(0)
    const json = await sluice(['verify', fixture.data, '--trust', 'trust.json', '--json'])
    expect(JSON.parse(json.out)).toMatchObject({ verdict: 'verified', checked: { sessions: 2 } })
  })
  test('without one is a finding', async () => {
    const { code, out } = await sluice(['verify', fixture.data])
    expect(code).toBe(1)
    expect(out).toContain('consistent, unanchored')
  })
  test('names a byte that was changed', async () => {
    const tampered = await createDataFixture([
      {
        subject: 'ann',
        records: [
          [{ kind: 'channel', channel: 1, request: 'shell', env: {} }],
          [{ kind: 'output', channel: 1, stream: 1, offset: 0, length: 5, spans: [] }, 'honest'],
        ],
      },
    ])
    try {
      await sluice(['trust', 'export', '-o', 'tampered.json', '--data', tampered.data])
      // Through another journal than the gateway's: the checksums of frames hide nothing.
      const { Journal } = await import('../../storage/journal/journal.ts')
      const { readJournal } = await import('../../storage/journal/read.ts')
      const entries = Array.from(readJournal(join(tampered.data, 'journal'), 0), ({ entry }) => ({
        ...entry,
        bytes: entry.bytes.slice(),
      }))
      rmSync(join(tampered.data, 'journal'), { recursive: true })
      const journal = Journal.open({
        dir: join(tampered.data, 'journal'),
        segment_bytes: 1024 * 1024,
        spare_segments: 1,
        backlog_segments_max: 4,
        next_lsn: 1,
      })
      for (const entry of entries) {
        const at = Buffer.from(entry.bytes).indexOf('honest')
        if (entry.kind === 'record' && at >= 0) entry.bytes.set(Buffer.from('hidden'), at)
        journal.append(entry)
      }
      journal.commit()
      journal.close()
      const { code, out } = await sluice(['verify', tampered.data, '--trust', 'tampered.json'])
      expect(code).toBe(1)
      expect(out).toContain('record_edited')
      // Once: the line that names it is one that a person reads.
      expect(out.split(tampered.ids[0] ?? '')).toHaveLength(2)
      expect(out).toContain('FAILED')
    } finally {
      tampered.remove()
    }
  })
  test('of a wrong trust file is one line', async () => {
    writeFileSync(join(folder, 'wrong.json'), '{}')
    const { code, err } = await sluice(['verify', fixture.data, '--trust', 'wrong.json'])
    expect(code).toBe(1)
    expect(err).toBe('sluice verify: wrong.json: magic: must be "sluice/trust v1"\n')
  })
})
