/** What the API answers: facts, records, lines, casts, the log. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { parseCheckpoint } from '../../storage/evidence/checkpoint.ts'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import { leafHash, MerkleTree } from '../../storage/evidence/merkle.ts'
import { decodeRecord, encodeRecord, type RecordFacts } from '../../storage/evidence/record.ts'
import { decodeEntryBundle } from '../../storage/evidence/tile.ts'
import { openReader } from '../../storage/store/reader.ts'
import { createDataFixture } from '../cli/fixture.ts'
import { createApi } from './app.ts'
import { auditor, createApiFixture } from './fixture.ts'

const output = (text: string, offset: number): readonly [RecordFacts, string] => [
  { kind: 'output', channel: 1, stream: 1, offset, length: text.length, spans: [] },
  text,
]
const shell = {
  kind: 'channel',
  channel: 1,
  request: 'shell',
  pty: { term: 'xterm', columns: 80, rows: 24 },
  env: {},
} as const
const fixture = await createDataFixture([
  {
    subject: 'ann',
    records: [[shell], output('hello\r\nwor', 0), output('ld\r\n\u001b]0;x\u0007', 10)],
  },
  { subject: 'bob', records: [[shell], output('x', 0)] },
])
const served = createApiFixture(fixture.data)
const { call, ports } = served
const { reader } = ports
const documents = openReader(fixture.data)
beforeEach(served.forget)
afterAll(() => {
  documents.close()
  served.close()
  fixture.remove()
})
const [ann = '', bob = ''] = fixture.ids

/** The tests below say what it must be. */
const read = async <T>(response: Response | Promise<Response>): Promise<T> =>
  (await (await response).json()) as T
const bytesOf = async (path: string): Promise<Uint8Array> =>
  new Uint8Array(await (await call(path)).arrayBuffer())
