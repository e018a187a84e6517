/**
 * People of a real SAML provider, SimpleSAMLphp: in the pages with a real browser, and in a terminal with the real ssh. What
 * the provider signs is changed on its way, and used twice.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { workerData } from '../../storage/store/gathered.ts'
import { openBrowser } from '../fixture/chromium.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { lastProof } from '../fixture/last-proof.ts'
import { freePort } from '../fixture/net.ts'
import {
  chromium,
  describeSlow,
  php,
  simplesamlphp,
  ssh,
  sshd,
  testSlow,
} from '../fixture/require.ts'
import { type IdentityProvider, startSimpleSaml } from '../fixture/simplesamlphp.ts'
import { until } from '../fixture/until.ts'
import { endsIn } from '../fixture/workers.ts'
import { openAtSignIn } from './signed-in.ts'
import type { Terminal } from './terminal.ts'

const needs = [ssh, sshd, chromium, php, simplesamlphp]
/** A browser starts slowly beside everything else. */
const hang_ms = 120_000
const people = [
  { name: 'eve', groups: ['staff', 'leads'] },
  { name: 'carl', groups: ['visitors'] },
  { name: 'ada', groups: ['audit'] },
]
const roles = { user: ['staff'], approver: ['leads'], auditor: ['audit'] }

interface World extends AsyncDisposable {
  readonly idp: IdentityProvider
  readonly guarded: Guarded
  /** What the log says of sign-ins that came to nothing. */
  refusals(): readonly string[]
}

