/**
 * A legal hold whose end a second person approves on the page, with a passkey in a real browser: it is in the log, and
 * verification checks the signature.
 */
import { expect } from 'bun:test'
import { openDocument } from '../../storage/evidence/document.ts'
import { openReader } from '../../storage/store/reader.ts'
import type { Report } from '../../storage/verify/report.ts'
import { approvalsOf } from '../fixture/approvals.ts'
import { openBrowser } from '../fixture/chromium.ts'
import { openGuarded } from '../fixture/guarded.ts'
import { freePort } from '../fixture/net.ts'
import { chromium, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'

testSlow(
  [sshd, ssh_keygen, chromium],
  'a second person lifts a legal hold on the page, with a passkey',
  async () => {
    const port = await freePort()
    const origin = `http://localhost:${port}`
    await using guarded = await openGuarded({
      sections: {
        gateway: { name: 'edge-1', public_url: origin },
        listen: { ssh: '127.0.0.1:0', api: `127.0.0.1:${port}` },
        evidence: {
          auditors: ['./auditor.jwk'],
          canary_s: 0,
          release: { quorum: 1, passkey: true },
        },
      },
    })
    await guarded.trust()
    const { cli, post, token, watch } = approvalsOf(() => guarded)
    await using browser = await openBrowser()
    const page = await browser.context.newPage()
    await page.goto(`${origin}/passkeys`)
    await page.getByLabel('A bearer token').fill(await token('bob', 'approver'))
    await page.getByLabel('A bearer token').press('Enter')
    await page.getByText('You have none yet').waitFor()
    const device = await browser.context.newCDPSession(page)
    await device.send('WebAuthn.enable')
    await device.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true },
        ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
      },
    })
    await page.getByRole('button', { name: 'Register a passkey' }).click()
    await page.getByText(', registered ').waitFor()

    const set = await cli(
      'hold',
      'set',
      '--target',
      'web-1',
      '--reason',
      'case 7',
      '--as',
      'olga',
      '--json',
    )
    const { id: hold } = JSON.parse(set.stdout) as { id: string }
    const asked = await cli('hold', 'lift', hold, '--reason', 'case <b>closed</b>', '--as', 'olga')
    expect(asked.code, asked.stderr).toBe(0)
    const request = (await watch()).requests[0]
    const { id, digest } = request ?? { id: '', digest: '' }
    for (const body of [{}, { digest }])
      expect(
        (await post(`/api/requests/${id}/approve`, await token('bob', 'approver'), body)).status,
      ).toBe(403)

    // The key stays in its page's authenticator: the same page goes on.
    await page.evaluate("history.replaceState(null, '', '/approvals')")
    await page.reload()
    await page.getByLabel('A bearer token').fill(await token('bob', 'approver'))
    await page.getByLabel('A bearer token').press('Enter')
    const card = page.locator(`#request-${id}`)
    await card.waitFor()
    const text = await card.innerText()
    expect(text).toContain('olga on edge-1')
    expect(text).toContain(`lift legal hold ${hold}: case <b>closed</b>`)
    expect(text).toContain('0 of 1 by any approver')
    await card.getByRole('button', { name: 'Approve' }).click()
    await card.getByText('Approved by bob').waitFor()
    expect((await cli('hold', 'list', '--as', 'olga')).stdout).not.toContain(hold)

    await guarded.gateway.stop()
    const reader = openReader(guarded.data)
    const [lifted] = await reader.documents('hold.lifted')
    reader.close()
    const facts = openDocument(lifted?.bytes ?? new Uint8Array()) ?? {}
    expect(facts['release']).toMatchObject({ approvals: [{ subject: 'bob', passkey: {} }] })
    const report = JSON.parse((await guarded.verify()).stdout) as Report
    expect(report.verdict, JSON.stringify(report.findings)).toBe('verified')
  },
  120_000,
)
