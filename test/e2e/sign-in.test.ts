/**
 * People without a key: an unmodified ssh in a terminal shows an address, they sign in there at a real OpenID
 * provider, press Enter, and are on the target. What the auditor finds afterwards proves who it was.
 */

import { afterAll, beforeAll, describe, expect } from 'bun:test'
import type { JsonWebKey } from 'node:crypto'
import { createPublicKey, verify as verifySignature } from 'node:crypto'
import { type Issuer, startIssuer } from '../../proxy/trial/issuer.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { lastProof } from '../fixture/last-proof.ts'
import { freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testSlow, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { createVisitor, linkOf, signIn } from '../fixture/sign-in.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'
import { openTerminal, type Terminal } from './terminal.ts'

const needs = [ssh, sshd, ssh_keygen]
const people = [
  { name: 'eve', groups: ['staff'] },
  { name: 'max', groups: ['staff', 'audit'] },
  { name: 'carl', groups: ['visitors'] },
]
const client_id = 'sluice'
const provider = (name: string, issuer: string, more: object = {}) => ({
  ...{ name, issuer, client_id, groups_claim: 'groups', scopes: ['groups'] },
  ...{ roles: { user: ['staff'], auditor: ['audit'] }, ...more },
})

/** ssh in a terminal, as somebody without a key has it. */
const connect = (guarded: Guarded, command: string, ...options: string[]): Terminal =>
  openTerminal(
    sshArguments({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [],
      // The prompt is shown even so.
      options: ['-o', 'BatchMode=no', '-o', 'LogLevel=ERROR', ...options],
      command,
    }),
    { columns: 200 },
  )

const asked = async (terminal: Terminal): Promise<{ url: string; code: string }> => {
  await terminal.until(/press Enter here: $/)
  const [, url = '', code = ''] = /(https?:\S+)[^]* code (\S+)\./.exec(terminal.text()) ?? []
  return { url, code }
}

/** The ID token in the sealed envelope of the last session, and the key that signed it. */
async function lastToken(guarded: Guarded): Promise<{ jwt: string; issuer_jwk: JsonWebKey }> {
  const proof = await lastProof(guarded)
  expect(proof.kind).toBe('token')
  return { jwt: proof.text('jwt'), issuer_jwk: JSON.parse(proof.text('issuer_jwk')) as JsonWebKey }
}

describe('signing in', () => {
  let issuer: Issuer
  let guarded: Guarded
  /** By the end of a session: an ID token of that person. */
  const tokens = new Map<string, string>()
  beforeAll(async () => {
    issuer = await startIssuer({ people, client_id })
    const api = `127.0.0.1:${await freePort()}`
    guarded = await openGuarded({
      sections: {
        gateway: { name: 'edge-1', public_url: `http://${api}` },
        listen: { ssh: '127.0.0.1:0', api },
        identity: { oidc: [provider('corp', issuer.url)] },
      },
    })
    await guarded.trust()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    issuer.stop()
  }, 30_000)
  const password = (name: string): string => issuer.passwords.get(name) ?? ''

  testWith(needs, 'in a browser, and the command runs', async () => {
    await using terminal = connect(guarded, 'echo in; exit 3')
    const { url, code } = await asked(terminal)
    expect(url).toStartWith(`${guarded.gateway.api}/login/device?login=`)
    // What is on the page is not in the address: nobody gets there by guessing a short code.
    expect(url).not.toContain(code)
    const visit = await signIn(url, 'eve', password('eve'))
    expect(visit.asked.text).toContain(`<dd>${code}</dd>`)
    expect(visit.asked.text).toContain('<dd>web-1</dd>')
    expect(visit.asked.text).toContain(`<dd>${guarded.target.account}</dd>`)
    expect(visit.asked.text).toMatch(/<dd>127\.0\.0\.1:\d+<\/dd>/)
    expect(visit.last.text).toContain('You are signed in')
    terminal.type('\n')
    expect(await terminal.exited).toBe(3)
    expect(terminal.text()).toContain('in\r\n')
    const [session] = await guarded.sessions()
    expect(session).toMatchObject({ subject: 'eve', issuer: issuer.url, method: 'token' })
    const { jwt, issuer_jwk } = await lastToken(guarded)
    tokens.set('eve', jwt)
    // By node:crypto alone: an auditor needs nothing of ours.
    const [header = '', payload = '', signature = ''] = jwt.split('.')
    const key = createPublicKey({ key: issuer_jwk, format: 'jwk' })
    const signed = Buffer.from(`${header}.${payload}`)
    const dsa = { key, dsaEncoding: 'ieee-p1363' } as const
    expect(verifySignature('sha256', signed, dsa, Buffer.from(signature, 'base64url'))).toBe(true)
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ sub: 'eve' })
    // Sealed there, and nowhere else.
    for (const part of [payload, signature]) {
      expect(filesWith(guarded.data, part)).toEqual([])
      expect(guarded.gateway.stderr()).not.toContain(part)
    }
    expect((await createVisitor().open(url)).status).toBe(404)
  })

  testWith(needs, 'after Enter was pressed first', async () => {
    await using terminal = connect(guarded, 'echo in')
    const { url } = await asked(terminal)
    terminal.type('\n')
    await Bun.sleep(200)
    expect(terminal.text()).not.toContain('in\r\n')
    await signIn(url, 'max', password('max'))
    expect(await terminal.exited).toBe(0)
    expect((await guarded.sessions())[0]).toMatchObject({ subject: 'max' })
    tokens.set('max', (await lastToken(guarded)).jwt)
  })

  testWith(needs, 'that is refused in the browser ends the login with a line', async () => {
    const before = await guarded.sessions()
    await using terminal = connect(guarded, 'echo in')
    const { url } = await asked(terminal)
    const visitor = createVisitor()
    const confirm = await visitor.open(linkOf(await visitor.open(url)))
    expect((await visitor.send(confirm, { abort: 'yes' })).text).toContain('You have refused')
    terminal.type('\n')
    expect(await terminal.exited).toBe(255)
    expect(terminal.text()).toContain('sluice: the sign-in was refused at corp')
    expect(await guarded.sessions()).toEqual(before)
  })

  testWith(needs, 'as somebody whose groups have no role lets nobody in', async () => {
    const before = await guarded.sessions()
    await using terminal = connect(guarded, 'echo in')
    const { url } = await asked(terminal)
    await signIn(url, 'carl', password('carl'))
    terminal.type('\n')
    expect(await terminal.exited).toBe(255)
    expect(terminal.text()).toContain('none of your groups may connect here')
    expect(await guarded.sessions()).toEqual(before)
  })

  testWith(needs, 'needs somebody to ask', async () => {
    const ran = await guarded.run('echo in')
    expect(ran).toMatchObject({ code: 255, stdout: '' })
    expect(ran.stderr).toContain('Permission denied (publickey,keyboard-interactive)')
  })

  testWith(needs, 'gives way when the client leaves', async () => {
    await using terminal = connect(guarded, 'echo in')
    const { url } = await asked(terminal)
    expect((await createVisitor().open(url)).status).toBe(200)
    // Whoever presses it before ssh has begun to read is not heard by it.
    const again = setInterval(() => terminal.type('\u0003'), 200)
    terminal.type('\u0003')
    await terminal.exited
    clearInterval(again)
    await until(
      'the login waits no more',
      async () => (await createVisitor().open(url)).status !== 200,
    )
  })

  testWith(needs, 'a jump host asks for itself and for the target', async () => {
    const { port } = guarded.gateway.ssh
    const common = { port, identities: [] }
    const by_hand = ['-o', 'BatchMode=no', '-o', 'LogLevel=ERROR']
    const outer = sshArguments({ ...common, login: 'eve', options: [...by_hand, '-W', 'web-1:22'] })
    const inner = sshArguments({
      ...common,
      login: guarded.target.account,
      options: [...by_hand, '-o', `ProxyCommand=${outer.join(' ')}`, '-o', 'HostKeyAlias=web-1'],
      command: 'echo through',
    })
    await using terminal = openTerminal(inner, { columns: 200 })
    const wanted = [
      ['eve', 'this gateway, to go on from it'],
      [guarded.target.account, 'web-1'],
    ]
    for (const [index, names] of wanted.entries()) {
      await terminal.until(new RegExp(`(press Enter here: [^]*){${index + 1}}$`))
      const url = [...terminal.text().matchAll(/http:\S+/g)].at(-1)?.[0] ?? ''
      const visit = await signIn(url, 'eve', password('eve'))
      for (const name of names) expect(visit.asked.text).toContain(`<dd>${name}</dd>`)
      terminal.type('\n')
    }
    expect(await terminal.exited).toBe(0)
    expect(terminal.text()).toContain('through\r\n')
  })

  testWith(needs, 'the API takes the ID token, with the roles of its groups', async () => {
    const read = async (
      jwt: string | undefined,
    ): Promise<{ status: number; subjects: string[] }> => {
      const headers = { authorization: `Bearer ${jwt}` }
      const reply = await fetch(`${guarded.gateway.api}/api/sessions`, { headers })
      const type = reply.headers.get('content-type') ?? ''
      if (reply.status !== 200) expect(type).toBe('application/problem+json')
      const body = (await reply.json()) as { sessions?: { subject: string }[] }
      return { status: reply.status, subjects: body.sessions?.map(({ subject }) => subject) ?? [] }
    }
    expect(await read(tokens.get('eve'))).toEqual({ status: 200, subjects: ['eve', 'eve'] })
    expect(await read(tokens.get('max'))).toEqual({ status: 200, subjects: ['eve', 'max', 'eve'] })
    expect(await read(tokens.get('eve')?.slice(0, -4))).toMatchObject({ status: 401 })
  })

  testWith(needs, 'what is left verifies', async () => {
    expect(await guarded.gateway.stop()).toBe(0)
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    expect(guarded.gateway.stderr()).not.toMatch(/"(fault|internal_error|api_fault)"/)
  })
})

