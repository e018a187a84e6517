/**
 * The trial as somebody meets it who copies no key: the line that it prints, a real browser on the address that ssh
 * shows, a name and a password of those that were printed.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBrowser } from '../fixture/chromium.ts'
import { type Gateway, startGateway } from '../fixture/gateway.ts'
import { chromium, ssh, testWith } from '../fixture/require.ts'
import { openTerminal, type Terminal } from './terminal.ts'

const needs = [ssh, chromium]
/** A browser starts slowly beside everything else. */
const hang_ms = 90_000

describe('the trial without a key', () => {
  let data = ''
  let gateway: Gateway
  let line = ''
  const passwords = new Map<string, string>()
  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'sluice-trial-'))
    gateway = await startGateway({ data })
    while (!gateway.stdout().includes('Ctrl-C')) await Bun.sleep(10)
    const printed = gateway.stdout()
    line = /^ +(ssh .*PubkeyAuthentication=no.*)$/m.exec(printed)?.[1] ?? ''
    const people = /with a browser: (.*)$/m.exec(printed)?.[1] ?? ''
    for (const [, name = '', password = ''] of people.matchAll(/(\w+) ([\w-]+)(?:,| \()/g))
      passwords.set(name, password)
  }, 60_000)
  afterAll(async () => {
    await gateway.stop()
    rmSync(data, { recursive: true, force: true })
  }, 30_000)

  const connect = async (): Promise<{ terminal: Terminal; url: string; code: string }> => {
    const terminal = openTerminal(['bash', '-c', `${line} cat secrets.env`], { columns: 200 })
    await terminal.until(/press Enter here: $/)
    const [, url = '', code = ''] = /(http:\S+)[^]* code (\S+)\./.exec(terminal.text()) ?? []
    return { terminal, url, code }
  }

  testWith(
    needs,
    'signs in with a browser, wrong password first',
    async () => {
      const { terminal, url, code } = await connect()
      await using _ = terminal
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => complaints.push(message.text()))
      await page.goto(url)
      expect(await page.locator('dd').allTextContents()).toEqual([
        expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        'trial',
        'demo',
        code,
      ])
      // The page's own style is what its policy lets through, and nothing else is refused.
      // As text: this program has no document.
      const weight = await page.evaluate(
        'getComputedStyle(document.querySelector("dd")).fontWeight',
      )
      expect(weight).toBe('700')
      expect(complaints).toEqual([])
      await page.getByRole('link').click()
      await page.getByText(code).waitFor()
      await page.getByRole('button', { name: 'Yes' }).click()
      for (const password of ['swordfish', passwords.get('engineer') ?? '']) {
        await page.getByLabel('Name').fill('engineer')
        await page.getByLabel('Password').fill(password)
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.getByText(/not right|You are signed in/).waitFor()
      }
      expect(await page.textContent('p')).toContain('You are signed in')
      terminal.type('\n')
      expect(await terminal.exited).toBe(0)
      expect(terminal.text()).toContain('GREETING=hello\r\n')
      expect(terminal.text()).toMatch(/GITHUB_TOKEN=\*+\r\n/)
    },
    hang_ms,
  )

  testWith(
    needs,
    'the auditor signs in, and may not connect',
    async () => {
      const { terminal, url } = await connect()
      await using _ = terminal
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      await page.goto(url)
      await page.getByRole('link').click()
      await page.getByRole('button', { name: 'Yes' }).click()
      await page.getByLabel('Name').fill('auditor')
      await page.getByLabel('Password').fill(passwords.get('auditor') ?? '')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByText('You are signed in').waitFor()
      terminal.type('\n')
      expect(await terminal.exited).toBe(255)
      expect(terminal.text()).toContain('none of your groups may connect here')
    },
    hang_ms,
  )

  testWith(needs, 'passwords are printed, and rest nowhere', async () => {
    expect([...passwords.keys()]).toEqual(['engineer', 'approver', 'auditor'])
    for (const password of passwords.values()) {
      expect(password.length).toBeGreaterThan(10)
      expect(await Bun.$`grep -rlaFe ${password} ${data}`.nothrow().text()).toBe('')
      expect(gateway.stderr()).not.toContain(password)
    }
    // Logs are JSON lines, whatever the trial's provider has to say.
    for (const text of gateway.stderr().trim().split('\n')) JSON.parse(text === '' ? '{}' : text)
  })
})
