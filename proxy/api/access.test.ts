/** Who is let in to the API, and what is recorded before an answer leaves. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { createDataFixture } from '../cli/fixture.ts'
import type { ApprovalRequest } from '../core/approval.ts'
import { createTokenVerifier, mintToken } from '../identity/token.ts'
import { createApi } from './app.ts'
import { auditor, createApiFixture, user } from './fixture.ts'

const channel = { kind: 'channel', channel: 1, request: 'exec', env: {} } as const
const fixture = await createDataFixture([
  { subject: 'ann', records: [[channel]] },
  { subject: 'bob', records: [[channel]] },
])
const served = createApiFixture(fixture.data)
const { call, ports, readings } = served
beforeEach(served.forget)
afterAll(() => {
  served.close()
  fixture.remove()
})
const [ann = '', bob = ''] = fixture.ids

interface Page {
  readonly sessions: readonly { readonly id: string }[]
}
/** The tests below say what it must be. */
const read = async <T>(response: Response | Promise<Response>): Promise<T> =>
  (await (await response).json()) as T
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
      '/api/certificates',
      '/api/device_authorization',
      '/api/grants',
      '/api/grants/{id}/review',
      '/api/grants/{id}/revoke',
      '/api/holds',
      '/api/holds/{id}/lift',
      '/api/log/checkpoint',
      '/api/log/tile/{tile}',
      '/api/logs',
      '/api/logs/{log}/checkpoint',
      '/api/logs/{log}/tile/{tile}',
      '/api/passkeys',
      '/api/passkeys/options',
      '/api/passkeys/{id}',
      '/api/reload',
      '/api/requests',
      '/api/requests/link',
      '/api/requests/{id}/approve',
      '/api/requests/{id}/cancel',
      '/api/requests/{id}/deny',
      '/api/retention',
      '/api/retention/apply',
      '/api/retention/shred',
      '/api/revocations',
      '/api/revocations/{id}/lift',
      '/api/sessions',
      '/api/sessions/{id}',
      '/api/sessions/{id}/cast',
      '/api/sessions/{id}/lines',
      '/api/sessions/{id}/records',
      '/api/token',
      '/healthz',
      '/metrics',
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

  test('every route in it but health and the giving of tokens answers 401 without a bearer, and says how', async () => {
    const { paths } = await openApi()
    let asked = 0
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { security }] of Object.entries(operations)) {
        if (security?.length === 0) {
          expect(['/healthz', '/api/token', '/api/device_authorization']).toContain(path)
          continue
        }
        const real = path
          .replace('{id}', ann)
          .replace('{tile}', '0/000.p/1')
          .replace('{log}', '0123456789abcdef')
        for (const jwt of ['', 'x', `${user}x!`, 'ann']) {
          const response = await call(real, jwt, { method: method.toUpperCase() })
          expect(response.status, `${path} ${jwt.slice(0, 5)}`).toBe(401)
          expect(response.headers.get('www-authenticate')).toStartWith('Bearer realm="sluice"')
          expect(JSON.stringify(await problem(response))).not.toContain(user)
          asked++
        }
      }
    }
    expect(asked).toBe(140)
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
    const jwt = 'ann.'
    for (const path of [
      '/api/sessions',
      `/api/sessions/${ann}`,
      '/api/log/checkpoint',
      '/api/log/tile/0/000.p/1',
      '/api/logs',
      '/api/logs/0123456789abcdef/checkpoint',
      '/api/logs/0123456789abcdef/tile/0/000.p/1',
    ]) {
      const response = await call(path, jwt)
      expect(response.status).toBe(403)
      await problem(response)
    }
  })
})

describe('a command that waits', () => {
  const waiting: ApprovalRequest = {
    ...{ id: 'q1', digest: '0'.repeat(64), session: ann, channel: 1, groups: [], labels: {} },
    ...{ subject: 'ann', issuer: 'https://idp', account: 'deploy', target: 'web-1' },
    ...{ source: '192.0.2.1:1', is_terminal: false, rule: 'r', risk: 'high', findings: [] },
    ...{ says: '', reason: '', approvals: [], passkey: false, requested_us: 0, expires_us: 1 },
    command: { text: 'cat /etc/shadow', rules: [], spans: [], environment: {} },
  }
  test('is seen by who made it, and not by somebody of that name at another provider', async () => {
    const seen = async (issuer: string | undefined): Promise<readonly unknown[]> => {
      const caller = { subject: 'ann', roles: ['user' as const] }
      const api = createApi({
        ...ports,
        requests: async () => [waiting],
        authenticate: async () => ({
          ok: true,
          caller: issuer === undefined ? caller : { ...caller, issuer },
        }),
      })
      const asked = new Request('http://localhost/api/requests', {
        headers: { authorization: 'Bearer ann' },
      })
      const { requests } = await read<{ requests: readonly { readonly own: boolean }[] }>(
        api.fetch(asked),
      )
      return requests.map(({ own }) => own)
    }
    expect(await seen('https://idp')).toEqual([true])
    // A token of the gateway's own is for whoever has that name.
    expect(await seen(undefined)).toEqual([true])
    expect(await seen('https://partner')).toEqual([])
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
    served.reading = () => new Promise((resolve) => (durable = resolve))
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
    served.reading = () => Promise.reject(new Error('disk full'))
    for (const path of ['', `/${ann}`, `/${ann}/records`, `/${ann}/lines`, `/${ann}/cast`]) {
      const response = await call(`/api/sessions${path}`)
      expect(response.status).toBe(503)
      expect(JSON.stringify(await problem(response))).not.toContain('disk full')
    }
  })
})

test("a person of a provider is not another provider's person of the same name", async () => {
  const asked = async (issuer: string): Promise<readonly (number | readonly string[])[]> => {
    const caller = { issuer, subject: 'ann', roles: ['user'] } as const
    const real = createApi({ ...ports, authenticate: async () => ({ ok: true, caller }) })
    const get = async (path: string): Promise<Response> =>
      real.fetch(new Request(`http://localhost${path}`, { headers: { authorization: 'Bearer x' } }))
    const { sessions } = await read<Page>(get('/api/sessions?subject=ann'))
    return [sessions.map(({ id }) => id), (await get(`/api/sessions/${ann}`)).status]
  }
  expect(await asked('keys')).toEqual([[ann], 200])
  expect(await asked('https://idp.example.com')).toEqual([[], 404])
})

test('a token of this gateway opens it, and one of another does not', async () => {
  const now_us = (): number => 1_800_000_000_000_000
  const key = generateKeyPairSync('ed25519').privateKey
  const real = createApi({ ...ports, authenticate: createTokenVerifier(key, now_us) })
  const asked = async (signed_by: typeof key): Promise<number> => {
    const request = { subject: 'eve', roles: ['auditor'], lifetime_s: 60 } as const
    const { jwt } = await mintToken(signed_by, request, now_us())
    const headers = { authorization: `Bearer ${jwt}` }
    return (await real.fetch(new Request('http://localhost/api/sessions', { headers }))).status
  }
  expect(await asked(key)).toBe(200)
  expect(await asked(generateKeyPairSync('ed25519').privateKey)).toBe(401)
})
