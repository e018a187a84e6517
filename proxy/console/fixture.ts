/**
 * For tests: pages on which nobody can do anything, but for what a test says.
 *
 * @module
 */
import type { ConsolePorts } from './ports.ts'

export const nobody = { allowed: false, rule: 'identity.sign_in.unusable', message: 'no' } as const

/** `changes` replace whole parts. */
export const consolePorts = (
  origin: string,
  changes: Partial<ConsolePorts> = {},
): ConsolePorts => ({
  origin: () => origin,
  logins: {
    providers: [],
    begin: async () => nobody,
    finish: async () => nobody,
    saml: { metadata: async () => undefined, accept: async () => nobody },
  },
  terminals: {
    waiting: async () => undefined,
    hold: () => undefined,
    held: () => undefined,
    decide: async () => ({ ok: false, message: 'no' }),
  },
  sessions: { open: () => undefined, find: () => undefined, close: () => {} },
  ...changes,
})
