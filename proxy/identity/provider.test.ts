/** What a provider answers, and what becomes of it when that is late, large, wrong or nothing. */
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { isTrusted } from './bounded-fetch.ts'
import { device_reply, fixture_keys_cooldown_ms, startFakeIssuer } from './fixture.ts'
import { poll_failures_max } from './limits.ts'

const issuer = await startFakeIssuer()
const metadata = '/.well-known/openid-configuration'
beforeEach(() => issuer.answers.clear())
afterAll(() => issuer.stop())

const limits = { bytes_max: 20_000, ms: 1_000 }
const reasonOf = (asked: { ok: boolean; reason?: string }): string | undefined => asked.reason
const silent = { ok: false, code: 'unavailable' }
const huge = (): Response => {
  const chunk = new Uint8Array(10_000).fill(32)
  let sent = 0
  return new Response(
    new ReadableStream({
      pull(controller) {
        sent += 1
        if (sent > 1_000) controller.close()
        else controller.enqueue(chunk)
      },
    }),
    { headers: { 'content-type': 'application/json' } },
  )
}
/** Begins an answer, and never goes on. */
const slow = (): Response =>
  new Response(new ReadableStream({ start: (it) => it.enqueue(new Uint8Array([32])) }), {
    headers: { 'content-type': 'application/json' },
  })

describe('the keys of a provider', () => {
  test('are asked for once, and again when a token names a new one', async () => {
    const provider = issuer.provider()
    const before = issuer.asked('/keys')
    const old = await issuer.token()
    for (let i = 0; i < 3; i++) expect(await provider.verify(old)).toMatchObject({ ok: true })
    expect(issuer.asked('/keys')).toBe(before + 1)
    await Bun.sleep(fixture_keys_cooldown_ms + 20)
    await issuer.rotate('two')
    const verified = await provider.verify(await issuer.token())
    expect(verified).toMatchObject({ ok: true, key: { kid: 'two', alg: 'ES256' } })
    expect(issuer.asked('/keys')).toBe(before + 2)
    // The old one is not published any more.
    expect(await provider.verify(old)).toMatchObject({ ok: false, code: 'invalid' })
  })

  test('are not asked for each time somebody invents a name', async () => {
    const provider = issuer.provider()
    await provider.verify(await issuer.token())
    const before = issuer.asked('/keys')
    const began_ms = performance.now()
    const [, payload, signature] = (await issuer.token()).split('.')
    for (let i = 0; i < 20; i++) {
      const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: `x${i}` }))
      const jwt = `${header.toString('base64url')}.${payload}.${signature}`
      expect(await provider.verify(jwt)).toMatchObject({ ok: false, code: 'invalid' })
    }
    const periods = Math.ceil((performance.now() - began_ms) / fixture_keys_cooldown_ms)
    expect(issuer.asked('/keys') - before).toBeLessThanOrEqual(periods)
  })

  const broken: readonly (readonly [string, () => Response | Promise<Response>])[] = [
    ['down', () => new Response('', { status: 503 })],
    ['not JSON', () => new Response('<html>')],
    ['no keys', () => Response.json({})],
    ['a list of something else', () => Response.json({ keys: [7] })],
    ['elsewhere', () => Response.redirect('https://idp.example.com/keys')],
    ['endless', huge],
    ['late', slow],
  ]
  for (const [name, answer] of broken)
    test(`that are ${name} verify nothing`, async () => {
      issuer.answers.set('/keys', answer)
      const provider = issuer.provider({}, limits)
      expect(await provider.verify(await issuer.token())).toMatchObject({ ok: false })
      // Nothing of it stays.
      issuer.answers.clear()
      expect(await provider.verify(await issuer.token())).toMatchObject({ ok: true })
    })
})

