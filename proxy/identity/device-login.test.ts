/** People who sign in for a connection that waits: once, in time, and not too many of them. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import type { Proven, SignInRequest, SigningIn } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import { createDeviceLogins, type DeviceLogins } from './device-login.ts'
import { startFakeIssuer } from './fixture.ts'
import { waiting_logins_max, waiting_logins_per_source_max } from './limits.ts'
import type { Asked, DeviceCode, Provider } from './provider.ts'
import type { ProviderTokens } from './recheck.ts'

const issuer = await startFakeIssuer()
afterAll(() => issuer.stop())

const asked: SignInRequest = { source: '192.0.2.7:4711', account: 'deploy', target: 'web-1' }
let events: string[] = []
let token = Promise.withResolvers<Asked<ProviderTokens>>()
let authorized: Asked<DeviceCode>
beforeEach(() => {
  events = []
  token = Promise.withResolvers()
  authorized = {
    ok: true,
    value: {
      user_code: 'BCDF-GHJK',
      url: 'https://idp.example.com/device',
      polled: { device_code: 'd', user_code: '', verification_uri: '', expires_in: 600 },
    },
  }
})

/** The issuer's keys and verification are real; when the person signs in is said here. */
const provider: Provider = {
  ...issuer.provider({ roles: { user: ['staff'] } }),
  authorize: async () => authorized,
  token: (_code, signal) => {
    signal.addEventListener('abort', () =>
      token.resolve({ ok: false, code: 'unavailable', reason: 'stopped' }),
    )
    return token.promise
  },
}
const create = (
  ms: { device_login_ms?: number; waiting_login_ms_min?: number } = {},
): DeviceLogins =>
  createDeviceLogins([provider], {
    page: (id) => `https://gateway.example.com/${id}`,
    own_page: (id) => `https://gateway.example.com/own/${id}`,
    browser_only: () => ['partners'],
    log: (event, { provider: name, code }) => events.push(`${event} ${name} ${code}`),
    limits: { waiting_login_ms_min: 0, ...ms },
  })
const never = new AbortController().signal
const begin = async (logins: DeviceLogins, signal = never): Promise<SigningIn> => {
  const begun = await logins.begin('corp', asked, signal)
  if ('allowed' in begun) throw new Error(begun.message)
  return begun
}
const idOf = ({ url }: SigningIn): string => url.slice(url.lastIndexOf('/') + 1)
const denialOf = (result: object): Denial => {
  if ('allowed' in result) return result as Denial
  throw new Error('allowed')
}

describe('a login', () => {
  test('waits under a name that nobody guesses, and proves who signed in', async () => {
    const logins = create()
    const begun = await begin(logins)
    expect(begun.code).toBe('BCDF-GHJK')
    expect(Buffer.from(idOf(begun), 'base64url')).toHaveLength(16)
    expect(logins.waiting(idOf(begun))).toEqual({
      ...asked,
      provider: 'corp',
      user_code: 'BCDF-GHJK',
      url: 'https://idp.example.com/device',
    })
    expect(logins.waiting('BCDF-GHJK')).toBeUndefined()
    const jwt = await issuer.token({ groups: ['staff'] })
    token.resolve({ ok: true, value: { id_token: jwt } })
    const ended = await begun.ended
    if ('allowed' in ended) throw new Error(ended.message)
    expect(ended.identity).toMatchObject({ issuer: issuer.url, subject: 'ann', method: 'token' })
    const { kind, fields } = ended.proof
    expect(kind).toBe('token')
    expect(new TextDecoder().decode(fields['jwt'])).toBe(jwt)
    const jwk = JSON.parse(new TextDecoder().decode(fields['issuer_jwk'])) as object
    expect(jwk).toMatchObject({ kty: 'EC', kid: 'one', alg: 'ES256' })
    expect(jwk).not.toHaveProperty('d')
    // Once.
    expect(logins.waiting(idOf(begun))).toBeUndefined()
    expect(events).toEqual([])
  })

  test('without a page is at the provider', async () => {
    const logins = createDeviceLogins([provider], {
      page: () => undefined,
      own_page: () => undefined,
      browser_only: () => ['partners'],
      log: () => {},
    })
    expect((await begin(logins)).url).toBe('https://idp.example.com/device')
  })

  const denied: readonly (readonly [string, () => Promise<Asked<ProviderTokens>>, string])[] = [
    [
      'a token of another audience',
      async () => ({
        ok: true,
        value: { id_token: await issuer.token({ aud: 'other', groups: ['staff'] }) },
      }),
      'audience',
    ],
    [
      'a token for another request',
      async () => ({
        ok: true,
        value: { id_token: await issuer.token({ nonce: 'other', groups: ['staff'] }) },
      }),
      'request',
    ],
    [
      'groups without a role',
      async () => ({ ok: true, value: { id_token: await issuer.token({ groups: ['visitors'] }) } }),
      'role',
    ],
    [
      'a refusal',
      async () => ({ ok: false, code: 'refused', reason: 'the sign-in was refused at corp' }),
      'refused',
    ],
  ]
  for (const [name, answer, code] of denied)
    test(`that ends with ${name} is denied, and the operator hears of it`, async () => {
      const begun = await begin(create())
      token.resolve(await answer())
      expect(denialOf(await begun.ended).rule).toBe(`identity.oidc.${code}`)
      expect(events).toEqual([`sign_in_failed corp ${code}`])
    })

  test('of a provider that gives no code is denied', async () => {
    authorized = { ok: false, code: 'unavailable', reason: 'corp cannot be reached' }
    const denial = denialOf(await create().begin('corp', asked, never))
    expect(denial.message).toBe('corp cannot be reached')
    expect(denialOf(await create().begin('other', asked, never)).allowed).toBe(false)
  })

  test('ends when its time is up', async () => {
    const logins = create({ device_login_ms: 30 })
    const begun = await begin(logins)
    expect(denialOf(await begun.ended).message).toContain('in time')
    expect(logins.waiting(idOf(begun))).toBeUndefined()
  })

  test('ends when its client leaves, also before there is a code', async () => {
    const gone = new AbortController()
    const begun = await begin(create(), gone.signal)
    gone.abort()
    expect(denialOf(await begun.ended).rule).toBe('identity.oidc.gone')
    expect(denialOf(await create().begin('corp', asked, gone.signal)).rule).toBe(
      'identity.oidc.gone',
    )
  })
})

