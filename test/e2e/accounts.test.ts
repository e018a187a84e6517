/**
 * Two accounts of one target, one by a key and one by a password: whoever asks for one gets that one and no other, and
 * it is the one on record.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { openssl, ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'

/** Of the target alone, whose server has an `/etc/passwd` of its own. */
const other = 'deploy'
const unshare = '/usr/bin/unshare'
const needs = [ssh, sshd, ssh_keygen, openssl, unshare]

/** Runs a program that knows one account more. */
function withAccount(dir: string, password: string): readonly string[] {
  const passwd = join(dir, 'passwd')
  writeFileSync(
    passwd,
    `${readFileSync('/etc/passwd', 'utf8')}${other}:x:64242:65534::/tmp:/bin/bash\n`,
  )
  // The machine's own passwords stay where they are.
  const hash = Bun.spawnSync([openssl, 'passwd', '-6', '-stdin'], { stdin: Buffer.from(password) })
  const shadow = join(dir, 'shadow')
  const lines = [`root:*:19000::::::`, `${other}:${hash.stdout.toString().trim()}:19000::::::`]
  writeFileSync(shadow, `${lines.join('\n')}\n`, { mode: 0o600 })
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
      const password = randomBytes(12).toString('hex')
      const password_file = join(dir, 'password')
      writeFileSync(password_file, `${password}\n`, { mode: 0o600 })
      guarded = await openGuarded({
        sshd: {
          machine: { host: '127.0.0.1', run: withAccount(dir, password) },
          config: [`Match User ${other}`, 'PasswordAuthentication yes'],
        },
        targets: (target) => [
          {
            name: 'db-1',
            address: target.address,
            host_key: target.host_key.public_line,
            accounts: {
              [target.account]: { private_key_file: target.user_key.file },
              [other]: { password_file },
            },
          },
        ],
      })
    }, 60_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
      rmSync(dir, { recursive: true, force: true })
    }, 30_000)

    testWith(
      needs,
      'each is reached by its name and its own credential, and is on record',
      async () => {
        const { account } = guarded.target
        for (const name of [other, account]) {
          const ran = await guarded.run('id -un', `${name}@db-1`)
          expect(ran).toEqual({ code: 0, stdout: `${name}\n`, stderr: '' })
          expect((await guarded.sessions())[0]).toMatchObject({ account: name, target: 'db-1' })
        }
      },
    )

    testWith(needs, 'the account of one target is none of another', async () => {
      const ran = await guarded.run('id -un', `${other}@web-1`)
      expect(ran.code).not.toBe(0)
      expect(ran.stdout).toBe('')
      expect((await guarded.sessions())[0]).toMatchObject({ account: other, target: 'web-1' })
      expect(guarded.target.log()).not.toContain(`Failed password for ${other}`)
    })
  },
)
