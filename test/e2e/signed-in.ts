/**
 * A person at a terminal who signed in at a real provider, by a device code.
 *
 * @module
 */
import type { Issuer } from '../../proxy/trial/issuer.ts'
import type { Guarded } from '../fixture/guarded.ts'
import { signIn } from '../fixture/sign-in.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { openTerminal, type Terminal } from './terminal.ts'

/** Their `ssh` runs a program that repeats what is typed. */
export async function openSignedIn(
  guarded: Guarded,
  issuer: Issuer,
  name: string,
): Promise<Terminal> {
  const terminal = openTerminal(
    sshArguments({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [],
      options: ['-o', 'BatchMode=no', '-o', 'LogLevel=ERROR'],
      command: 'echo ready; cat',
    }),
    { columns: 200 },
  )
  await terminal.until(/press Enter here: $/)
  const [, url = ''] = /(https?:\S+)[^]* code (\S+)\./.exec(terminal.text()) ?? []
  await signIn(url, name, issuer.passwords.get(name) ?? '')
  terminal.type('\r')
  await terminal.until(/ready\r?\n/)
  return terminal
}
