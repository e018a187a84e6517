/**
 * The pages in a real browser: a person signs in at the trial's provider, asks the API as themselves, and signs out.
 * Pages of other origins try to do something in their name meanwhile.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { openBrowser } from '../fixture/chromium.ts'
import { type Gateway, startGateway } from '../fixture/gateway.ts'
import { chromium, testSlow, testWith } from '../fixture/require.ts'

const needs = [chromium]
/** A browser starts slowly beside everything else. */
const hang_ms = 90_000

describe('the pages of the trial', () => {
  let data = ''
  let gateway: Gateway
  const passwords = new Map<string, string>()
  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'sluice-console-'))
    gateway = await startGateway({ data })
    while (!gateway.stdout().includes('Ctrl-C')) await Bun.sleep(10)
    const people = /with a browser: (.*)$/m.exec(gateway.stdout())?.[1] ?? ''
    for (const [, name = '', password = ''] of people.matchAll(/(\w+) ([\w-]+)(?:,| \()/g))
      passwords.set(name, password)
  }, 60_000)
  afterAll(async () => {
    await gateway.stop()
    rmSync(data, { recursive: true, force: true })
  }, 30_000)

  /** As a person at the trial's provider, whatever page led there. */
  const fill = async (page: Page, name: string): Promise<void> => {
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(passwords.get(name) ?? '')
    await page.getByRole('button', { name: 'Sign in' }).click()
  }
  const sessionCookies = async (context: BrowserContext) =>
    (await context.cookies(gateway.api)).filter(({ name }) => name.startsWith('sluice-'))
  /** As a script of a page would ask: in one that may, which those without a script may not. */
  const ask = (page: Page, path: string, init = '{}'): Promise<{ status: number; text: string }> =>
    page.evaluate(
      `fetch('${path}', ${init}).then(async (it) => ({ status: it.status, text: await it.text() }))`,
    )

  testWith(
    needs,
    'sign a person in, with their own roles, and out again',
    async () => {
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.location().url.startsWith(gateway.api)) complaints.push(message.text())
      })
      await page.goto(`${gateway.api}/console?from=chat`)
      await fill(page, 'auditor')
      await page.waitForURL(`${gateway.api}/console?from=chat`)
      expect(await page.locator('dd').allTextContents()).toEqual([
        'auditor',
        expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        'audit',
        'auditor',
        expect.stringMatching(/^\d{4}-/),
      ])
      // Its style is let through, and nothing was refused.
      expect(await page.evaluate('getComputedStyle(document.querySelector("dd")).fontWeight')).toBe(
        '700',
      )
      expect(complaints).toEqual([])
      const [cookie, ...others] = await sessionCookies(browser.context)
      expect(others).toEqual([])
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/', expires: -1 })
      expect(await page.evaluate('document.cookie')).toBe('')

      await page.goto(`${gateway.api}/api/docs`)
      expect((await ask(page, '/api/sessions')).status).toBe(200)
      expect((await ask(page, '/api/nothing')).status).toBe(404)

      await page.goto(`${gateway.api}/console`)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByText('You are signed out').waitFor()
      expect(await sessionCookies(browser.context)).toEqual([])
      await page.goto(`${gateway.api}/api/docs`)
      expect((await ask(page, '/api/sessions')).status).toBe(401)
      // Not only the browser has forgotten it.
      const { name = '', value = '' } = cookie ?? {}
      const again = await fetch(`${gateway.api}/api/sessions`, {
        headers: { cookie: `${name}=${value}` },
      })
      expect(again.status).toBe(401)
    },
    hang_ms,
  )

  testSlow(
    needs,
    'let nothing change that their own page did not ask for',
    async () => {
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      await page.goto(`${gateway.api}/login?to=/console`)
      await fill(page, 'approver')
      await page.waitForURL(`${gateway.api}/console`)
      const meta = page.locator('meta[name=csrf-token]')
      const token = (await meta.getAttribute('content')) ?? ''
      await page.goto(`${gateway.api}/api/docs`)
      const approve = '/api/requests/0a/approve'
      const post = (headers: string): string =>
        `{ method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ${headers} } }`
      // Its request is not there; that this was looked up means that it was let through.
      const own = await ask(page, approve, post(`'x-csrf-token': '${token}'`))
      expect(own).toMatchObject({ status: 404, text: expect.stringContaining('"detail"') })
      for (const headers of ['', "'x-csrf-token': ''", "'x-csrf-token': 'x'"]) {
        const refused = await ask(page, approve, post(headers))
        expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('load it') })
      }

      // Another port of this machine is the same site to a browser: its pages come with the cookie.
      const cookies: string[] = []
      using neighbour = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch(request) {
          cookies.push(request.headers.get('cookie') ?? '')
          return new Response(
            `<form method=post action="${gateway.api}/logout"><button>Win</button></form>
<a href="${gateway.api}/api/sessions">Look</a>`,
            { headers: { 'content-type': 'text/html' } },
          )
        },
      })
      await page.goto(`http://127.0.0.1:${neighbour.port}/`)
      expect(cookies[0]).toContain('sluice-session-')
      await page.getByText('Look').click()
      // A reading leaves a trace in the log, in the name of who was signed in.
      await page.getByText('a page of another site has asked for this').waitFor()
      await page.goBack()
      await page.getByRole('button', { name: 'Win' }).click()
      await page.getByText('a page of another site has asked for this').waitFor()
      await page.goto(`${gateway.api}/console`)
      expect(await page.locator('dd').first().textContent()).toBe('approver')
    },
    hang_ms,
  )

  testSlow(
    needs,
    'say what went wrong, and what to do',
    async () => {
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      // By another name of the same machine: the cookie would not come back.
      await page.goto(`${gateway.api.replace('127.0.0.1', 'localhost')}/login`)
      await page.getByRole('button', { name: 'Refuse' }).click()
      await page.getByText('the sign-in was refused at trial').waitFor()
      expect(new URL(page.url()).origin).toBe(gateway.api)
      await page.getByRole('link', { name: 'Sign in' }).click()
      await page.getByLabel('Password').waitFor()
      // The answer of a sign-in that another browser has begun.
      for (const path of ['/login/callback', '/login/callback?code=x&state=y']) {
        const answer = await page.goto(`${gateway.api}${path}`)
        expect(answer?.status()).toBe(403)
        expect(await sessionCookies(browser.context)).toEqual([])
      }
      await page.goto(`${gateway.api}/login?provider=other`)
      await page.getByText('there is no such provider').waitFor()
      // A link that would lead away.
      await page.goto(`${gateway.api}/login?to=${encodeURIComponent('//evil.example/')}`)
      await fill(page, 'engineer')
      await page.waitForURL(`${gateway.api}/console`)
    },
    hang_ms,
  )
})