async function openWorld(words: readonly string[] = [], more: object = {}): Promise<World> {
  await using started = new AsyncDisposableStack()
  const api = `127.0.0.1:${await freePort()}`
  const idp = started.use(
    await startSimpleSaml({ people, services: [{ origin: `http://${api}`, name: 'corp' }] }),
  )
  const guarded = started.use(
    await openGuarded({
      arguments: words,
      files: { 'idp.xml': await idp.metadata() },
      sections: {
        listen: { ssh: '127.0.0.1:0', api },
        identity: { saml: [{ name: 'corp', idp_metadata_file: 'idp.xml', roles, ...more }] },
      },
    }),
  )
  const kept = started.move()
  return {
    idp,
    guarded,
    refusals: () =>
      guarded.gateway
        .stderr()
        .split('\n')
        .filter((line) => line.includes('sign_in_failed'))
        .map((line) => (JSON.parse(line) as { code: string }).code),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** At the provider, whatever page led there. */
async function fill(page: Page, { idp }: World, name: string): Promise<void> {
  await page.locator('input[name=username]').fill(name)
  await page.locator('input[name=password]').fill(idp.password)
  await page.locator('input[name=password]').press('Enter')
}

/** ssh in a terminal, as somebody without a key has it. */
async function connect(
  { guarded }: World,
  command: string,
): Promise<{ terminal: Terminal; url: string; code: string }> {
  const { terminal, url, code } = await openAtSignIn(guarded, command)
  expect(url).toStartWith(`${guarded.gateway.api}/login/device?login=`)
  expect(code).toMatch(/^[A-Z]{4}-[A-Z]{4}$/)
  return { terminal, url, code }
}

/** From the page that the terminal shows to the question whether it is theirs. */
async function confirmation(page: Page, world: World, url: string, name: string): Promise<void> {
  await page.goto(url)
  await page.getByRole('link', { name: 'It is me' }).click()
  await fill(page, world, name)
  await page.getByText('Does your terminal show this code?').waitFor()
}

describeSlow('a person of a SAML provider', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  }, 60_000)
  afterAll(() => world[Symbol.asyncDispose](), 30_000)

  testSlow(
    needs,
    'signs in to the pages, with the groups and roles that the provider says',
    async () => {
      const { api } = world.guarded.gateway
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      await page.goto(`${api}/console`)
      await fill(page, world, 'eve')
      await page.waitForURL(`${api}/console`)
      expect((await page.locator('dd').allTextContents()).slice(0, 4)).toEqual([
        'eve',
        world.idp.entity_id,
        'staff, leads',
        'user, approver',
      ])
      // The provider still knows her, so she is not asked again.
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByText('You are signed out').waitFor()
      await page.getByRole('link', { name: 'Sign in' }).click()
      await page.waitForURL(`${api}/console`)
    },
    hang_ms,
  )

  testSlow(
    needs,
    'without a role here is told so',
    async () => {
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      await page.goto(`${world.guarded.gateway.api}/login`)
      await fill(page, world, 'carl')
      await page.getByText('none of your groups has a role here').waitFor()
      expect(world.refusals()).toContain('role')
    },
    hang_ms,
  )

  testSlow(
    needs,
    'is refused by what was changed on its way, or was used before',
    async () => {
      const { api } = world.guarded.gateway
      const acs = `${api}/saml/corp/acs`
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      await page.goto(`${api}/console`)
      const posted: string[] = []
      await page.route(acs, async (route) => {
        const form = new URLSearchParams(route.request().postData() ?? '')
        const xml = Buffer.from(form.get('SAMLResponse') ?? '', 'base64').toString()
        expect(xml).toContain('>eve<')
        posted.push(form.toString())
        form.set('SAMLResponse', Buffer.from(xml.replaceAll('>eve<', '>ada<')).toString('base64'))
        await route.continue({ postData: form.toString() })
      })
      await fill(page, world, 'eve')
      await page.getByText('the assertion is not signed by the provider').waitFor()
      expect(world.refusals().at(-1)).toBe('signature')

      const send = (body: string): Promise<Response> =>
        fetch(acs, {
          method: 'POST',
          body: new URLSearchParams(body),
          redirect: 'manual',
        })
      const [right = ''] = posted
      const first = await send(right)
      const next = `${api}${first.headers.get('location')}`
      expect([first.status, next]).toEqual([303, expect.stringContaining('/login/callback?saml=')])
      expect((await send(right)).status).toBe(403)
      expect(world.refusals().at(-1)).toBe('replayed')
      // It was posted from elsewhere: a browser that has not begun it gets nothing for it.
      const stranger = await fetch(next, { redirect: 'manual' })
      expect([stranger.status, stranger.headers.getSetCookie().join()]).toEqual([
        403,
        expect.not.stringContaining('session'),
      ])
      expect(world.refusals().at(-1)).toBe('ticket')
      // The one that has, is.
      await page.goto(next)
      await page.waitForURL(`${api}/console`)
    },
    hang_ms,
  )

  testSlow(
    needs,
    'signs in for a terminal, and an auditor finds what the provider has signed',
    async () => {
      const { terminal, url, code } = await connect(world, 'echo in; exit 3')
      await using _ = terminal
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      await confirmation(page, world, url, 'eve')
      expect(await page.locator('strong').first().textContent()).toBe('eve')
      expect(await page.locator('dd').allTextContents()).toEqual([
        expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        'web-1',
        world.guarded.target.account,
        code,
      ])
      await page.getByRole('button', { name: 'Yes, it is mine' }).click()
      await page.getByText('Go back to your terminal').waitFor()
      terminal.type('\n')
      expect(await terminal.exited).toBe(3)
      expect(terminal.text()).toContain('in\r\n')
      const [session] = await world.guarded.sessions()
      expect(session).toMatchObject({
        subject: 'eve',
        issuer: world.idp.entity_id,
        method: 'saml',
        groups: ['staff', 'leads'],
      })
      const proof = await lastProof(world.guarded)
      expect(proof.kind).toBe('saml_response')
      const [response, idp_certificates] = [proof.text('response'), proof.text('idp_certificates')]
      expect(response).toContain('<ds:SignatureValue>')
      expect(response).toContain('>eve</saml:NameID>')
      expect(idp_certificates).toStartWith('-----BEGIN CERTIFICATE-----')
      // It is over: the page is no way in for anybody else.
      expect((await page.goto(url))?.status()).toBe(404)
    },
    hang_ms,
  )

  testSlow(
    needs,
    'says that a terminal is not theirs',
    async () => {
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      const foreign = await connect(world, 'true')
      await using _ = foreign.terminal
      await confirmation(page, world, foreign.url, 'ada')
      await page.getByRole('button', { name: 'No, this is not mine' }).click()
      await page.getByText('the sign-in was refused in the browser').waitFor()
      foreign.terminal.type('\n')
      expect(await foreign.terminal.exited).toBe(255)
      expect(foreign.terminal.text()).toContain('the sign-in was refused in the browser')
    },
    hang_ms,
  )

  testSlow(
    needs,
    'who may not connect is told so in both places',
    async () => {
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      const own = await connect(world, 'true')
      await using _ = own.terminal
      await confirmation(page, world, own.url, 'ada')
      await page.getByRole('button', { name: 'Yes, it is mine' }).click()
      await page.getByText('none of your groups may connect here').waitFor()
      own.terminal.type('\n')
      expect(await own.terminal.exited).toBe(255)
      expect(own.terminal.text()).toContain('none of your groups may connect here')
    },
    hang_ms,
  )

  testSlow(
    needs,
    'is refused while the provider signs by a key that the gateway has not read; SIGHUP reads it',
    async () => {
      world.idp.rotate()
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      const { api } = world.guarded.gateway
      await page.goto(`${api}/console`)
      await fill(page, world, 'eve')
      await page.getByText('the assertion is not signed by the provider').waitFor()
      const file = join(world.guarded.dir, 'gateway/idp.xml')
      const reload = async (event: string): Promise<string> => {
        process.kill(world.guarded.gateway.pid, 'SIGHUP')
        return until(event, () =>
          world.guarded.gateway
            .stderr()
            .split('\n')
            .find((line) => line.includes(event)),
        )
      }
      writeFileSync(file, '<EntityDescriptor/>')
      expect(await reload('configuration_not_reloaded')).toContain('identity.saml[0]')
      // The one of before is still in use, and nothing half read.
      await page.goto(`${api}/console`)
      await page.getByText('the assertion is not signed by the provider').waitFor()
      writeFileSync(file, await world.idp.metadata())
      await reload('configuration_reloaded')
      await page.goto(`${api}/console`)
      await page.waitForURL(`${api}/console`)
      expect(await page.locator('dd').first().textContent()).toBe('eve')
    },
    hang_ms,
  )
})