describe('a code', () => {
  test('is what the provider gives, with an address that has it where there is one', async () => {
    expect(await issuer.provider().authorize('n')).toMatchObject({
      ok: true,
      value: { user_code: 'BCDF-GHJK', url: device_reply.verification_uri },
    })
    const complete = 'https://idp.example.com/device?code=BCDF-GHJK'
    issuer.answers.set('/device', () =>
      Response.json({ ...device_reply, verification_uri_complete: complete }),
    )
    expect(await issuer.provider().authorize('n')).toMatchObject({ value: { url: complete } })
  })

  const unusable: readonly (readonly [string, object])[] = [
    ['a code that moves the cursor', { user_code: 'A\u001b[2J' }],
    ['a code of two lines', { user_code: 'A\nB' }],
    ['a code without an end', { user_code: 'A'.repeat(33) }],
    ['an address that is a script', { verification_uri: 'javascript:alert(1)' }],
    ['an address in the clear', { verification_uri: 'http://idp.example.com/device' }],
    ['an address that is none', { verification_uri: 'device' }],
    ['a long address', { verification_uri: `https://idp.example.com/${'a'.repeat(1024)}` }],
  ]
  for (const [name, changed] of unusable)
    test(`with ${name} is shown to nobody`, async () => {
      issuer.answers.set('/device', () => Response.json({ ...device_reply, ...changed }))
      expect(await issuer.provider().authorize('n')).toMatchObject({ ok: false, code: 'unusable' })
    })

  const broken: readonly (readonly [string, () => Response | Promise<Response>])[] = [
    ['down', () => new Response('', { status: 500 })],
    ['not JSON', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['JSON of another form', () => Response.json([1])],
    ['elsewhere', () => Response.redirect('https://idp.example.com/')],
    ['endless', huge],
    ['late', slow],
    ['later', () => Bun.sleep(5_000).then(() => Response.json(device_reply))],
  ]
  for (const path of [metadata, '/device'])
    for (const [name, answer] of broken)
      test(`of a provider that is ${name} at ${path} is a line within the time`, async () => {
        issuer.answers.set(path, answer)
        const began_ms = performance.now()
        const provider = issuer.provider({}, limits)
        expect(await provider.authorize('n')).toMatchObject(silent)
        expect(performance.now() - began_ms).toBeLessThan(4_000)
        // A failure is not remembered.
        issuer.answers.clear()
        expect(await provider.authorize('n')).toMatchObject({ ok: true })
      })

  test('of a provider that says it is another one is refused', async () => {
    const provider = issuer.provider({ issuer: issuer.url.replace('127.0.0.1', 'localhost') })
    expect(await provider.authorize('n')).toMatchObject(silent)
  })

  test('is refused with what the provider says of it, but only as a word', async () => {
    const refuse = (error: string): void => {
      issuer.answers.set('/device', () => Response.json({ error }, { status: 400 }))
    }
    refuse('unauthorized_client')
    expect(reasonOf(await issuer.provider().authorize('n'))).toBe(
      "corp does not sign in this gateway's users (unauthorized_client)",
    )
    refuse('secret \u001b[2J')
    expect(reasonOf(await issuer.provider().authorize('n'))).toBe(
      "corp does not sign in this gateway's users (an error)",
    )
  })
})

describe('the token for a code', () => {
  const code = async () => {
    issuer.answers.set('/device', () => Response.json({ ...device_reply, interval: 0.01 }))
    const provider = issuer.provider({}, limits)
    const authorized = await provider.authorize('n')
    if (!authorized.ok) throw new Error(authorized.reason)
    // A provider does not make us ask a hundred times a second.
    expect(authorized.value.polled.interval).toBe(1)
    return { provider, value: { ...authorized.value, polled: { ...device_reply, interval: 0.01 } } }
  }
  const tokenOf = async (answer: () => Response | Promise<Response>) => {
    const { provider, value } = await code()
    issuer.answers.set('/token', answer)
    return provider.token(value, AbortSignal.timeout(5_000))
  }
  const failing = (error: string) => () => Response.json({ error }, { status: 400 })

  test('is waited for', async () => {
    const { provider, value } = await code()
    let polls = 0
    const now_s = Math.floor(Date.now() / 1000)
    const id_token = await issuer.token({ iat: now_s, exp: now_s + 60 })
    issuer.answers.set('/token', () => {
      polls += 1
      if (polls < 4) return failing('authorization_pending')()
      return Response.json({ access_token: 'x', token_type: 'bearer', id_token })
    })
    expect(await provider.token(value, AbortSignal.timeout(5_000))).toEqual({
      ok: true,
      value: { id_token, access_token: 'x' },
    })
    expect(polls).toBe(4)
  })

  test('is waited for while the provider is out of reach for a moment, each time longer', async () => {
    const { provider, value } = await code()
    const now_s = Math.floor(Date.now() / 1000)
    const id_token = await issuer.token({ iat: now_s, exp: now_s + 60 })
    const asked: number[] = []
    const broken = [
      () => new Response('down', { status: 502 }),
      () => new Response('<html>'),
      slow,
      failing('authorization_pending'),
    ]
    issuer.answers.set('/token', () => {
      asked.push(performance.now())
      const answer = broken[asked.length - 1]
      if (answer !== undefined) return answer()
      return Response.json({ access_token: 'x', token_type: 'bearer', id_token })
    })
    expect(await provider.token(value, AbortSignal.timeout(5_000))).toEqual({
      ok: true,
      value: { id_token, access_token: 'x' },
    })
    expect(asked).toHaveLength(5)
    const pauses = asked.slice(1).map((at, index) => at - (asked[index] ?? 0))
    // After the second failure it waits twice as long as after the first.
    expect(pauses[1] ?? 0).toBeGreaterThanOrEqual(19)
  })

  test('is given up when the provider stays out of reach', async () => {
    let polls = 0
    const answer = (): Response => {
      polls += 1
      return new Response('down', { status: 502 })
    }
    expect(await tokenOf(answer)).toMatchObject({ code: 'unavailable' })
    expect(polls).toBe(poll_failures_max)
  })

  test('is waited for no longer than somebody wants it', async () => {
    const { provider, value } = await code()
    expect(await provider.token(value, AbortSignal.timeout(100))).toMatchObject({ ok: false })
  })

  test('is missing when it is', async () => {
    const refused = await tokenOf(failing('access_denied'))
    expect(reasonOf(refused)).toBe('the sign-in was refused at corp')
    expect(await tokenOf(failing('expired_token'))).toMatchObject({ code: 'expired' })
    const without = () => Response.json({ access_token: 'x', token_type: 'bearer' })
    expect(await tokenOf(without)).toMatchObject({ code: 'unusable' })
    expect(await tokenOf(() => new Response('<html>'))).toMatchObject({ code: 'unavailable' })
    expect(await tokenOf(huge)).toMatchObject({ code: 'unavailable' })
    expect(await tokenOf(slow)).toMatchObject({ code: 'unavailable' })
  })
})

test('a secret is sent the way that the provider takes it, and none where there is none', async () => {
  let seen = ''
  issuer.answers.set('/device', async (request) => {
    const basic = request.headers.get('authorization')?.replace('Basic ', '') ?? ''
    const { client_id, client_secret } = Object.fromEntries(
      new URLSearchParams(await request.text()),
    )
    seen = [atob(basic), client_id, client_secret].join('|')
    return Response.json(device_reply)
  })
  const ask = async (methods: readonly string[] | undefined, secret?: string): Promise<string> => {
    issuer.answers.set(metadata, () =>
      Response.json({
        issuer: issuer.url,
        jwks_uri: `${issuer.url}/keys`,
        device_authorization_endpoint: `${issuer.url}/device`,
        ...(methods === undefined ? {} : { token_endpoint_auth_methods_supported: methods }),
      }),
    )
    const revealed = secret === undefined ? {} : { client_secret: { reveal: () => secret } }
    await issuer.provider(revealed).authorize('n')
    return seen
  }
  expect(await ask(undefined, 'sesame')).toBe('sluice:sesame|sluice|')
  expect(await ask(['client_secret_post', 'client_secret_basic'], 'sesame')).toBe(
    'sluice:sesame|sluice|',
  )
  expect(await ask(['client_secret_post'], 'sesame')).toBe('|sluice|sesame')
  expect(await ask(undefined)).toBe('|sluice|')
})

test('what is said in the clear stays on the machine', () => {
  const urls = ['https://a.example', 'http://127.0.0.1:1', 'http://localhost', 'http://[::1]:1']
  for (const url of urls) expect(isTrusted(new URL(url))).toBe(true)
  for (const url of ['http://a.example', 'http://127.0.0.1.a.example', 'ftp://127.0.0.1'])
    expect(isTrusted(new URL(url))).toBe(false)
})
