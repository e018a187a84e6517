/**
 * What the trial has beside the built-in policy: a machine that nobody enters without a grant.
 *
 * @module
 */

/** The same machine as the other by another name. */
export const granted_target = 'vault'

export const trial_policy: { readonly name: string; readonly text: string } = {
  name: 'trial.cedar',
  text: `
@id("trial.grant")
@reason("it is entered by a grant alone")
forbid (principal, action == Action::"connect", resource == Target::"${granted_target}")
unless { context has grant };
`,
}