describeSlow('with workers', () => {
  testSlow(
    needs,
    'a person of a SAML provider reaches the terminal in whichever it waits',
    async () => {
      await using world = await openWorld(['--workers', '2'])
      await using browser = await openBrowser()
      const page = await browser.context.newPage()
      const served = new Set<number>()
      for (let tries = 0; served.size < 2; tries++) {
        expect(tries).toBeLessThan(30)
        const { terminal, url } = await connect(world, 'echo in')
        await using _ = terminal
        if (tries === 0) await confirmation(page, world, url, 'eve')
        else {
          await page.goto(url)
          await page.getByRole('link', { name: 'It is me' }).click()
        }
        await page.getByRole('button', { name: 'Yes, it is mine' }).click()
        await page.getByText('Go back to your terminal').waitFor()
        terminal.type('\n')
        expect(await terminal.exited).toBe(0)
        for (const number of [1, 2])
          if ((await endsIn(workerData(world.guarded.data, number))).size > 0) served.add(number)
      }
    },
    180_000,
  )
})

testSlow(
  needs,
  'a browser is asked who it is again when its time in the pages is over',
  async () => {
    await using world = await openWorld([], { page_session_s: 5 })
    const { api } = world.guarded.gateway
    await using browser = await openBrowser()
    const { context } = browser
    const page = await context.newPage()
    await page.goto(`${api}/approvals`)
    await fill(page, world, 'eve')
    await page.getByText('eve').first().waitFor()
    const requests = async (): Promise<number> =>
      (await context.request.get(`${api}/api/requests`)).status()
    expect(await requests()).toBe(200)
    // Being asked for does not keep it alive.
    await until('an end', async () => ((await requests()) === 401 ? true : undefined))
    // Who is still signed in at the provider is back without a word.
    await page.goto(`${api}/approvals`)
    await until('a new session', async () => ((await requests()) === 200 ? true : undefined))
  },
  hang_ms,
)
