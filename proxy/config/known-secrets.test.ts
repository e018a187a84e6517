/**
 * Which values are masked because they are known, and what is said of a file of them: a line, never what is in it.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedConfig } from '../config.ts'
import { account, auditors, createConfigFixture } from './fixture.ts'

const { folder, parse, problemOf, remove } = createConfigFixture()
afterAll(remove)

const secret = 'hunter2-hunter2'
const config = `masking: { known_secrets_file: known }\n${auditors}`

function write(content: string | Uint8Array, mode = 0o600, name = 'known'): void {
  writeFileSync(join(folder, name), content, { mode })
}

function good(text: string): Extract<LoadedConfig, { ok: true }> {
  const parsed = parse(text)
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed
}

describe('the file', () => {
  test('has one value a line; blank lines and comments are none, and a line end may be CRLF', () => {
    write(`# of the shop\r\n${secret}\r\n\r\n   \n  \t\nпароль\npass#word\n`)
    const { known } = good(config).config.masking
    expect(known.count).toBe(3)
    expect(known.take()).toEqual(
      [secret, 'пароль', 'pass#word'].map((text) => ({ text, held_by: 'targets' })),
    )
  })

  test('may say a value twice', () => {
    write(`${secret}\n${secret}`)
    expect(good(config).config.masking.known.count).toBe(1)
  })

  const at = 's.yaml:1:12 masking.known_secrets_file: known: '
  const refused: readonly (readonly [content: string | Uint8Array, problem: string])[] = [
    ['# a\n\nabc12\n', 'line 3: shorter than 6 bytes: it would mask ordinary text'],
    [`${secret}\n${'x'.repeat(1025)}\n`, 'line 2: longer than 1024 bytes'],
    [`${secret} \n`, 'line 1: a space at its beginning or end; leave it out, the rest is masked'],
    [`\t${secret}\n`, 'line 1: a space at its beginning or end; leave it out, the rest is masked'],
    [Uint8Array.of(0x61, 0x62, 0x63, 0x64, 0x65, 0xff, 0xfe), 'line 1: this is not UTF-8'],
    [`${secret}\n`.repeat(5000), 'larger than 65536 bytes'],
  ]
  for (const [content, problem] of refused)
    test(`is refused: ${problem}`, () => {
      write(content)
      const found = problemOf(config)
      expect(found).toBe(at + problem)
      expect(found).not.toContain(secret)
    })

  test('must be there, and is no value itself', () => {
    expect(problemOf(config.replace('known }', 'nowhere }'))).toBe(
      's.yaml:1:12 masking.known_secrets_file: nowhere: no such file',
    )
    expect(problemOf(config.replace('known }', '7 }'))).toContain('expected a string')
  })

  test('is warned of when others can read it, or nothing is in it', () => {
    write(`${secret}\n`, 0o644, 'known-open')
    expect(good(config.replace('known }', 'known-open }')).warnings).toContain(
      's.yaml:1:12 masking.known_secrets_file: known-open: mode 0644 is too open for a secret: chmod 600',
    )
    write('# nothing yet\n')
    expect(good(config).warnings).toContain(
      's.yaml:1:12 masking.known_secrets_file: known: no value is in it',
    )
  })
})

describe('what the gateway logs in with', () => {
  test('is known too: passwords of accounts, and client secrets', () => {
    const oidc =
      'identity: { oidc: [{ name: idp, issuer: "https://idp.example.com", client_id: a, client_secret: "${ENV:DEPLOY_PASSWORD}" }] }\n'
    const { known } = good(oidc + account('{ password_file: password }')).config.masking
    expect(known.take()).toEqual([
      { text: 'tr0ub4dor', held_by: 'gateway' },
      { text: 'from the environment', held_by: 'gateway' },
    ])
  })

  test('is listed as well: then it is what a target may print', () => {
    write('tr0ub4dor\n')
    const both = `masking: { known_secrets_file: known }\n${account('{ password_file: password }')}`
    expect(good(both).config.masking.known.take()).toEqual([
      { text: 'tr0ub4dor', held_by: 'targets' },
    ])
  })

  test('is warned of when it is too short to be masked', () => {
    write('12345\n', 0o600, 'short')
    const { config: loaded, warnings } = good(account('{ password_file: short }'))
    expect(warnings).toContain(
      's.yaml:8:17 targets[0].accounts.deploy.password_file: short: it is not masked in output: only 6 to 1024 bytes can be',
    )
    expect(loaded.masking.known.count).toBe(0)
  })
})

test('the values are given away once, and never printed', () => {
  write(`${secret}\n`)
  const { config: loaded } = good(config)
  const printed = `${JSON.stringify(loaded)}${Bun.inspect(loaded, { depth: 20 })}`
  expect(printed).not.toContain(secret)
  loaded.masking.known.take()
  expect(() => loaded.masking.known.take()).toThrow('taken already')
})
