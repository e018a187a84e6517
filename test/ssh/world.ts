/**
 * One sshd and the keys of one person, shared by the tests of a file.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KeyPair, makeKey } from '../fixture/keys.ts'
import { runSsh, type SshCommand, type SshResult } from '../fixture/ssh.ts'
import { type Sshd, startSshd } from '../fixture/sshd.ts'
import { type Straight, type StraightOptions, sshdTarget, startStraight } from './straight.ts'

export interface World extends AsyncDisposable {
  readonly dir: string
  readonly sshd: Sshd
  readonly host_key: KeyPair
  readonly user_key: KeyPair
  /** A connector in front of the sshd, without policy, masking and recording. */
  straight(options?: Partial<StraightOptions>): Promise<Straight>
  /** Runs the OpenSSH client through it, to the sshd unless `login` says otherwise. */
  ssh(straight: Straight, command: Partial<SshCommand>): Promise<SshResult>
}

export async function openWorld(): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ssh-'))
  const host_key = makeKey(join(dir, 'host'))
  const user_key = makeKey(join(dir, 'user'))
  const sshd = await startSshd()
  return {
    dir,
    sshd,
    host_key,
    user_key,
    straight: (options = {}) =>
      startStraight({ host_key, user_key, targets: [sshdTarget(sshd)], ...options }),
    ssh: (straight, command) =>
      runSsh({
        port: straight.port,
        login: `${sshd.account}@web-1`,
        identities: [user_key.file],
        ...command,
      }),
    async [Symbol.asyncDispose]() {
      await sshd.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** What the client adds that is not ours. */
export const withoutWarning = (stderr: string): string =>
  stderr.replace(/^Warning: Permanently added .*\r?\n/gm, '')