describe('two providers', () => {
  let issuer: Issuer
  let guarded: Guarded
  beforeAll(async () => {
    issuer = await startIssuer({ people, client_id, id_token_s: 12 })
    const down = `http://127.0.0.1:${await freePort()}`
    const bound = provider('corp', issuer.url, { bind_session_to_token: true })
    guarded = await openGuarded({
      sections: { identity: { oidc: [provider('away', down), bound] } },
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    issuer.stop()
  }, 30_000)

  testWith(needs, 'one that is down denies in a line', async () => {
    await using terminal = connect(guarded, 'echo in')
    await terminal.until(/Number or name: $/)
    terminal.type('away\n')
    expect(await terminal.exited).toBe(255)
    expect(terminal.text()).toContain(
      'sluice: away cannot be reached, or does not answer as it should',
    )
  })

  testWith(needs, 'one that is not there is asked for again, and not for ever', async () => {
    await using terminal = connect(guarded, 'echo in')
    for (const answer of ['3', '', 'corp2']) {
      await terminal.until(/Number or name: $/)
      terminal.type(`${answer}\n`)
      await terminal.until(new RegExp(`: ${answer}\r\n`))
    }
    expect(await terminal.exited).toBe(255)
    expect(terminal.text()).toContain('sluice: there is no such provider')
  })

  testSlow(
    needs,
    'a session that is bound to its token ends with it, and says so',
    async () => {
      await using terminal = connect(guarded, 'echo in; sleep 60; echo out', '-o', 'LogLevel=INFO')
      await terminal.until(/Number or name: $/)
      terminal.type('2\n')
      const { url, code } = await asked(terminal)
      // Without an address for browsers it is the provider's own.
      expect(url).toBe(`${issuer.url}/device?user_code=${code}`)
      await signIn(url, 'eve', issuer.passwords.get('eve') ?? '')
      terminal.type('\n')
      await terminal.until(/in\r\n/)
      expect(await terminal.exited).toBe(255)
      expect(terminal.text()).toContain('sluice: your sign-in has ended, and this session with it')
      expect(terminal.text()).not.toContain('out')
      await guarded.gateway.stop()
      const [session] = await guarded.sessions()
      expect(session).toMatchObject({ subject: 'eve', end_reason: 'expired' })
      const end = (await guarded.records(session?.id ?? '')).at(-1)?.header
      expect(end).toMatchObject({ kind: 'end', reason: 'expired' })
    },
    60_000,
  )
})
