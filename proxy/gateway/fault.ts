/**
 * What the operator's log says of a fault of ours.
 *
 * @module
 */

/** Where it happened. Not its message, which may hold what a user or a target sent. */
export function describeFault(error: unknown): { error: string; at: string } {
  if (!(error instanceof Error)) return { error: typeof error, at: '' }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s*at /.test(line))
  return { error: error.name, at: frames.slice(0, 5).join(' ').replaceAll(/\s+/g, ' ') }
}
