/**
 * Recognises tools that lead past the gateway: what they set up is not identified, masked or recorded any more. It
 * stops their ordinary use, with a reason; whoever may run a command can do the same by hand.
 *
 * @module
 */
import { baseName, unwrap } from './program.ts'
import { simpleCommands } from './shell-words.ts'

export interface Detour {
  readonly tool: 'ssh-copy-id' | 'mosh'
  /** For the user: why not, and what to do instead. */
  readonly message: string
}

/** The script of contrib/ssh-copy-id in OpenSSH, from 7 to 10: keys on its input, appended to a file of keys. */
const installs_keys = /\bumask 0?77\b.*\bcat >> ?"?[^"'|;&]*authorized_keys/s

/** `command` as it came over the wire. */
export function recogniseDetour(command: Uint8Array): Detour | undefined {
  const line = new TextDecoder().decode(command)
  if (installs_keys.test(line))
    return {
      tool: 'ssh-copy-id',
      message:
        "ssh-copy-id is refused: a key of yours at the target would be a way past the gateway, which logs in there with its own; ask the gateway's administrator to register your key (identity.keys)",
    }
  if (simpleCommands(line).some((words) => baseName(unwrap(words)[0] ?? '') === 'mosh-server'))
    return {
      tool: 'mosh',
      message:
        'mosh is refused: it would go on over UDP past the gateway, neither masked nor recorded; use ssh, and tmux at the target to come back to a session',
    }
  return undefined
}