interface Page {
  readonly sessions: readonly { readonly id: string }[]
  readonly cursor?: string
}
interface RecordsPage {
  readonly records: readonly {
    readonly header: { readonly seq: number }
    readonly stored: string
  }[]
  readonly next?: number
}
describe('what is answered', () => {
  test('the facts of a session', async () => {
    expect(await (await call(`/api/sessions/${ann}`)).json()).toMatchObject({
      id: ann,
      subject: 'ann',
      account: 'deploy',
      target: 'web-1',
      started: '2027-01-15T08:00:00.000000Z',
      end_reason: 'client',
      records: 5,
      labels: { env: 'prod' },
    })
  })
  test('pages of sessions', async () => {
    const first = await read<Page>(call('/api/sessions?limit=1'))
    expect(first.sessions).toHaveLength(1)
    const second = await read<Page>(
      call(`/api/sessions?limit=1&cursor=${encodeURIComponent(first.cursor ?? '')}`),
    )
    expect([...first.sessions, ...second.sessions].map(({ id }) => id)).toEqual([bob, ann])
    expect(second.cursor).toBeUndefined()
  })
  test('records as they were hashed', async () => {
    const { records, next } = await read<RecordsPage>(call(`/api/sessions/${ann}/records`))
    expect(next).toBeUndefined()
    const tree = new MerkleTree()
    for (const { header, stored } of records) {
      const bytes = Buffer.from(stored, 'base64')
      const decoded = decodeRecord(bytes)
      expect(decoded.ok && decoded.header).toEqual(header as never)
      tree.append(leafHash(bytes))
    }
    const { manifest_digest } = await read<{ manifest_digest: string }>(
      call(`/api/sessions/${ann}`),
    )
    const document = await documents.document(manifest_digest)
    const text = new TextDecoder().decode(document?.bytes.subarray(32))
    expect(JSON.parse(text).root).toBe(Buffer.from(tree.root()).toString('hex'))
    const one = await read<RecordsPage>(call(`/api/sessions/${ann}/records?from=1&limit_bytes=1`))
    expect(one.records.map(({ header }) => header.seq)).toEqual([1])
    expect(one.next).toBe(2)
  })
  test('lines with who and when, and where to go on', async () => {
    const response = await call(`/api/sessions/${ann}/lines`)
    expect(response.headers.get('content-type')).toBe('application/jsonl')
    const parse = (text: string): unknown[] =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    const line = (second: number, seq: number, text: string): object => ({
      time: `2027-01-15T08:00:0${second}.000000Z`,
      subject: 'ann',
      seq,
      channel: 1,
      stream: 1,
      text,
    })
    expect(parse(await response.text())).toEqual([line(2, 2, 'hello'), line(2, 2, 'world')])
    const cut = await call(`/api/sessions/${ann}/lines?limit=1`)
    expect(parse(await cut.text())).toEqual([line(2, 2, 'hello'), { next: 2 }])
  })
  test('a cast without what acts on its viewer', async () => {
    const response = await call(`/api/sessions/${ann}/cast`)
    expect(response.headers.get('content-type')).toBe('application/x-asciicast')
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((each) => JSON.parse(each))
    expect(lines[0]).toMatchObject({ version: 3, title: 'ann as deploy@web-1' })
    expect(lines.slice(1)).toEqual([
      [1, 'o', 'hello\r\nwor'],
      [1, 'o', 'ld\r\n'],
    ])
    expect((await call(`/api/sessions/${ann}/cast?channel=9`)).status).toBe(404)
  })
  test('the log: its checkpoint, its entries and their hashes agree', async () => {
    const note = await call('/api/log/checkpoint')
    expect(note.headers.get('content-type')).toStartWith('text/plain')
    const text = await note.text()
    const checkpoint = parseCheckpoint(text.slice(0, text.indexOf('\n\n') + 1))
    expect(checkpoint?.size).toBe(4)
    const entries = decodeEntryBundle(await bytesOf('/api/log/tile/entries/000.p/4')) ?? []
    expect(entries.map((entry) => decodeLogEntry(entry)?.type)).toEqual([
      'session.started',
      'session.ended',
      'session.started',
      'session.ended',
    ])
    const hashes = await bytesOf('/api/log/tile/0/000.p/4')
    const tree = new MerkleTree()
    for (const [at, entry] of entries.entries()) {
      expect(hashes.slice(at * 32, at * 32 + 32)).toEqual(Uint8Array.from(leafHash(entry)))
      tree.append(leafHash(entry))
    }
    expect(Uint8Array.from(tree.root())).toEqual(Uint8Array.from(checkpoint?.root ?? []))
    for (const tile of [
      '0/000',
      '0/000.p/5',
      '1/000.p/1',
      '0/0',
      '0/000.p/0',
      'entries/001',
      '9/..%2f',
      '64/000',
    ]) {
      expect((await call(`/api/log/tile/${tile}`)).status).toBe(404)
    }
  })
})

test('only so many recordings are read at once, and one that is left makes room', async () => {
  let pages = 0
  const endless = createApi({
    ...ports,
    reader: {
      ...reader,
      async records(id, from = 0) {
        pages++
        const [facts, text] = output('x'.repeat(50_000), 0)
        const place = { v: 1, session: id, seq: from, t_us: 0 } as const
        return {
          records: [encodeRecord({ ...place, ...facts }, Buffer.from(text))],
          next: from + 1,
        }
      },
    },
  })
  const request = new Request(`http://localhost/api/sessions/${ann}/lines?limit=1000000`, {
    headers: { authorization: `Bearer ${auditor}` },
  })
  const open: Response[] = []
  for (let count = 0; count < 8; count++) open.push(await endless.fetch(request))
  await Bun.sleep(20)
  // Nobody reads: nothing is prepared but the first piece of each.
  expect(pages).toBeLessThan(100)
  const full = await endless.fetch(request)
  expect([full.status, full.headers.get('retry-after')]).toEqual([503, '1'])
  await open[0]?.body?.cancel()
  const next = await endless.fetch(request)
  expect(next.status).toBe(200)
  expect((await endless.fetch(request)).status).toBe(503)
  for (const response of [...open.slice(1), next]) await response.body?.cancel()
})
