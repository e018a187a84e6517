/**
 * Known secrets over the real wire: a value that is listed, and the password that the gateway logs in with, come
 * back masked from a real sshd, as they are and encoded, and nothing of them rests in the data directory.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, sshd, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { openTerminal } from './terminal.ts'

const needs = [ssh, sshd]
const made = (prefix: string): string => `${prefix}-${randomBytes(9).toString('hex')}`
const stars = (text: string): string => '*'.repeat(text.length)
const encode = (text: string, encoding: 'base64' | 'hex'): string =>
  Buffer.from(text).toString(encoding)

describe('known secrets', () => {
  const listed = made('Listed')
  const password = made('Of-the-account')
  let dir = ''
  let guarded: Guarded

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-known-'))
    const file = (name: string, text: string): string => {
      const path = join(dir, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    const known_secrets_file = file('known', `# one\n${listed}\n`)
    guarded = await openGuarded({
      sections: { masking: { known_secrets_file } },
      // Nobody goes there: its password is what counts.
      targets: (target) => [
        {
          name: 'db-1',
          address: target.address,
          host_key: target.host_key.public_line,
          accounts: { root: { password_file: file('password', `${password}\n`) } },
        },
      ],
    })
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  testWith(needs, 'come back masked, as they are and encoded', async () => {
    for (const secret of [listed, password]) {
      const echoed = await guarded.run(`echo "a ${secret} b"; echo "${secret}" >&2`)
      expect(echoed).toEqual({
        code: 0,
        stdout: `a ${stars(secret)} b\n`,
        stderr: `${stars(secret)}\n`,
      })
      const coded = await guarded.run(
        `printf '${secret}' | base64 | tr -d '\\n'; printf '${secret}' | od -An -v -tx1 | tr -d ' \\n'`,
      )
      expect(coded.stdout).toMatch(/^\*+=*\*+$/)
      expect(coded.stdout.length).toBe((encode(secret, 'base64') + encode(secret, 'hex')).length)
      // One byte before it, so that it begins in the midst of a group of three.
      const shifted = await guarded.run(`printf ':${secret}' | base64`)
      expect(shifted.stdout).toMatch(/^O\*+=*\n$/)
    }
  })

  testWith(needs, 'are not seen either when they are printed slowly', async () => {
    const slowly = `for part in $(printf '${listed}' | sed 's/./& /g'); do printf %s "$part"; sleep 0.02; done`
    expect((await guarded.run(slowly)).stdout).toBe(stars(listed))
  })

  testWith(needs, 'leave what is typed readable, until it is one of them', async () => {
    const inputrc = join(dir, 'inputrc')
    writeFileSync(inputrc, 'set enable-bracketed-paste off\n')
    await using terminal = openTerminal(
      sshArguments({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [guarded.client.file],
        options: ['-tt', '-o', 'LogLevel=ERROR'],
        command: `INPUTRC=${inputrc} PS1='ready> ' exec bash --norc --noprofile`,
      }),
      { columns: 200 },
    )
    const type = async (text: string): Promise<void> => {
      // Key by key, as fingers do: each key is echoed by itself.
      for (const key of text) {
        terminal.type(key)
        await Bun.sleep(25)
      }
    }
    await terminal.until(/ready> $/)
    await type('echo Lo, Lis, Of-th\r')
    await terminal.until(/\r\nLo, Lis, Of-th\r\n/)
    expect(terminal.text()).toContain('ready> echo Lo, Lis, Of-th\r\n')
    await type(`echo ${listed}\rexit\r`)
    await terminal.exited
    expect(terminal.text()).toContain(
      `ready> echo Lis${stars(listed).slice(3)}\r\n${stars(listed)}\r\n`,
    )
  })

  testWith(needs, 'are on record by their label, and rest nowhere', async () => {
    const sessions = await guarded.sessions()
    const labels = new Set<string>()
    for (const { id } of sessions)
      for (const { header } of await guarded.records(id))
        if ('spans' in header) for (const { rule } of header.spans) labels.add(rule)
    expect([...labels]).toEqual(['known-secret'])
    for (const secret of [listed, password])
      for (const form of [
        secret,
        encode(secret, 'base64').replace(/=+$/, '').slice(0, -1),
        encode(secret, 'hex'),
      ])
        expect(filesWith(guarded.data, form)).toEqual([])
    // It would find them: what stood beside them is in the journal.
    expect(filesWith(guarded.data, `a ${stars(listed)} b`).length).toBeGreaterThan(0)
    expect(guarded.gateway.stderr()).not.toMatch(new RegExp(`${listed}|${password}`))
  })
})
