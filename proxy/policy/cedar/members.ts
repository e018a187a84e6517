/**
 * Which members of the context policies read: an answer cannot depend on another.
 *
 * @module
 */
import type * as Cedar from '@cedar-policy/cedar-wasm/web'

/** `context.x` and `context has x`; any other use of `context` reads all of it. */
export function membersOf(
  policies: readonly { readonly json: Cedar.PolicyJson }[],
): ReadonlySet<string> | undefined {
  const members = new Set<string>()
  let reads_all = false
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const each of value) walk(each)
      return
    }
    if (typeof value !== 'object' || value === null) return
    if ('Var' in value && value.Var === 'context') reads_all = true
    for (const [key, inner] of Object.entries(value)) {
      if ((key === '.' || key === 'has') && isContext(inner)) {
        for (const name of [inner.attr].flat()) members.add(name)
      } else walk(inner)
    }
  }
  for (const { json } of policies) walk(json.conditions)
  return reads_all ? undefined : members
}

function isContext(value: unknown): value is { readonly attr: string | readonly string[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'attr' in value &&
    'left' in value &&
    typeof value.left === 'object' &&
    value.left !== null &&
    'Var' in value.left &&
    value.left.Var === 'context'
  )
}