describe('logins that wait', () => {
  const fill = async (logins: DeviceLogins, host: number, count: number): Promise<number> => {
    const about = { ...asked, source: `192.0.2.${host}:22` }
    const begun = await Promise.all(
      Array.from({ length: count }, () => logins.begin('corp', about, never)),
    )
    return begun.filter((each) => !('allowed' in each)).length
  }

  test('are so many from one address, and so many in all', async () => {
    const logins = create()
    expect(await fill(logins, 1, waiting_logins_per_source_max + 5)).toBe(
      waiting_logins_per_source_max,
    )
    let total = waiting_logins_per_source_max
    for (let host = 2; host < 20; host++)
      total += await fill(logins, host, waiting_logins_per_source_max)
    expect(total).toBe(waiting_logins_max)
    // And who has left makes room.
    token.resolve({ ok: false, code: 'refused', reason: 'no' })
    await Bun.sleep(20)
    expect(await fill(logins, 1, 1)).toBe(1)
  })

  test('keep their place for a while, so that the provider is not asked without an end', async () => {
    const logins = create({ waiting_login_ms_min: 2_000 })
    authorized = { ok: false, code: 'unavailable', reason: 'down' }
    for (let i = 0; i < waiting_logins_per_source_max; i++) await logins.begin('corp', asked, never)
    expect(denialOf(await logins.begin('corp', asked, never)).rule).toBe('identity.oidc.busy')
    await Bun.sleep(2_100)
    expect(denialOf(await logins.begin('corp', asked, never)).rule).toBe(
      'identity.oidc.unavailable',
    )
  })
})

describe('a login on a page of the gateway', () => {
  const proven: Proven = {
    identity: {
      issuer: 'https://idp.example.com',
      subject: 'ann',
      groups: ['staff'],
      method: 'saml',
      credential: '_1',
    },
    proof: { kind: 'saml_response', fields: {} },
  }
  const beginThere = async (logins: DeviceLogins, name = 'partners', signal = never) => {
    const begun = await logins.begin(name, asked, signal)
    if ('allowed' in begun) throw new Error(begun.message)
    return begun
  }

  test('has a code of its own, and is whoever the page says', async () => {
    const logins = create()
    const begun = await beginThere(logins)
    const id = idOf(begun)
    expect(begun.url).toBe(`https://gateway.example.com/own/${id}`)
    expect(begun.code).toMatch(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/)
    expect(logins.waiting(id)).toMatchObject({
      ...asked,
      user_code: begun.code,
      url: `/login?provider=partners&terminal=${id}`,
    })
    expect(logins.settle(id, proven)).toBe(true)
    expect(await begun.ended).toEqual(proven)
    expect(logins.waiting(id)).toBeUndefined()
    expect(logins.settle(id, proven)).toBe(false)
    const other = await beginThere(logins)
    expect(other.code).not.toBe(begun.code)
  })

  test('is for providers whose device flow there is none of', async () => {
    authorized = { ok: false, code: 'deviceless', reason: 'no codes' }
    const logins = create()
    const begun = await beginThere(logins, 'corp')
    expect(logins.waiting(idOf(begun))?.url).toStartWith('/login?provider=corp&terminal=')
    expect(logins.settle(idOf(begun), proven)).toBe(true)
    expect(await begun.ended).toEqual(proven)
  })

  test('ends with its time, with its client, and with a refusal', async () => {
    const logins = create({ device_login_ms: 30 })
    expect(denialOf(await (await beginThere(logins)).ended).message).toContain('in time')
    const gone = new AbortController()
    const left = await beginThere(create(), 'partners', gone.signal)
    gone.abort()
    expect(denialOf(await left.ended).rule).toBe('identity.oidc.gone')
    const patient = create()
    const begun = await beginThere(patient)
    const refused = { allowed: false, rule: 'identity.oidc.refused', message: 'no' } as const
    expect(patient.settle(idOf(begun), refused)).toBe(true)
    expect(await begun.ended).toEqual(refused)
    expect(events.at(-1)).toBe('sign_in_failed partners refused')
  })

  test('cannot be settled where the provider has given the code', async () => {
    const logins = create()
    const begun = await begin(logins)
    expect(logins.settle(idOf(begun), proven)).toBe(false)
    expect(logins.waiting(idOf(begun))).toBeDefined()
  })

  test('is for a connection, which has its proof with it', async () => {
    const login = { ...asked, purpose: 'login' } as const
    expect(denialOf(await create().begin('partners', login, never)).message).toContain(
      'needs an OpenID provider',
    )
  })

  test('needs pages', async () => {
    const ports = { page: () => undefined, own_page: () => undefined, log: () => {} }
    const logins = createDeviceLogins([], { ...ports, browser_only: () => ['partners'] })
    expect(denialOf(await logins.begin('partners', asked, never)).message).toContain('listen.api')
    expect(logins.providers).toEqual(['partners'])
  })
})
