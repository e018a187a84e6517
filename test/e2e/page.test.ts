/**
 * The page that verifies, in a real browser without a network: a real session's bundle is verified and played, a
 * changed one is named, and nothing in a hostile one does anything.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { bundleOf, repacked } from '../../storage/bundle/fixture.ts'
import { encodeTrust } from '../../storage/evidence/trust.ts'
import { buildPage } from '../../storage/page/build.ts'
import { auditedEvidence, secret } from '../../storage/verify/audited-fixture.ts'
import { EvidenceWriter } from '../../storage/verify/fixture.ts'
import { type Browser, openBrowser } from '../fixture/chromium.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { chromium, ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const needs = [chromium, ssh, sshd, ssh_keygen]
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('the page that verifies', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-page-'))
  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes)
    return join(folder, name)
  }
  let browser: Browser
  let page: Page
  let guarded: Guarded
  let bundle = ''
  let trust = ''
  let fixture_trust = ''
  /** Whatever the page asked for, said or threw. */
  const noise: string[] = []

  beforeAll(async () => {
    browser = await openBrowser()
    page = await browser.context.newPage()
    page.setDefaultTimeout(30_000)
    await browser.context.setOffline(true)
    page.on('console', (message) => noise.push(message.text()))
    page.on('pageerror', (error) => noise.push(String(error)))
    page.on('dialog', (dialog) => {
      noise.push(dialog.message())
      void dialog.dismiss()
    })
    page.on('request', (request) => {
      if (!request.url().startsWith('file:') && !request.url().startsWith('data:'))
        noise.push(request.url())
    })
    guarded = await openGuarded()
    await guarded.run('echo in the terminal; echo $((40 + 2))')
    // On a terminal, so that there is a picture.
    const typed = Bun.spawn([...guarded.ssh().toSpliced(-1, 0, '-tt')], {
      stdin: Buffer.from('printf "\\033[31mred\\033[0m and plain\\n"; exit\n'),
      stdout: 'ignore',
      stderr: 'ignore',
    })
    await typed.exited
    await until('the session ends', async () => (await guarded.look())[0]?.end_reason)
    await guarded.trust()
    trust = join(guarded.dir, 'trust.json')
    bundle = join(folder, 'real.zip')
    const made = await sluice(['bundle', 'last', '--data', guarded.data, '-o', bundle, '--json'])
    if (made.code !== 0) throw new Error(made.stderr)
    const html = file('verify.html', (await buildPage()).bytes)
    await page.goto(pathToFileURL(html).href)
  }, 120_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    await browser[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  }, 60_000)

  /** Chooses the files and waits for the answer. */
  async function look(evidence: string, by?: string): Promise<{ state: string; findings: string }> {
    await page.reload()
    await page.waitForSelector('#verdict[data-state="ready"]')
    if (by !== undefined) await page.setInputFiles('#trust', by)
    await page.setInputFiles('#evidence', evidence)
    const verdict = page.locator(
      '#verdict[data-state="verified"], #verdict[data-state="failed"], #verdict[data-state="consistent_unanchored"]',
    )
    await verdict.waitFor()
    return {
      state: (await verdict.getAttribute('data-state')) ?? '',
      findings: await page.locator('#findings').innerText(),
    }
  }

  testWith(
    needs,
    'verifies a real session and plays its terminal',
    async () => {
      expect(await look(bundle, trust)).toEqual({ state: 'verified', findings: '' })
      expect(await page.locator('#facts').innerText()).toContain(
        'ann (staff), by public_key of keys',
      )
      const screen = page.locator('#screen')
      await screen.getByText('red and plain').first().waitFor()
      const red = screen.locator('span', { hasText: /^red$/ })
      expect(await red.getAttribute('style')).toContain('rgb(255, 123, 114)')
      expect(await page.locator('#steps').innerText()).toContain('shell on a terminal')
      expect(await page.locator('#output').isVisible()).toBe(false)
      // From the beginning, and to the end again by itself.
      await page.locator('#seek').fill('0')
      expect((await screen.innerText()).trim()).toBe('')
      await page.locator('#speed').fill('100')
      await page.locator('#play').click()
      await screen.getByText('red and plain').first().waitFor()
    },
    60_000,
  )

  testWith(
    needs,
    'without a trust file says what is missing; with the file of another log, that it is another',
    async () => {
      expect((await look(bundle)).state).toBe('consistent_unanchored')
      const stranger = new EvidenceWriter({ seed: 'stranger' })
      const other = encodeTrust({
        logs: [stranger.signer.verifier_key],
        auditors: [],
        checkpoints: [],
      })
      const { state, findings } = await look(bundle, file('other.json', other))
      expect(state).toBe('failed')
      expect(findings).toContain('checkpoint_signature_wrong')
      expect((await look(bundle, file('none.json', utf8('{}')))).state).toBe('failed')
      expect(await page.locator('#verdict').innerText()).toContain('magic: must be')
    },
    60_000,
  )

  testWith(
    needs,
    'names the record that was changed, as the command line does',
    async () => {
      const changed = repacked(readFileSync(bundle), (files) => {
        const lines = new TextDecoder().decode(files.get('records.b64')).split('\n')
        const at = lines.findIndex((line) => Buffer.from(line, 'base64').includes('and plain'))
        const text = Buffer.from(lines[at] ?? '', 'base64').toString('latin1')
        lines[at] = Buffer.from(text.replace('and plain', 'and PLAIN'), 'latin1').toString('base64')
        files.set('records.b64', utf8(lines.join('\n')))
      })
      const name = file('changed.zip', changed)
      const { state, findings } = await look(name, trust)
      expect(state).toBe('failed')
      expect(findings).toMatch(/record_edited Record \d+ of session/)
      const said = await sluice(['verify', name, '--trust', trust])
      expect(said.code).toBe(1)
      expect(said.stdout).toContain(findings.trim().replace('record_edited ', 'record_edited: '))
      const cut = file('cut.zip', readFileSync(bundle).subarray(0, -10))
      expect((await look(cut, trust)).findings).toContain('bundle_malformed')
    },
    60_000,
  )

  testWith(
    needs,
    'nothing in a hostile bundle runs, loads or is read as markup',
    async () => {
      const evil =
        '<img src=x onerror=alert(1)><script>alert(2)</script><a href="http://127.0.0.1:9/">x</a>'
      const writer = new EvidenceWriter({ seed: 'evil' })
      await writer.knowAuditor()
      writer.begin()
      const session = await writer.session()
      const pty = { term: evil, columns: 80, rows: 24 }
      session.record({ kind: 'channel', channel: 1, request: 'shell', pty, env: { [evil]: evil } })
      session.record({ kind: 'verdict', channel: 1, allowed: true, rule: evil, asked: evil })
      const shown = utf8(
        `${evil}\u001b]8;;http://127.0.0.1:9/\u0007link\u001b]8;;\u0007\u001b]2;${evil}\u0007`,
      )
      const output = { kind: 'output', channel: 1, stream: 1, offset: 0, spans: [] } as const
      session.record({ ...output, length: shown.length }, shown)
      session.record({ kind: 'failed', channel: 1, code: evil, message: evil })
      session.record({ kind: 'channel', channel: 2, request: 'exec', env: {} })
      session.record({ kind: 'command', channel: 2, confidence: 'exact', spans: [] }, utf8(evil))
      const printed = utf8(`fine\n\u202e${evil}\u009b31m\u001b[2J\n`)
      session.record({ ...output, channel: 2, stream: 2, length: printed.length }, printed)
      session.end(evil)
      writer.sign()
      const source = {
        logs: [writer.signer.verifier_key],
        auditors: writer.trust().auditors,
        checkpoints: [],
      }
      const by = file('evil.json', encodeTrust(source))
      expect((await look(file('evil.zip', await bundleOf(writer, session)), by)).state).toBe(
        'verified',
      )
      expect(await page.locator('#steps').innerText()).toContain('onerror=alert(1)')
      await page.locator('#screen').getByText('onerror=alert(1)').first().waitFor()
      expect(
        await page.locator('img, a, #steps script, #screen script, #lines script').count(),
      ).toBe(0)
      // What a program printed without a terminal stands below, in lines.
      const lines = await page.locator('#lines li').allInnerTexts()
      expect(lines).toHaveLength(2)
      expect(lines[0]).toEndWith('#2 fine')
      expect(lines[1]).toContain(`#2 \\u{202e}${evil}`)
      // A message in which text of the bundle stands.
      const named = repacked(readFileSync(join(folder, 'evil.zip')), (files) =>
        files.set('x.html', utf8(evil)),
      )
      expect((await look(file('named.zip', named), by)).findings).toContain('bundle_malformed')
      expect(noise).toEqual([])
    },
    60_000,
  )

  testWith(
    needs,
    'checks a disclosure too',
    async () => {
      const { writer, session, record } = await auditedEvidence()
      const { storeEvidence } = await import('../../proxy/cli/stored-fixture.ts')
      const stored = await storeEvidence(writer)
      try {
        fixture_trust = file('fixture-trust.json', readFileSync(stored.trust))
        writeFileSync(join(folder, 'value'), secret)
        const disclosed = join(folder, 'card.disclosure')
        const made = await sluice([
          ...['disclose', session.id, '--data', stored.data, '--key', stored.key],
          ...['--record', String(record), '--value', join(folder, 'value'), '-o', disclosed],
        ])
        expect(made.code, made.stderr).toBe(0)
        expect((await look(disclosed, fixture_trust)).state).toBe('verified')
        expect(await page.locator('#facts').innerText()).toContain(secret)
      } finally {
        stored.remove()
      }
    },
    60_000,
  )

  testWith(needs, 'is the page inside of the bundle', async () => {
    const { bytes } = await buildPage()
    const inside = repacked(readFileSync(bundle), (files) => {
      expect(Buffer.from(files.get('verify.html') ?? []).equals(Buffer.from(bytes))).toBe(true)
    })
    expect(readFileSync(bundle).equals(inside)).toBe(true)
    expect(noise).toEqual([])
  })
})
