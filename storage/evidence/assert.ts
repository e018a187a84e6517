/**
 * The check for faults of the programmer. The format's own, because it must run where Node's is not.
 *
 * @module
 */

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
