/**
 * Two accounts of one target, each with a credential of its own: whoever asks for one gets that one and no other, and it
 * is the one on record.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { makeKey } from '../fixture/keys.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'

/** Of the target alone, whose server has an `/etc/passwd` of its own. */
const other = 'deploy'
const unshare = '/usr/bin/unshare'
const needs = [ssh, sshd, ssh_keygen, unshare]

/** Runs a program that knows one account more. */
function withAccount(dir: string): readonly string[] {
  const passwd = join(dir, 'passwd')
  writeFileSync(
    passwd,
    `${readFileSync('/etc/passwd', 'utf8')}${other}:x:64242:65534::/tmp:/bin/bash\n`,
  )
  // Nobody's password: the machine's own stay where they are.
  const shadow = join(dir, 'shadow')
  writeFileSync(shadow, ['root', other].map((name) => `${name}:*:19000:0:99999:7:::\n`).join(''))
  const own = `mount --bind ${passwd} /etc/passwd && mount --bind ${shadow} /etc/shadow && exec "$@"`
  return [unshare, '--mount', 'sh', '-c', own, 'sh']
}

// It takes a user who may mount.
describe.skipIf(process.getuid?.() !== 0 && process.env['SLUICE_TEST_REQUIRE'] !== '1')(
  'two accounts of one target',
  () => {
    let guarded: Guarded
    let dir: string
    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'sluice-accounts-'))
      const key = makeKey(join(dir, 'other'))
      const authorized = join(dir, 'authorized_keys')
      writeFileSync(authorized, `${key.public_line}\n`)
      // sshd reads it as the account.
      chmodSync(dir, 0o755)
      guarded = await openGuarded({
        sshd: {
          machine: { host: '127.0.0.1', run: withAccount(dir) },
          config: [`Match User ${other}`, `AuthorizedKeysFile ${authorized}`],
        },
        targets: (target) => [
          {
            name: 'db-1',
            address: target.address,
            host_key: target.host_key.public_line,
            accounts: {
              [target.account]: { private_key_file: target.user_key.file },
              [other]: { private_key_file: key.file },
            },
          },
        ],
      })
    }, 60_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
      rmSync(dir, { recursive: true, force: true })
    }, 30_000)

    testWith(needs, 'each is reached by its name, and is on record', async () => {
      const { account } = guarded.target
      for (const name of [other, account]) {
        const ran = await guarded.run('id -un', `${name}@db-1`)
        expect(ran).toEqual({ code: 0, stdout: `${name}\n`, stderr: '' })
        expect((await guarded.sessions())[0]).toMatchObject({ account: name, target: 'db-1' })
      }
    })

    testWith(needs, 'the account of one target is none of another', async () => {
      const ran = await guarded.run('id -un', `${other}@web-1`)
      expect(ran.code).not.toBe(0)
      expect(ran.stdout).toBe('')
      expect((await guarded.sessions())[0]).toMatchObject({ account: other, target: 'web-1' })
      expect(guarded.target.log()).not.toContain(`Failed publickey for ${other}`)
    })
  },
)
