/** The API as a client meets it: who is let in, what is answered, and what was recorded before. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseCheckpoint } from '../../storage/evidence/checkpoint.ts'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import { leafHash, MerkleTree } from '../../storage/evidence/merkle.ts'
import { decodeRecord, encodeRecord, type RecordFacts } from '../../storage/evidence/record.ts'
import { decodeEntryBundle } from '../../storage/evidence/tile.ts'
import { StoreError } from '../../storage/store/errors.ts'
import { openReader } from '../../storage/store/reader.ts'
import { createDataFixture } from '../cli/fixture.ts'
import { createTokenVerifier, mintToken, parseTokenKey, type Role } from '../identity/token.ts'
import { type ApiPorts, createApi } from './app.ts'

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
const reader = openReader(fixture.data)
afterAll(() => {
  reader.close()
  fixture.remove()
})
const [ann = '', bob = ''] = fixture.ids

const key = parseTokenKey(readFileSync(join(fixture.data, 'keys', 'api.pem'), 'utf8'))
if (key === undefined) throw new Error('no key')
const now_us = (): number => Date.now() * 1000
const bearer = async (subject: string, ...roles: readonly Role[]): Promise<string> =>
  (await mintToken(key, { subject, roles, lifetime_s: 60 }, now_us())).jwt

let readings: string[] = []
let reading: () => Promise<void> = async () => {}
beforeEach(() => {
  readings = []
  reading = async () => {}
})
const ports: ApiPorts = {
  reader,
  authenticate: createTokenVerifier(key, now_us),
  evidenceRead: async (subject, what) => {
    await reading()
    readings.push(`${subject}: ${what}`)
  },
  health: () => ({ status: 'ok', reasons: [] }),
  hosts: ['edge.example.com'],
}
const api = createApi(ports)
const auditor = await bearer('eve', 'auditor')
const user = await bearer('ann', 'user')

const call = async (
  path: string,
  jwt: string | undefined = auditor,
  init: RequestInit = {},
): Promise<Response> =>
  api.fetch(
    new Request(`http://localhost${path}`, {
      ...init,
      headers: { ...(jwt === '' ? {} : { authorization: `Bearer ${jwt}` }), ...init.headers },
    }),
  )
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
const problem = async (response: Response): Promise<unknown> => {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const body: unknown = await response.json()
  expect(body).toMatchObject({ status: response.status, title: expect.any(String) })
  return body
}

interface Operation {
  readonly parameters?: readonly {
    readonly in: string
    readonly name: string
    readonly schema?: unknown
  }[]
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, unknown>> }
    >
  >
  readonly security?: readonly unknown[]
}
interface OpenApi {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly security: readonly unknown[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>
    readonly securitySchemes: Readonly<Record<string, unknown>>
  }
}
const openApi = async (): Promise<OpenApi> => read(call('/api/openapi.json'))

describe('the OpenAPI document', () => {
  test('describes what there is, and every reference in it leads somewhere', async () => {
    const document = await openApi()
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths).toSorted()).toEqual([
      '/api/log/checkpoint',
      '/api/log/tile/{tile}',
      '/api/sessions',
      '/api/sessions/{id}',
      '/api/sessions/{id}/cast',
      '/api/sessions/{id}/lines',
      '/api/sessions/{id}/records',
      '/healthz',
    ])
    const text = JSON.stringify(document)
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
    expect(references.length).toBeGreaterThan(5)
    for (const [, name = ''] of references) expect(document.components.schemas[name]).toBeDefined()
    expect(document.components.securitySchemes['bearer']).toBeDefined()
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { parameters = [], responses } of Object.values(operations)) {
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
        expect(parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual(
          named as string[],
        )
        for (const parameter of parameters) expect(parameter.schema).toBeDefined()
        expect(Object.keys(responses)).toContain('200')
        for (const { description, content = {} } of Object.values(responses)) {
          expect(description).not.toBe('')
          expect(Object.keys(content).length).toBe(1)
        }
      }
    }
  })

  test('every route in it but health answers 401 without a bearer, and says how', async () => {
    const { paths } = await openApi()
    let asked = 0
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { security }] of Object.entries(operations)) {
        if (security?.length === 0) {
          expect(path).toBe('/healthz')
          continue
        }
        const real = path.replace('{id}', ann).replace('{tile}', '0/000.p/1')
        for (const jwt of ['', 'x', `${user}x`, user.replace(/\.[^.]*$/, '.')]) {
          const response = await call(real, jwt, { method: method.toUpperCase() })
          expect(response.status, `${path} ${jwt.slice(0, 5)}`).toBe(401)
          expect(response.headers.get('www-authenticate')).toStartWith('Bearer realm="sluice"')
          expect(JSON.stringify(await problem(response))).not.toContain(user.slice(0, 20))
          asked++
        }
      }
    }
    expect(asked).toBe(28)
    expect(readings).toEqual([])
    expect((await call('/api/openapi.json', '')).status).toBe(401)
    expect((await call('/api/nothing', '')).status).toBe(401)
    expect((await call(`/api/sessions?access_token=${auditor}`, '')).status).toBe(401)
  })
})

describe('who may read', () => {
  test('an auditor everything', async () => {
    const { sessions } = await read<Page>(call('/api/sessions'))
    expect(sessions.map(({ id }) => id)).toEqual([bob, ann])
    expect((await call(`/api/sessions/${bob}`)).status).toBe(200)
  })
  test('a user their own, and no difference between others and nothing', async () => {
    const { sessions } = await read<Page>(call('/api/sessions', user))
    expect(sessions.map(({ id }) => id)).toEqual([ann])
    const others = await (await call('/api/sessions?subject=bob', user)).json()
    expect(others).toEqual({ sessions: [] })
    const nobody = '00000000-0000-7000-8000-000000000000'
    for (const part of ['', '/records', '/lines', '/cast']) {
      expect((await call(`/api/sessions/${ann}${part}`, user)).status).toBe(200)
      const there = await call(`/api/sessions/${bob}${part}`, user)
      const absent = await call(`/api/sessions/${nobody}${part}`, user)
      expect([there.status, absent.status]).toEqual([404, 404])
      expect(await there.text()).toBe(await absent.text())
    }
    expect(readings.some((what) => what.includes(bob))).toBe(false)
  })
  test('nobody without a role', async () => {
    const jwt = await bearer('ann')
    for (const path of [
      '/api/sessions',
      `/api/sessions/${ann}`,
      '/api/log/checkpoint',
      '/api/log/tile/0/000.p/1',
    ]) {
      const response = await call(path, jwt)
      expect(response.status).toBe(403)
      await problem(response)
    }
  })
})

describe('reading evidence', () => {
  test('is recorded, with who and what', async () => {
    for (const path of ['', `/${ann}`, `/${ann}/records?from=2`, `/${ann}/lines`, `/${ann}/cast`])
      await (await call(`/api/sessions${path}`)).text()
    expect(readings).toEqual([
      'eve: sessions',
      `eve: session ${ann} facts`,
      `eve: session ${ann} records from 2`,
      `eve: session ${ann} lines from 0`,
      `eve: session ${ann} cast`,
    ])
  })
  test('is answered only after it was recorded', async () => {
    let durable = (): void => {}
    reading = () => new Promise((resolve) => (durable = resolve))
    let answered = false
    const response = call(`/api/sessions/${ann}`).then((each) => {
      answered = true
      return each
    })
    await Bun.sleep(20)
    expect(answered).toBe(false)
    durable()
    expect((await response).status).toBe(200)
  })
  test('that cannot be recorded is not answered', async () => {
    reading = () => Promise.reject(new Error('disk full'))
    for (const path of ['', `/${ann}`, `/${ann}/records`, `/${ann}/lines`, `/${ann}/cast`]) {
      const response = await call(`/api/sessions${path}`)
      expect(response.status).toBe(503)
      expect(JSON.stringify(await problem(response))).not.toContain('disk full')
    }
  })
})

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
    const document = await reader.document(manifest_digest)
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

describe('a request', () => {
  test('of a wrong form names its parameters and repeats nothing', async () => {
    for (const [path, name] of [
      ['/api/sessions?limit=0', 'limit'],
      ['/api/sessions?limit=1e9', 'limit'],
      ['/api/sessions?since=hunter2', 'since'],
      ['/api/sessions/hunter2', 'id'],
      [`/api/sessions/${ann}/records?limit_bytes=99999999`, 'limit_bytes'],
      [`/api/sessions/${ann}/records?from=-1`, 'from'],
      [`/api/sessions/${ann}/lines?limit=x`, 'limit'],
      [`/api/sessions?text=${'x'.repeat(300)}`, 'text'],
    ] as const) {
      const response = await call(path)
      expect(response.status, path).toBe(400)
      const body = JSON.stringify(await problem(response))
      expect(body).toContain(name)
      expect(body).not.toContain('hunter2')
    }
    const cursor = await call('/api/sessions?cursor=nonsense')
    expect(cursor.status).toBe(400)
    expect((await call(`/api/sessions?text=${'x'.repeat(5000)}`)).status).toBe(414)
  })
  test('of another method says which there are', async () => {
    for (const path of [
      '/api/sessions',
      `/api/sessions/${ann}/cast`,
      '/api/log/tile/0/000',
      '/healthz',
      '/api/openapi.json',
    ]) {
      for (const method of ['POST', 'DELETE', 'PUT', 'OPTIONS']) {
        const response = await call(path, auditor, { method })
        expect([path, method, response.status]).toEqual([path, method, 405])
        expect(response.headers.get('allow')).toBe('GET, HEAD')
        await problem(response)
      }
    }
  })
  test('HEAD has the headers and no body', async () => {
    for (const path of ['/api/sessions', `/api/sessions/${ann}/cast`, '/healthz']) {
      const response = await call(path, auditor, { method: 'HEAD' })
      expect([response.status, await response.text()]).toEqual([200, ''])
    }
  })
  test('for something that is not there is a problem', async () => {
    for (const path of ['/api/nothing', '/', '/api/sessions/', '/api//sessions']) {
      const response = await call(path)
      expect(response.status).toBe(404)
      await problem(response)
    }
  })
  test('for another host is misdirected', async () => {
    const to = async (host: string): Promise<number> =>
      (await call('/healthz', '', { headers: { host } })).status
    for (const host of [
      'localhost',
      'localhost:7070',
      '127.0.0.1:7070',
      '[::1]:7070',
      'EDGE.example.com',
    ])
      expect([host, await to(host)]).toEqual([host, 200])
    for (const host of [
      'evil.example.com',
      'localhost.evil.com',
      '127.0.0.1.nip.io:7070',
      'localhost:x',
      '[::1',
      'a@localhost',
    ])
      expect([host, await to(host)]).toEqual([host, 421])
  })
  test('is answered with headers that keep it from browsers', async () => {
    for (const [path, jwt] of [
      ['/healthz', ''],
      ['/api/sessions', auditor],
      ['/api/sessions', ''],
      ['/x', ''],
    ] as const) {
      const { headers } = await call(path, jwt, { headers: { origin: 'https://evil.example.com' } })
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('access-control-allow-origin')).toBeNull()
    }
  })
})

test('health is what the gateway says, for anyone', async () => {
  expect(await (await call('/healthz', '')).json()).toEqual({ status: 'ok', reasons: [] })
  const failing = createApi({
    ...ports,
    health: () => ({ status: 'failing', reasons: ['the journal is full'] }),
  })
  const response = await failing.fetch(new Request('http://localhost/healthz'))
  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({ status: 'failing', reasons: ['the journal is full'] })
})

test('a store that fails is a 503, anything else a 500, and neither says more', async () => {
  const failures: string[] = []
  for (const [error, status] of [
    [new StoreError('store_io', '/secret/path is broken'), 503],
    [new Error('/secret/path is broken'), 500],
  ] as const) {
    const fail = (): Promise<never> => Promise.reject(error)
    const broken = createApi({
      ...ports,
      reader: { ...reader, sessions: fail, session: fail, log: fail },
      failed: ({ message }) => failures.push(message),
    })
    for (const path of ['/api/sessions', `/api/sessions/${ann}`, '/api/log/checkpoint']) {
      const response = await broken.fetch(
        new Request(`http://localhost${path}`, { headers: { authorization: `Bearer ${auditor}` } }),
      )
      expect(response.status).toBe(status)
      expect(JSON.stringify(await problem(response))).not.toContain('secret')
    }
  }
  expect(failures).toHaveLength(6)
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

test('over a real socket', async () => {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => api.fetch(request),
  })
  try {
    const url = `http://127.0.0.1:${server.port}`
    const headers = { authorization: `Bearer ${auditor}` }
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const cast = await fetch(`${url}/api/sessions/${ann}/cast`, { headers })
    expect((await cast.text()).split('\n')).toHaveLength(4)
    expect((await fetch(`${url}/healthz`, { headers: { host: 'evil.example.com' } })).status).toBe(
      421,
    )
  } finally {
    await server.stop(true)
  }
})
