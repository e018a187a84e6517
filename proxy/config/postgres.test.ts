/** Targets that speak PostgreSQL, and what the gateway shows their clients. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificates } from '../../test/fixture/certificate.ts'
import { openssl, testWith } from '../../test/fixture/require.ts'
import { auditors, createConfigFixture } from './fixture.ts'

const { folder, parse, problemOf, remove } = createConfigFixture()
beforeAll(() => {
  if (Bun.file(openssl).size > 0) makeCertificates(folder, ['DNS:localhost'])
})
afterAll(remove)

const target = (rest: string): string =>
  `${auditors}\ntargets: [{ name: orders, protocol: postgres, address: "10.0.0.9:5432", accounts: { app: { password_file: password } }${rest} }]`

describe('a target', () => {
  test('is verified in full where nothing else is said', () => {
    const parsed = parse(target(', columns: { public.people.ssn: ssn }'))
    if (!parsed.ok) throw new Error(parsed.problem)
    const [found] = parsed.config.targets
    expect(found).toMatchObject({
      name: 'orders',
      protocol: 'postgres',
      address: { host: '10.0.0.9', port: 5432 },
      tls: { kind: 'verify-full' },
      columns: { 'public.people.ssn': { rule: 'ssn', strategy: { kind: 'mask' } } },
      labels: {},
    })
  })
  test('says how many rows of a result are recorded: all, where it says nothing', () => {
    const rows = (text: string): unknown => {
      const parsed = parse(target(text))
      return parsed.ok ? parsed.config.targets[0] : parsed.problem
    }
    expect(rows('')).toMatchObject({ recorded_rows_max: undefined })
    expect(rows(', recorded_rows_max: 0')).toMatchObject({ recorded_rows_max: 0 })
    expect(rows(', recorded_rows_max: 1000')).toMatchObject({ recorded_rows_max: 1000 })
    for (const wrong of ['-1', '1.5', 'all'])
      expect(rows(`, recorded_rows_max: ${wrong}`)).toContain('targets[0].recorded_rows_max')
  })
  test('says what becomes of the values of a column', () => {
    const strategies = [
      ['partial(0, 4)', { kind: 'partial', first: 0, last: 4 }],
      ['partial(2,1)', { kind: 'partial', first: 2, last: 1 }],
      ['hash', { kind: 'hash' }],
      ['null', { kind: 'null' }],
      ['mask', { kind: 'mask' }],
    ] as const
    for (const [text, strategy] of strategies) {
      const column = `{ public.people.ssn: { rule: ssn, strategy: "${text}" } }`
      const parsed = parse(target(`, columns: ${column}`))
      if (!parsed.ok) throw new Error(parsed.problem)
      expect(parsed.config.targets[0]).toMatchObject({
        columns: { 'public.people.ssn': { rule: 'ssn', strategy } },
      })
    }
  })
  test('without TLS is a warning, but for one on loopback', () => {
    const far = parse(target(', tls: off'))
    expect(far.ok && far.warnings.join('\n')).toContain('targets[0].tls: is off')
    const near = parse(target(', tls: off').replace('10.0.0.9', '127.0.0.1'))
    expect(near.ok && near.warnings.join('\n')).not.toContain('tls')
  })
  const bad: readonly (readonly [rest: string, problem: string])[] = [
    [', host_key: HOST', 'targets[0].host_key: is of targets with the protocol ssh alone'],
    [', via: a@b', 'targets[0].via: is of targets with the protocol ssh alone'],
    [', tls: prefer', 'targets[0].tls: expected verify-full or off'],
    [', ca_file: nowhere.pem', 'targets[0].ca_file: nowhere.pem: no such file'],
    [', ca_file: password', 'targets[0].ca_file: password: expected a certificate in PEM'],
    [', columns: { people.ssn: ssn }', 'expected SCHEMA.TABLE.COLUMN'],
    [', columns: { public.people.ssn: "SSN!" }', 'expected a-z, 0-9 and "-"'],
    [
      ', columns: { public.people.ssn: { rule: ssn, strategy: "partial(100,0)" } }',
      'expected mask, partial(FIRST,LAST), hash or null',
    ],
  ]
  for (const [rest, problem] of bad)
    test(problem, () => expect(problemOf(target(rest))).toContain(problem))
  test('takes no key', () =>
    expect(
      problemOf(target('').replace('password_file: password', 'private_key_file: deploy')),
    ).toContain('PostgreSQL takes a password: use password_file'))
  test('of SSH has nothing of it', () =>
    expect(
      problemOf(
        `${auditors}\ntargets: [{ name: o, protocol: ssh, address: "h:1", host_key: HOST, columns: {}, accounts: { a: { password_file: password } } }]`,
      ),
    ).toContain('targets[0].columns: is of targets with the protocol postgres alone'))
})

describe('the listener', () => {
  test('on loopback needs no certificate, elsewhere it does', () => {
    expect(problemOf(`listen: { postgres: "127.0.0.1:5433" }\n${auditors}`)).toBe('accepted')
    expect(problemOf(`listen: { postgres: "0.0.0.0:5433" }\n${auditors}`)).toContain(
      'listen.postgres: needs gateway.tls, or an address of loopback',
    )
  })
  testWith([openssl], 'has a certificate and the key of it', () => {
    const text = (cert: string, key: string): string =>
      `gateway: { tls: { cert_file: ${cert}, key_file: ${key} } }\nlisten: { postgres: "0.0.0.0:5433" }\n${auditors}`
    expect(problemOf(text('tls.pem', 'tls.key'))).toBe('accepted')
    expect(problemOf(text('tls.pem', 'ca.key'))).toContain('this is not the key of the certificate')
    expect(problemOf(text('tls.key', 'tls.key'))).toContain('expected a certificate in PEM')
    expect(problemOf(text('tls.pem', 'tls.pem'))).toContain('expected a private key in PEM')
    writeFileSync(join(folder, 'empty'), '', { mode: 0o600 })
    expect(problemOf(text('tls.pem', 'empty'))).toContain('expected a private key in PEM')
  })
})
