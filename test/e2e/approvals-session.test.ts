/**
 * The page for approvers as somebody meets it who signs in with a browser: the trial's approver decides about a command
 * of its engineer. Pages of other origins cannot.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import type { Page } from 'playwright-core'
import { openBrowser } from '../fixture/chromium.ts'
import { chromium, describeSlow, ssh, testSlow } from '../fixture/require.ts'
import { startTrialRun, type TrialRun } from '../fixture/trial.ts'
import { until } from '../fixture/until.ts'

describeSlow('the page of the trial, signed in', () => {
  let trial: TrialRun
  beforeAll(async () => {
    trial = await startTrialRun()
  }, 60_000)
  afterAll(() => trial[Symbol.asyncDispose](), 30_000)

  testSlow(
    [ssh, chromium],
    'decides, in both schemes of colour, and for no page of another origin',
    async () => {
      const { clone, gateway } = trial
      const printed = gateway.stdout()
      const password = /approver ([\w-]+)/.exec(printed)?.[1] ?? ''
      const login = /^ +(ssh .* -i .*) cat secrets\.env$/m.exec(printed)?.[1] ?? ''
      const child = Bun.spawn(['bash', '-c', `${login} cat /etc/shadow`], {
        cwd: clone,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const stderr = child.stderr.text()
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      const signIn = async (to: Page): Promise<void> => {
        await to.goto(`${gateway.api}/approvals`)
        await to.getByLabel('Name').fill('approver')
        await to.getByLabel('Password').fill(password)
        await to.getByRole('button', { name: 'Sign in' }).click()
      }
      await signIn(page)
      const shown = page.locator('.request')
      await shown.waitFor()
      const id = (await shown.getAttribute('id'))?.replace('request-', '') ?? ''
      expect(await shown.locator('.command').innerText()).toBe('cat /etc/shadow')

      const colours = async (scheme: 'light' | 'dark'): Promise<unknown> => {
        await page.emulateMedia({ colorScheme: scheme })
        return page.evaluate('getComputedStyle(document.querySelector(".command")).backgroundColor')
      }
      expect(await colours('dark')).not.toBe(await colours('light'))

      // A page on another port of loopback is of the same site, and its browser sends the cookie along.
      using other = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch: () => new Response('<p>hello</p>', { headers: { 'content-type': 'text/html' } }),
      })
      const foreign = await browser.context.newPage()
      await foreign.goto(`http://127.0.0.1:${other.port}/`)
      for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded'])
        await foreign.evaluate(
          `fetch('${gateway.api}/api/requests/${id}/approve', { method: 'POST', credentials: 'include', mode: '${type === 'application/json' ? 'cors' : 'no-cors'}', headers: { 'content-type': '${type}' }, body: '{}' }).catch(() => {})`,
        )
      await Bun.sleep(300)
      expect(child.exitCode).toBeNull()
      expect(await shown.getAttribute('data-state')).toBe('waiting')

      await shown.getByRole('button', { name: 'Approve' }).click()
      await shown.getByText('Approved by approver').waitFor()
      await until('ssh to end', async () => child.exitCode !== null || undefined)
      expect(await stderr).toContain(`request ${id} was approved by approver`)

      // Who is signed in needs no token for the page of the API, neither to read with it nor to change something.
      await page.goto(`${gateway.api}/api/docs`)
      await page.getByText('/api/requests/{id}/deny').waitFor()
      expect(await page.locator('#ask').isVisible()).toBe(false)
      await page.getByText('/api/requests/{id}/deny').click()
      const operation = page.locator('.opblock', { hasText: '/api/requests/{id}/deny' })
      await operation.getByPlaceholder('id').fill('nothing')
      await operation.getByRole('button', { name: 'Execute' }).click()
      // Of Swagger's example of a body: it came past the check for pages of others, which have no token.
      await operation.getByText('no passkey of yours has signed this request').waitFor()
      expect(await stderr).toContain(
        `they approve it at ${gateway.api}/approvals, or by: sluice approve`,
      )
    },
    120_000,
  )
})
