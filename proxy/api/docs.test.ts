/** The page of the API: what it is made of is here, and nothing besides it is open. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createDataFixture } from '../cli/fixture.ts'
import { auditor, createApiFixture } from './fixture.ts'

const fixture = await createDataFixture([])
const served = createApiFixture(fixture.data)
const { call } = served
afterAll(() => {
  served.close()
  fixture.remove()
})

const page = await (await call('/api/docs', '')).text()
const parts = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)

describe('the page of the API', () => {
  test('is there without a token, and allows nothing from elsewhere', async () => {
    const { status, headers } = await call('/api/docs', '')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toStartWith('text/html')
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toStartWith("default-src 'none'; ")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("form-action 'none'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  })

  test('is made of files of this gateway, each of its type and without a token', async () => {
    const own = parts.filter((url) => !url.startsWith('data:'))
    expect(own).toHaveLength(4)
    for (const url of own) {
      expect(url).toStartWith('/api/docs/')
      const response = await call(url, '')
      expect([url, response.status]).toEqual([url, 200])
      const type = url.endsWith('.css') ? 'text/css' : 'text/javascript'
      expect(response.headers.get('content-type')).toStartWith(type)
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect((await response.text()).length).toBeGreaterThan(100)
    }
  })

  test('has nothing inline, and says nothing of this gateway', () => {
    expect(page).not.toMatch(/<style|<script(?![^>]* src=)|\son[a-z]+=|style=/)
    expect(page).not.toContain('/api/sessions')
  })

  test('opens no other path', async () => {
    for (const path of [
      '/api/openapi.json',
      '/api/docs/',
      '/api/docs/LICENSE',
      '/api/docs/../sessions',
      '/api/docs/..%2f..%2fpackage.json',
    ])
      expect([path, (await call(path, '')).status]).toEqual([path, 401])
    for (const url of ['/api/docs', '/api/docs/page.js']) {
      expect((await call(url, '', { headers: { host: 'evil.example.com' } })).status).toBe(421)
      expect((await call(url, auditor, { method: 'POST' })).status).toBe(405)
    }
  })
})
