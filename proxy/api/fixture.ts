/**
 * For tests: the API over a data directory, with callers who are what their token says, and a list of the
 * readings that were recorded.
 *
 * @module
 */
import { openReader } from '../../storage/store/reader.ts'
import { type Api, type ApiPorts, createApi } from './app.ts'

export interface ApiFixture {
  readonly api: Api
  readonly ports: ApiPorts
  /** What was recorded as read, `SUBJECT: WHAT`, since the last {@link ApiFixture.forget}. */
  readonly readings: string[]
  /** Waited for before a reading counts as recorded. */
  reading: () => Promise<void>
  /** `jwt` is empty for none; without one it is the auditor's. */
  readonly call: (path: string, jwt?: string, init?: RequestInit) => Promise<Response>
  readonly forget: () => void
  readonly close: () => void
}

/** The token of a caller: `eve.auditor`, `ann.user+admin`, `ann.` for one without roles. */
export const auditor = 'eve.auditor'
export const user = 'ann.user'

const roles = ['user', 'approver', 'auditor', 'admin'] as const

export function createApiFixture(data: string): ApiFixture {
  const reader = openReader(data)
  const readings: string[] = []
  const ports: ApiPorts = {
    reader,
    logs: [{ origin: 'edge-1/0123456789abcdef', reader }],
    authenticate: async (bearer) => {
      const [, subject, given] = /^([a-z]+)\.([a-z+]*)$/.exec(bearer) ?? []
      if (subject === undefined || given === undefined)
        return { ok: false, reason: 'no such token' }
      const named = given.split('+')
      return { ok: true, caller: { subject, roles: roles.filter((role) => named.includes(role)) } }
    },
    evidenceRead: async ({ subject }, what) => {
      await fixture.reading()
      readings.push(`${subject}: ${what}`)
    },
    health: () => ({ status: 'ok', reasons: [] }),
    metrics: async () => ({ text: 'sluice_sessions 1\n', content_type: 'text/plain' }),
    hosts: ['edge.example.com'],
    mayRead: () => true,
    mayConfigure: () => true,
  }
  const api = createApi(ports)
  const fixture: ApiFixture = {
    api,
    ports,
    readings,
    reading: async () => {},
    call: async (path, jwt = auditor, init = {}) => {
      const request = new Request(`http://localhost${path}`, init)
      if (jwt !== '') request.headers.set('authorization', `Bearer ${jwt}`)
      return api.fetch(request)
    },
    forget: () => {
      readings.length = 0
      fixture.reading = async () => {}
    },
    close: () => reader.close(),
  }
  return fixture
}
