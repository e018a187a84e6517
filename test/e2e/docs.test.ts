/**
 * The page of the API in a real browser, as a reader meets it: a token, the operations, a call. Whatever the
 * page asks for outside the gateway, and whatever its own policy has to stop, is a failure.
 */

import { describe, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { type Gateway, sluice, startGateway } from '../fixture/gateway.ts'
import { chromium as chromium_file, testSlow, testWith } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const launch_arguments = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  // There is no network but the gateway: a page that needs another has to fail here.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

describe('the page of the API', () => {
  testSlow(
    [chromium_file],
    'lists every operation and calls them, with nothing from elsewhere',
    async () => {
      await withPage(async ({ page, gateway, token, outside, complaints }) => {
        const answer = await page.goto(`${gateway.api}/api/docs`)
        expect(answer?.status()).toBe(200)
        await enter(page, 'not-a-token')
        await page.locator('#problem:not(:empty)').waitFor()
        expect(await page.locator('.opblock').count()).toBe(0)

        await enter(page, token)
        await page.locator('.opblock').first().waitFor()
        const listed = await page
          .locator('.opblock')
          .evaluateAll((blocks) =>
            blocks.map(
              (block) =>
                `${block.querySelector('.opblock-summary-method')?.textContent} ` +
                `${block.querySelector('.opblock-summary-path')?.getAttribute('data-path')}`,
            ),
          )
        const described = await operations(gateway, token)
        expect(described.length).toBeGreaterThan(5)
        expect(listed.toSorted()).toEqual(described)

        const sessions = await execute(page, '/api/sessions')
        expect(sessions.status).toBe(200)
        expect(JSON.parse(sessions.body)).toEqual({ sessions: [] })

        // Its reading is in the log, so there is a tile. Its name has slashes.
        const size = await logSize(gateway, token)
        const tile = await execute(page, '/api/log/tile/{tile}', `0/000.p/${size}`)
        expect(tile.status).toBe(200)

        // It would have seen them: the one complaint is of the first token, and the page has asked.
        expect(complaints.filter((text) => !text.includes('401 (Unauthorized)'))).toEqual([])
        expect(complaints).toHaveLength(1)
        expect(outside.asked).toBeGreaterThan(5)
        expect(outside.urls).toEqual([])
      })
    },
    120_000,
  )

  testWith(
    [chromium_file],
    'canary: what its policy stops and what leaves the gateway is seen',
    async () => {
      await withPage(async ({ page, gateway, outside, complaints }) => {
        await page.goto(`${gateway.api}/api/docs`)
        await page.evaluate(
          `document.body.insertAdjacentHTML('beforeend', '<p style="color: red">x</p>')`,
        )
        await page.goto('http://elsewhere.example.com/').catch(() => {})
        expect(complaints.join()).toContain('Content Security Policy')
        expect(outside.urls).toEqual(['http://elsewhere.example.com/'])
      })
    },
    120_000,
  )
})

interface Visit {
  readonly page: Page
  readonly gateway: Gateway
  readonly token: string
  /** Requests, and those of them that were not for the gateway. */
  readonly outside: { asked: number; readonly urls: string[] }
  /** What the browser wrote to its console, violations of the page's policy among it, and exceptions. */
  readonly complaints: string[]
}

async function withPage(visit: (visit: Visit) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
  const data = join(folder, 'data')
  let browser: BrowserContext | undefined
  try {
    await using gateway = await startGateway({ data })
    const token = (await sluice(['token', '--role', 'auditor', '--data', data])).stdout.trim()
    browser = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: chromium_file,
      args: launch_arguments,
    })
    const page = await browser.newPage()
    const outside: Visit['outside'] = { asked: 0, urls: [] }
    const complaints: string[] = []
    browser.on('request', (request) => {
      const url = request.url()
      outside.asked++
      if (!url.startsWith(`${gateway.api}/`) && !url.startsWith('data:')) outside.urls.push(url)
    })
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await visit({ page, gateway, token, outside, complaints })
  } finally {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function enter(page: Page, token: string): Promise<void> {
  await page.locator('#token').fill(token)
  await page.locator('#ask button').click()
}

/** Opens an operation, runs it, and reads what the page shows of the answer. */
async function execute(
  page: Page,
  path: string,
  parameter?: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const block = page.locator('.opblock', { has: page.locator(`[data-path="${path}"]`) })
  await block.locator('.opblock-summary-control').click()
  if (parameter !== undefined) await block.locator('.parameters input').fill(parameter)
  await block.locator('button.execute').click()
  const answer = block.locator('.live-responses-table tr.response')
  const status = await answer.locator('.response-col_status').textContent()
  const body = answer.locator('.response-col_description pre').first()
  return {
    status: Number.parseInt(status ?? '', 10),
    body: (await body.count()) === 0 ? '' : ((await body.textContent()) ?? ''),
  }
}

async function ask(gateway: Gateway, token: string, path: string): Promise<Response> {
  return fetch(`${gateway.api}${path}`, { headers: { authorization: `Bearer ${token}` } })
}

async function operations(gateway: Gateway, token: string): Promise<string[]> {
  const { paths } = (await (await ask(gateway, token, '/api/openapi.json')).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  return Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    .toSorted()
}

/** The second line of a checkpoint (C2SP tlog-checkpoint), which is there within a second. */
function logSize(gateway: Gateway, token: string): Promise<number> {
  return until('a checkpoint', async () => {
    const response = await ask(gateway, token, '/api/log/checkpoint')
    const size = Number((await response.text()).split('\n')[1])
    return response.ok && size > 0 ? size : undefined
  })
}
