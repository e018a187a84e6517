/**
 * `policy.shell`: whether there are interactive shells, and how surely their commands must be known.
 *
 * @module
 */
import { z } from 'zod'

/** Only a command that is given to ssh is known exactly: no shell, then. */
export type ShellFile =
  | 'allow'
  | 'deny'
  | { readonly minimum_confidence: 'screen' | 'shell' | 'exact' }

export const shell: z.ZodType<ShellFile> = z.union([
  z.enum(['allow', 'deny']),
  z.strictObject({ minimum_confidence: z.enum(['screen', 'shell', 'exact']) }),
])

/** What is asked of interactive shells; `none`: there are none. */
export type ShellChoice = 'screen' | 'shell' | 'none'

export function shellChoice(said: ShellFile | undefined): ShellChoice {
  if (said === undefined || said === 'allow') return 'screen'
  if (said === 'deny' || said.minimum_confidence === 'exact') return 'none'
  return said.minimum_confidence
}
