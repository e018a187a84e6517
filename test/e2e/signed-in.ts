/**
 * A person at a terminal who signs in at a real provider.
 *
 * @module
 */
import type { Issuer } from '../../proxy/trial/issuer.ts'
import type { Guarded } from '../fixture/guarded.ts'
import { signIn } from '../fixture/sign-in.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { openTerminal, type Terminal } from './terminal.ts'

/** Their `ssh` as far as the question that it waits with: where to sign in, and by which code. */
export async function openAtSignIn(
  guarded: Guarded,
  command: string,
): Promise<{ readonly terminal: Terminal; readonly url: string; readonly code: string }> {
  const terminal = openTerminal(
    sshArguments({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [],
      options: ['-o', 'BatchMode=no', '-o', 'LogLevel=ERROR'],
      command,
    }),
    { columns: 200 },
  )
  await terminal.until(/press Enter here: $/)
  const [, url = '', code = ''] = /(https?:\S+)[^]* code (\S+)\./.exec(terminal.text()) ?? []
  return { terminal, url, code }
}

/** Their `ssh` runs a program that repeats what is typed. */
export async function openSignedIn(
  guarded: Guarded,
  issuer: Issuer,
  name: string,
): Promise<Terminal> {
  const { terminal, url } = await openAtSignIn(guarded, 'echo ready; cat')
  await signIn(url, name, issuer.passwords.get(name) ?? '')
  terminal.type('\r')
  await terminal.until(/ready\r?\n/)
  return terminal
}
