/**
 * Two OpenID providers of one gateway, one of which means ill (RFC 9700, section 4.4): it sends a browser that came to it on to the
 * other, a real one, to be given the code that this one issues.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Issuer, startIssuer } from '../../proxy/trial/issuer.ts'
import { type Gateway, gatewayConfig, startGateway } from '../fixture/gateway.ts'
import { freePort } from '../fixture/net.ts'
import { createVisitor, type Page } from '../fixture/sign-in.ts'

const client_id = 'sluice'

describe('a provider that sends a browser on to another one', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-mix-up-'))
  let honest: Issuer
  let evil: Bun.Server<undefined>
  let gateway: Gateway
  let callback_of = 'honest'
  const given: string[] = []
  beforeAll(async () => {
    honest = await startIssuer({
      people: [{ name: 'eve', groups: ['staff'] }],
      ...{ client_id, callback: '/honest' },
    })
    evil = Bun.serve({
      ...{ hostname: '127.0.0.1', port: 0 },
      async fetch(request): Promise<Response> {
        const { origin, pathname, searchParams } = new URL(request.url)
        if (pathname === '/token') given.push(await request.text())
        if (pathname !== '/authorize')
          return Response.json({
            issuer: origin,
            authorization_endpoint: `${origin}/authorize`,
            token_endpoint: `${origin}/token`,
            jwks_uri: `${origin}/jwks`,
            keys: [],
          })
        const to = new URL(`${honest.url}/auth`)
        for (const [name, value] of searchParams) to.searchParams.set(name, value)
        to.searchParams.set('redirect_uri', `${gateway.api}/login/callback/${callback_of}`)
        return Response.redirect(to.href, 303)
      },
    })
    const api = `127.0.0.1:${await freePort()}`
    const config = gatewayConfig({
      ...{ dir, keys: [], targets: [] },
      sections: {
        listen: { ssh: '127.0.0.1:0', api },
        identity: {
          oidc: [
            { name: 'honest', issuer: honest.url, client_id, scopes: ['groups'] },
            { name: 'evil', issuer: `http://127.0.0.1:${evil.port}`, client_id },
          ],
        },
      },
    })
    gateway = await startGateway({ config, data: join(dir, 'data') })
  }, 60_000)
  afterAll(async () => {
    await gateway.stop()
    honest.stop()
    await evil.stop(true)
    rmSync(dir, { recursive: true })
  }, 30_000)
  const signInAt = async (provider: string): Promise<Page> => {
    const visitor = createVisitor()
    const page = await visitor.open(`${gateway.api}/login?provider=${provider}&to=/approvals`)
    return page.url.includes('/interaction/')
      ? visitor.send(page, { name: 'eve', password: honest.passwords.get('eve') ?? '' })
      : page
  }

  test('is given nothing of what that one issues', async () => {
    expect(await signInAt('honest')).toMatchObject({ status: 200, url: `${gateway.api}/approvals` })
    const refused = await signInAt('evil')
    expect(refused.url).toStartWith(`${gateway.api}/login/callback/honest?code=`)
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('this is the answer of another provider')
    // The one that it has itself is not registered there.
    callback_of = 'evil'
    const unregistered = await signInAt('evil')
    expect(unregistered.url).toStartWith(`${honest.url}/auth?`)
    expect(unregistered.text).toContain('This does not work')
    expect(given).toEqual([])
    expect(gateway.stderr()).toContain('"code":"state"')
  }, 60_000)
})
