/**
 * Approvals that a passkey signs: registered and used in a real browser (with Chromium's virtual authenticator), for a
 * command that a real ssh waits for; the signature is in the session's evidence, and verified from there alone.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CDPSession, Page } from 'playwright-core'
import { whyNotSigned } from '../../storage/evidence/passkey.ts'
import { buildPage } from '../../storage/page/build.ts'
import { approvalsOf } from '../fixture/approvals.ts'
import { type Browser, openBrowser } from '../fixture/chromium.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { freePort } from '../fixture/net.ts'
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
const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("signed") @approval @passkey @expires("10m")
permit (principal, action == Action::"exec", resource) when { context.program == "touch" };
`

for (const workers of worker_counts)
  describeSlow(`a passkey, with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    let browser: Browser
    let origin = ''
    const { cli, facts, post, start, token } = approvalsOf(() => guarded)
    beforeAll(async () => {
      const port = await freePort()
      origin = `http://localhost:${port}`
      guarded = await openGuarded({
        sections: {
          gateway: { name: 'edge-1', public_url: origin },
          listen: { ssh: '127.0.0.1:0', api: `127.0.0.1:${port}` },
          policy: { files: ['./policy.cedar'] },
        },
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
    const openPage = async (path: string, subject: string): Promise<Page> => {
      const page = await browser.context.newPage()
      await page.goto(`${origin}${path}`)
      await page.getByLabel('A bearer token').fill(await token(subject, 'approver'))
      await page.getByLabel('A bearer token').press('Enter')
      return page
    }
    /** A phone with a fingerprint, in this page. */
    const plugIn = async (page: Page): Promise<CDPSession> => {
      const session = await browser.context.newCDPSession(page)
      await session.send('WebAuthn.enable')
      await session.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport: 'internal',
          hasResidentKey: true,
          hasUserVerification: true,
          isUserVerified: true,
          automaticPresenceSimulation: true,
        },
      })
      return session
    }

    testSlow(
      needs,
      'is registered, signs an approval, and verification reads it from the record',
      async () => {
        await guarded.trust()
        const page = await openPage('/passkeys', 'bob')
        await page.getByText('You have none yet').waitFor()
        await plugIn(page)
        await page.getByRole('button', { name: 'Register a passkey' }).click()
        await page.getByText(', registered ').waitFor()

        const { request, ran } = await start(`touch ${at('a')}`)
        // Neither the CLI nor a token alone, and no signature of another kind.
        const refused = await cli('approve', request.id, '--as', 'bob')
        expect([refused.code, refused.stderr]).toEqual([
          1,
          expect.stringContaining('approved with a passkey of yours'),
        ])
        const bob = await token('bob', 'approver')
        const nonsense = {
          id: 'AAAA',
          rawId: 'AAAA',
          type: 'public-key',
          response: { clientDataJSON: 'AAAA', authenticatorData: 'AAAA', signature: 'AAAA' },
        }
        for (const body of [
          {},
          { digest: request.digest },
          { digest: request.digest, passkey: nonsense },
          { passkey: nonsense },
        ])
          expect((await post(`/api/requests/${request.id}/approve`, bob, body)).status).toBe(403)
        expect(existsSync(at('a'))).toBe(false)

        // The key stays in its page's authenticator: the same page goes on.
        await page.evaluate("history.replaceState(null, '', '/approvals')")
        await page.reload()
        await page.getByLabel('A bearer token').fill(bob)
        await page.getByLabel('A bearer token').press('Enter')
        const shown = page.locator(`#request-${request.id}`)
        await shown.getByRole('button', { name: 'Approve' }).click()
        expect((await ran).code).toBe(0)
        await shown.getByText('Approved by bob').waitFor()
        expect(existsSync(at('a'))).toBe(true)

        const recorded = await facts(request.session)
        const hold = recorded.find((fact) => fact.kind === 'hold')
        const approval = recorded.find((fact) => fact.kind === 'approval')
        expect(hold).toMatchObject({ passkey: true, digest: request.digest })
        const [by] = approval?.by ?? []
        if (by?.passkey === undefined) throw new Error('no signature is on record')
        expect(whyNotSigned(by.passkey, request.digest)).toBeUndefined()
        expect(whyNotSigned(by.passkey, '0'.repeat(64))).toBe('its passkey signed another request')
        await Bun.sleep(1_500)
        const verified = await guarded.verify()
        expect([verified.code, verified.stderr]).toEqual([0, ''])

        // The page that verifies does, too, without a network.
        const bundle = at('session.zip')
        const made = await sluice(['bundle', request.session, '--data', guarded.data, '-o', bundle])
        expect(made.code).toBe(0)
        writeFileSync(at('verify.html'), (await buildPage()).bytes)
        const auditor = await browser.context.newPage()
        await auditor.goto(pathToFileURL(at('verify.html')).href)
        await auditor.waitForSelector('#verdict[data-state="ready"]')
        await auditor.setInputFiles('#trust', at('trust.json'))
        await auditor.setInputFiles('#evidence', bundle)
        await auditor.waitForSelector('#verdict[data-state="verified"]')
        await auditor.close()

        // Somebody with bob's session, and another device, registers nothing.
        const thief = await openPage('/passkeys', 'bob')
        await plugIn(thief)
        await thief.getByRole('button', { name: 'Register a passkey' }).click()
        await thief.getByText('No passkey was used').waitFor()
        await thief.evaluate(`navigator.credentials.get = async () => ({
          id: '${by.passkey.credential}',
          type: 'public-key',
          response: {
            clientDataJSON: new Uint8Array(9),
            authenticatorData: new Uint8Array(37),
            signature: new Uint8Array(70),
          },
        })`)
        await thief.getByRole('button', { name: 'Register a passkey' }).click()
        await thief.getByText('must sign for another one').waitFor()
        expect(
          await thief.evaluate(
            `fetch('/api/passkeys', { headers: { authorization: 'Bearer ${bob}' } }).then((it) => it.json()).then((it) => it.passkeys.length)`,
          ),
        ).toBe(1)
        await guarded.gateway.stop()
        await guarded.restart()
        const after = await fetch(`${guarded.gateway.api}/api/passkeys`, {
          headers: { authorization: `Bearer ${bob}` },
        })
        expect(((await after.json()) as { passkeys: unknown[] }).passkeys).toHaveLength(1)
      },
      150_000,
    )
  })
