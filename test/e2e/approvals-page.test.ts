/** The page for approvers in a real browser, deciding about commands that a real ssh waits for. */
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { approvalsOf } from '../fixture/approvals.ts'
import { type Browser, openBrowser } from '../fixture/chromium.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import {
  chromium,
  describeSlow,
  ssh,
  ssh_keygen,
  sshd,
  testSlow,
  worker_counts,
} from '../fixture/require.ts'

const needs = [ssh, sshd, ssh_keygen, chromium]
const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("hold") @approval @expires("10m") @reason("it leaves traces")
permit (principal, action == Action::"exec", resource) when { context.program == "touch" };
@id("two") @approval("dba") @quorum("2") @expires("10m")
permit (principal, action == Action::"exec", resource) when { context.program == "ln" };
`

for (const workers of worker_counts)
  describeSlow(`the page, with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    let browser: Browser
    const complaints: string[] = []
    const { facts, start, token } = approvalsOf(() => guarded)
    beforeAll(async () => {
      guarded = await openGuarded({
        sections: { policy: { files: ['./policy.cedar'] } },
        files: { 'policy.cedar': policy },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
      browser = await openBrowser()
    }, 90_000)
    afterAll(async () => {
      await browser[Symbol.asyncDispose]()
      await guarded[Symbol.asyncDispose]()
    }, 30_000)

    const at = (name: string): string => join(guarded.dir, name)
    const openPage = async (subject: string, role: string, ...more: string[]): Promise<Page> => {
      const page = await browser.context.newPage()
      page.on('console', (message) => complaints.push(message.text()))
      page.on('pageerror', (error) => complaints.push(error.message))
      await page.setViewportSize({ width: 360, height: 740 })
      await page.goto(`${guarded.gateway.api}/approvals`)
      await page.getByLabel('A bearer token').fill(await token(subject, role, ...more))
      await page.getByLabel('A bearer token').press('Enter')
      return page
    }
    /** The part of the page that is about one request. */
    const card = (page: Page, id: string): ReturnType<Page['locator']> =>
      page.locator(`#request-${id}`)

    testSlow(
      needs,
      'shows a request as it comes, fits a phone, and lets it run; by the keyboard alone',
      async () => {
        const page = await openPage('bob', 'approver')
        await page.getByText('Nothing waits').waitFor()
        const { request, ran } = await start(`touch ${at('a')} # ${secret} \u202e<b>bold</b>`)
        const shown = card(page, request.id)
        await shown.waitFor()
        const text = await shown.innerText()
        expect(text).toContain('ann on web-1')
        expect(text).toContain('hold: it leaves traces')
        expect(text).toContain('0 of 1 by any approver')
        expect(text).toMatch(/(9|10):\d\d left/)
        // Markup is text, and what turns text around is spelt out.
        expect(await shown.locator('.command').innerText()).toContain('\\u{202e}<b>bold</b>')
        expect(await shown.locator('.command b').count()).toBe(0)
        expect(await shown.locator('.command mark').innerText()).toMatch(/^\*+$/)
        expect(await shown.locator('.command .rule').innerText()).toContain(
          request.masked[0] ?? '-',
        )
        expect(await page.content()).not.toContain(secret)
        const overflow = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        )
        expect(overflow).toBe(0)
        await shown.getByLabel('Comment').focus()
        await page.keyboard.press('Tab')
        expect(await page.evaluate('document.activeElement.textContent')).toBe('Approve')
        await page.keyboard.press('Enter')
        expect((await ran).code).toBe(0)
        await shown.getByText('Approved by bob').waitFor()
        expect(existsSync(at('a'))).toBe(true)
        expect((await facts(request.session)).at(-2)).toMatchObject({
          outcome: 'approved',
          by: [{ subject: 'bob' }],
        })
        await page.close()
      },
      90_000,
    )

    testSlow(
      needs,
      'denies with a comment, which is masked for everybody',
      async () => {
        const page = await openPage('bob', 'approver')
        const { request, ran } = await start(`touch ${at('b')}`)
        const shown = card(page, request.id)
        await shown.getByLabel('Comment').fill(`not with ${secret}`)
        await shown.getByRole('button', { name: 'Deny' }).click()
        const { code, stderr } = await ran
        expect(code).toBe(126)
        expect(stderr).toContain('was denied by bob: not with ***')
        expect(stderr).not.toContain(secret)
        await shown.getByText('Denied by bob: not with ***').waitFor()
        expect(existsSync(at('b'))).toBe(false)
        await page.close()
      },
      90_000,
    )

    testSlow(
      needs,
      'counts towards a quorum, and shows it to all',
      async () => {
        const bob = await openPage('bob', 'approver', '--group', 'dba')
        const eve = await openPage('eve', 'approver', '--group', 'dba')
        const dan = await openPage('dan', 'approver')
        const { request, ran } = await start(`ln -s x ${at('c')}`)
        await card(dan, request.id).getByRole('button', { name: 'Approve' }).click()
        await card(dan, request.id).getByText('this is for members of dba').waitFor()
        await card(bob, request.id).getByRole('button', { name: 'Approve' }).click()
        await card(eve, request.id).getByText('1 of 2 by dba: bob').waitFor()
        await card(bob, request.id).getByText('More approvals are needed').waitFor()
        await card(eve, request.id).getByRole('button', { name: 'Approve' }).click()
        expect((await ran).code).toBe(0)
        for (const page of [bob, eve, dan]) {
          await card(page, request.id).getByText('Approved by bob, eve').waitFor()
          await page.close()
        }
      },
      90_000,
    )

    testSlow(
      needs,
      'is where who asked sees their own and gives it up, and cannot decide',
      async () => {
        const page = await openPage('ann', 'user')
        const other = await openPage('joe', 'user')
        const { request, ran } = await start(`touch ${at('d')}`)
        const shown = card(page, request.id)
        await shown.getByRole('button').first().waitFor()
        expect(await shown.getByRole('button').allTextContents()).toEqual(['Give up'])
        await shown.getByRole('button').click()
        expect((await ran).code).toBe(130)
        await shown.getByText('Given up by who asked').waitFor()
        expect(await card(other, request.id).count()).toBe(0)
        await page.close()
        await other.close()
      },
      90_000,
    )

    testSlow(needs, 'no browser complained of anything it was not let', async () => {
      // What the API refused is a complaint of the browser's own; its policy has refused nothing.
      expect(complaints.filter((text) => !text.includes('status of 403'))).toEqual([])
    })
  })
