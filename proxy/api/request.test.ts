/** Requests that are not as they should be, and failures behind the API. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { StoreError } from '../../storage/store/errors.ts'
import { createDataFixture } from '../cli/fixture.ts'
import { createApi } from './app.ts'
import { auditor, createApiFixture } from './fixture.ts'

const channel = { kind: 'channel', channel: 1, request: 'exec', env: {} } as const
const fixture = await createDataFixture([
  { subject: 'ann', records: [[channel]] },
  { subject: 'bob', records: [[channel]] },
])
const served = createApiFixture(fixture.data)
const { api, call, ports } = served
const { reader, logs } = ports
beforeEach(served.forget)
afterAll(() => {
  served.close()
  fixture.remove()
})
const [ann = ''] = fixture.ids

const problem = async (response: Response): Promise<unknown> => {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const body: unknown = await response.json()
  expect(body).toMatchObject({ status: response.status, title: expect.any(String) })
  return body
}

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
      reader: { ...reader, sessions: fail, session: fail },
      logs: logs.map((log) => ({ ...log, reader: { ...log.reader, log: fail } })),
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
    expect((await cast.text()).split('\n')).toHaveLength(2)
    expect((await fetch(`${url}/healthz`, { headers: { host: 'evil.example.com' } })).status).toBe(
      421,
    )
  } finally {
    await server.stop(true)
  }
})
