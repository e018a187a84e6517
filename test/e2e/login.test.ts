/**
 * `sluice login`: a person signs in at a real OpenID provider, and ssh works by a certificate that ssh-keygen reads and
 * a real sshd believes; a job does the same by the ID token of its forge; and each token that is not good.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FakeIssuer, startFakeIssuer } from '../../proxy/identity/fixture.ts'
import { type Issuer, startIssuer } from '../../proxy/trial/issuer.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { documentsIn, identityOf } from '../fixture/identity.ts'
import { login } from '../fixture/login.ts'
import { freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { signIn } from '../fixture/sign-in.ts'
import { runSsh } from '../fixture/ssh.ts'
import { startSshd } from '../fixture/sshd.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]
const people = [
  { name: 'eve', groups: ['staff'] },
  { name: 'carl', groups: ['visitors'] },
  {
    name: 'max',
    groups: ['staff', ...Array.from({ length: 300 }, (_, at) => `${at}-${'x'.repeat(60)}`)],
  },
]

const described = (file: string): string =>
  Bun.spawnSync(['ssh-keygen', '-L', '-f', file]).stdout.toString()

describe('sluice login', () => {
  let issuer: Issuer
  let forge: FakeIssuer
  let guarded: Guarded
  let home: string
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'sluice-home-'))
    issuer = await startIssuer({ people, client_id: 'sluice' })
    forge = await startFakeIssuer()
    const api = `127.0.0.1:${await freePort()}`
    const corp = { name: 'corp', issuer: issuer.url, client_id: 'sluice', scopes: ['groups'] }
    const job = { issuer: forge.url, audience: 'sluice', groups: ['ci'] }
    const app = { repository: 'org/app', ref: 'refs/heads/main' }
    const subject = 'ci:{repository}'
    guarded = await openGuarded({
      sections: {
        gateway: { name: 'edge-1', public_url: `http://${api}` },
        listen: { ssh: '127.0.0.1:0', api },
        identity: {
          oidc: [{ ...corp, roles: { user: ['staff'] } }],
          ci: [
            { ...job, name: 'app', claims: app, subject: 'ci:org/app' },
            { ...job, name: 'others', claims: { repository: ['org/a', 'org/b'] }, subject },
            { ...job, name: 'twice', claims: { repository: 'org/b' }, subject },
          ],
        },
      },
    })
    await guarded.trust()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    issuer.stop()
    forge.stop()
    rmSync(home, { recursive: true })
  }, 30_000)
  const at = (): string[] => ['--gateway', guarded.gateway.api]
  const as = (name: string) => (url: string) => signIn(url, name, issuer.passwords.get(name) ?? '')
  /** The unmodified ssh with nothing but what the login wrote. */
  const plainSsh = async (config: string, ...words: string[]) => {
    const child = Bun.spawn(['ssh', '-F', config, '-o', 'BatchMode=yes', ...words], {
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
      env: { PATH: Bun.env['PATH'] ?? '' },
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 50_000)
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    const code = await child.exited
    clearTimeout(timer)
    return { code, out, err }
  }
  const claims = (more: Readonly<Record<string, unknown>> = {}) => {
    const now_s = Math.floor(Date.now() / 1000)
    const app = { repository: 'org/app', ref: 'refs/heads/main', sub: 'repo:org/app' }
    return { iat: now_s, exp: now_s + 300, ...app, ...more }
  }

  testWith(
    needs,
    'a person signs in with a browser, and `ssh deploy@web-1` alone works',
    async () => {
      const ran = await login(home, at(), async (url, code) => {
        const { asked } = await as('eve')(url)
        expect(asked.text).toContain('sluice login')
        expect(asked.text).toContain(`<dd>${code}</dd>`)
      })
      expect(ran.code, ran.err).toBe(0)
      expect(ran.out).toStartWith('signed in as eve until ')
      const config = join(home, '.ssh/config')
      const { account } = guarded.target
      const in_shell = await plainSsh(config, `${account}@web-1`, 'echo in')
      expect(in_shell).toEqual({ code: 0, out: 'in\n', err: '' })
      const [session] = await guarded.sessions()
      const identity = await identityOf(guarded, session?.id ?? '')
      const certificate = join(home, '.ssh/sluice/id_ed25519-cert.pub')
      const said = described(certificate)
      expect(identity).toMatchObject({
        ...{ issuer: issuer.url, subject: 'eve', groups: ['staff'], method: 'certificate' },
        certificate: {
          serial: /Serial: (\d+)/.exec(said)?.[1],
          key_id: 'eve',
          authority: /Signing CA: ED25519 (\S+)/.exec(said)?.[1],
        },
      })
      expect(said).toContain('user certificate')
      expect(said).toContain('Key ID: "eve"')
      expect(said).toMatch(/Principals:\s+eve\n/)
      expect(said).toMatch(/Critical Options: \(none\)/)
      expect(said).not.toContain('permit-')
      // On record, with its serial, before it was used.
      const issued = await documentsIn(guarded.data, 'certificate.issued')
      expect(issued).toHaveLength(1)
      expect(issued[0]).toMatchObject({ subject: 'eve', issuer: issuer.url, groups: ['staff'] })
      for (const name of ['id_ed25519', 'config', 'known_hosts', 'id_ed25519-cert.pub'])
        expect(statSync(join(home, '.ssh/sluice', name)).mode & 0o777).toBe(0o600)
      // The private key was made here and is nowhere else.
      const secret = readFileSync(join(home, '.ssh/sluice/id_ed25519'), 'utf8').split('\n')[3] ?? ''
      expect(secret.length).toBeGreaterThan(40)
      expect(filesWith(guarded.data, secret)).toEqual([])
      // A second login leaves one Include, and what was there.
      writeFileSync(config, `${readFileSync(config, 'utf8')}Host other\n`)
      expect((await login(home, at(), as('eve'))).code).toBe(0)
      const text = readFileSync(config, 'utf8')
      expect(text.match(/^Include /gm)).toHaveLength(1)
      expect(text).toContain('Host other')
    },
    60_000,
  )

  testWith(needs, 'an sshd that trusts the authority believes the certificate', async () => {
    const dir = join(home, 'sshd')
    const words = ['--dir', dir, '--no-include', '--ttl', '600', '--json']
    const ran = await login(home, [...at(), ...words], as('eve'))
    expect(ran.code, ran.err).toBe(0)
    const authority = join(home, 'ca.pub')
    const key = join(guarded.data, 'keys/ssh_user_ca_ed25519')
    writeFileSync(authority, Bun.spawnSync(['ssh-keygen', '-y', '-f', key]).stdout)
    const principals = join(home, 'principals')
    for (const [name, code] of [
      ['eve', 0],
      ['somebody', 255],
    ] as const) {
      writeFileSync(principals, `${name}\n`)
      await using plain = await startSshd({
        config: [`TrustedUserCAKeys ${authority}`, `AuthorizedPrincipalsFile ${principals}`],
      })
      const files = ['-o', `CertificateFile=${join(dir, 'id_ed25519-cert.pub')}`]
      const in_shell = await runSsh({
        ...{ port: plain.port, login: plain.account, identities: [join(dir, 'id_ed25519')] },
        ...{ options: files, command: 'echo in' },
      })
      expect(in_shell.code).toBe(code)
      if (code === 0) expect(plain.log()).toMatch(/ID eve \(serial \d+\) CA ED25519 SHA256:/)
    }
    const facts = JSON.parse(ran.out) as { readonly valid_before: string }
    const left_s = (Date.parse(facts.valid_before) - Date.now()) / 1000
    expect(left_s).toBeLessThanOrEqual(600)
    expect(left_s).toBeGreaterThan(400)
  })

  testWith(needs, 'who may not connect gets nothing, and is told why', async () => {
    const dir = join(home, 'carl')
    const ran = await login(home, [...at(), '--dir', dir, '--no-include'], as('carl'))
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('none of your groups may connect here')
    expect(existsSync(dir)).toBe(false)
  })

  testWith(needs, 'who has more groups than fit into a certificate is told so', async () => {
    const dir = join(home, 'max')
    const ran = await login(home, [...at(), '--dir', dir, '--no-include'], as('max'))
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('more groups than')
    expect(existsSync(dir)).toBe(false)
  })

  testWith(needs, 'a job has its own name, by certificate and as a password', async () => {
    const jwt = await forge.token(claims())
    const file = join(home, 'token')
    writeFileSync(file, `${jwt}\n`)
    const dir = join(home, 'job')
    const words = ['--dir', dir, '--no-include', '--token-file', file]
    const ran = await login(home, [...at(), ...words])
    expect(ran.code, ran.err).toBe(0)
    expect(ran.out).toStartWith('signed in as ci:org/app until ')
    const { account } = guarded.target
    const in_shell = await plainSsh(join(dir, 'config'), `${account}@web-1`, 'echo job')
    expect(in_shell.out).toBe('job\n')
    const who = async (): Promise<unknown> =>
      identityOf(guarded, (await guarded.sessions())[0]?.id ?? '')
    const job = { issuer: forge.url, subject: 'ci:org/app', groups: ['ci'] }
    expect(await who()).toMatchObject({ ...job, method: 'certificate' })
    const typed = await typeToken(jwt)
    expect(typed.stdout.toString(), typed.stderr).toBe('typed\n')
    expect(await who()).toMatchObject({ ...job, method: 'token' })
    // OpenSSH cuts what is typed, so a long token is no password there; it is good all the same.
    const long = await forge.token(claims({ filler: 'x'.repeat(1_000) }))
    expect((await typeToken(long)).code).toBe(255)
    expect(await bearer(long)).toBe(200)
    const other = await forge.token(claims({ repository: 'org/a' }))
    const exchanged = await exchange(other, 'sluice-api')
    expect(exchanged.status).toBe(200)
    const { access_token } = exchanged.body
    expect(await bearer(String(access_token))).toBe(200)
  })

  /** By name: a token that must get nobody anything, and what its refusal is called. */
  const bad: Readonly<Record<string, readonly [string, () => Promise<string> | string]>> = {
    'without a signature': [
      'algorithm',
      () => {
        const part = (value: object): string =>
          Buffer.from(JSON.stringify(value)).toString('base64url')
        const whole = { ...claims(), iss: forge.url, aud: 'sluice' }
        return `${part({ alg: 'none' })}.${part(whole)}.`
      },
    ],
    'for another audience': ['audience', () => forge.token(claims({ aud: 'other' }))],
    'that has expired': ['expired', () => forge.token(claims({ exp: claims().iat - 60 }))],
    'that is not valid yet': [
      'not_yet_valid',
      () => forge.token(claims({ nbf: claims().iat + 600 })),
    ],
    "by another issuer's key": ['key', () => stranger.token(claims({ iss: forge.url }))],
    'of another job': ['claims', () => forge.token(claims({ repository: 'org/else' }))],
    'of another branch': ['claims', () => forge.token(claims({ ref: 'refs/heads/x' }))],
    'that two entries are for': ['ambiguous', () => forge.token(claims({ repository: 'org/b' }))],
    'with a list for a name': ['claims', () => forge.token(claims({ repository: ['org/app'] }))],
  }
  let stranger: FakeIssuer
  beforeAll(async () => {
    stranger = await startFakeIssuer()
    await stranger.rotate('other')
  })
  afterAll(() => stranger.stop())

  for (const [what, [refusal, make]] of Object.entries(bad))
    testWith(needs, `a job's token ${what} is refused, named and recorded`, async () => {
      const rule = `identity.ci.${refusal}`
      const refused = async (): Promise<number> =>
        (await documentsIn(guarded.data, 'identity.refused')).filter(
          (each) => each['rule'] === rule,
        ).length
      const before = await refused()
      const sessions = await guarded.sessions()
      const jwt = await make()
      expect(await bearer(jwt)).toBe(401)
      for (const audience of ['sluice-api', 'sluice-database'])
        expect(await exchange(jwt, audience)).toMatchObject({
          ...{ status: 400, body: { error: 'invalid_request' } },
        })
      const typed = await typeToken(jwt)
      expect(typed.code).toBe(255)
      expect(typed.stderr).toContain('sluice: ')
      await until(`${rule} on record`, async () => (await refused()) >= before + 4)
      await until('its line in the log', () =>
        guarded.gateway.stderr().includes(`"rule":"${rule}"`),
      )
      // Neither the record nor the operator's log repeats it.
      const [, payload = ''] = jwt.split('.')
      expect(filesWith(guarded.data, payload)).toEqual([])
      expect(guarded.gateway.stderr()).not.toContain(payload)
      expect(await guarded.sessions()).toEqual(sessions)
    })

  testWith(needs, 'a token of a megabyte is refused at each door', async () => {
    const long = `${'x'.repeat(1024 * 1024)}`
    const { api } = guarded.gateway
    const reply = await fetch(`${api}/api/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'x', subject_token: long }),
    })
    expect(reply.status).toBe(413)
    const headers = { authorization: `Bearer ${long}` }
    const read = await fetch(`${api}/api/sessions`, { headers }).then(
      ({ status }) => status,
      () => 'cut off',
    )
    expect([401, 413, 431, 'cut off']).toContain(read)
    // What fits a header and is too long all the same is named.
    const first = await forge.token(claims({ filler: 'x'.repeat(40_000) }))
    expect(await exchange(first, 'sluice-api')).toMatchObject({ status: 400 })
    await until('the refusal in the log', () =>
      guarded.gateway.stderr().includes('"rule":"identity.token.too_long"'),
    )
    const jwt = await forge.token(claims())
    expect((await typeToken(jwt)).code).toBe(0)
  })

  testWith(needs, 'a token of the gateway makes no other one for the API', async () => {
    const { body } = await exchange(await forge.token(claims()), 'sluice-api')
    const jwt = String(body['access_token'])
    expect(await exchange(jwt, 'sluice-api')).toMatchObject({ status: 400 })
    const password = await exchange(jwt, 'sluice-database')
    expect(password).toMatchObject({ status: 200, body: { token_type: 'N_A' } })
    // ... and a password of databases opens nothing else.
    const other = String(password.body['access_token'])
    expect(await bearer(other)).toBe(401)
    expect(await exchange(other, 'sluice-database')).toMatchObject({ status: 400 })
  })

  testWith(needs, 'who polls for a sign-in has it once, and nobody by guessing', async () => {
    const post = async (path: string, form: Readonly<Record<string, string>>) => {
      const body = new URLSearchParams(form)
      const reply = await fetch(`${guarded.gateway.api}${path}`, { method: 'POST', body })
      return (await reply.json()) as Readonly<Record<string, unknown>>
    }
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
    const begun = await post('/api/device_authorization', { client_id: 'corp' })
    const device_code = String(begun['device_code'])
    const poll = () => post('/api/token', { grant_type, device_code })
    expect(await poll()).toMatchObject({ error: 'authorization_pending' })
    expect(await poll()).toMatchObject({ error: 'slow_down' })
    const guess = { grant_type, device_code: `${device_code.slice(0, -1)}_` }
    expect(await post('/api/token', guess)).toMatchObject({ error: 'expired_token' })
    await as('eve')(String(begun['verification_uri']))
    const token = await until('a token', async () => {
      await Bun.sleep(1_000)
      const { access_token } = await poll()
      return typeof access_token === 'string' ? access_token : undefined
    })
    expect(await poll()).toMatchObject({ error: 'expired_token' })
    expect(await bearer(token)).toBe(200)
    expect(await post('/api/device_authorization', { client_id: 'other' })).toMatchObject({
      error: 'invalid_client',
    })
  })

  /** As an ssh without a terminal has it: a program prints the token. */
  const typeToken = (jwt: string) => {
    const askpass = join(home, 'askpass')
    writeFileSync(askpass, '#!/bin/sh\nprintf %s "$TYPED"\n', { mode: 0o755 })
    return runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [],
      options: [
        ...['-o', 'BatchMode=no', '-o', 'PreferredAuthentications=password'],
        ...['-o', 'NumberOfPasswordPrompts=1'],
      ],
      command: 'echo typed',
      env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', TYPED: jwt },
    })
  }
  const exchange = async (subject_token: string, audience: string) => {
    const reply = await fetch(`${guarded.gateway.api}/api/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        ...{ subject_token, audience },
      }),
    })
    const body = (await reply.json()) as Readonly<Record<string, unknown>>
    return { status: reply.status, body }
  }
  const bearer = async (jwt: string): Promise<number> => {
    const headers = { authorization: `Bearer ${jwt}` }
    return (await fetch(`${guarded.gateway.api}/api/sessions`, { headers })).status
  }

  testWith(needs, 'what is left verifies', async () => {
    expect(await guarded.gateway.stop()).toBe(0)
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    expect(guarded.gateway.stderr()).not.toMatch(/"(fault|internal_error|api_fault)"/)
  })
})
