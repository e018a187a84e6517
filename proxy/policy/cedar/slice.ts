/**
 * The policies that a question can touch at all, by their scopes: the others are not asked, so that a thousand rules
 * for other people and targets cost nothing.
 *
 * @module
 */
import type * as Cedar from '@cedar-policy/cedar-wasm/web'
import { cedar } from './library.ts'
import { slice_keys_max, slices_max } from './limits.ts'
import { type LoadedPolicy, uidOf } from './load.ts'
import { membersOf } from './members.ts'

/** Who and what, as names. */
export interface Scope {
  readonly subject: string
  readonly groups: readonly string[]
  readonly target: string
  /** `env=prod` */
  readonly labels: readonly string[]
  readonly action: string
  /** A target unless given. */
  readonly resource_type?: ResourceType
  /** Those alone that permit whatever the command is: a line that may be another satisfies no other permit. */
  readonly is_blind?: boolean
}

export type ResourceType = 'Target' | 'Gateway'

/** What a policy knows of a command because it was read. */
const read_members = [
  ...(['program', 'arguments', 'command', 'sudo', 'risk', 'findings', 'opaque'] as const),
]

export interface Slice {
  /** By which Cedar knows the prepared set. */
  readonly set: string
  readonly policies: readonly LoadedPolicy[]
  /** Members of the context that these policies read; undefined when they may read any. */
  readonly members: ReadonlySet<string> | undefined
}

export interface Slicer {
  slice(scope: Scope): Slice
  /** Texts with a dot in conditions: what a policy may mean by the name of an object. */
  readonly qualified: readonly string[]
  /** Groups that any policy names; a person may have thousands of others. */
  readonly groups: ReadonlySet<string>
}

/** `prefix`: of the names of prepared sets; two gateways of one process must not share one. */
export function createSlicer(policies: readonly LoadedPolicy[], prefix: string): Slicer {
  const groups = new Set(policies.flatMap(({ json }) => entitiesIn(json, 'Group')))
  const by_key = new Map<string, Slice>()
  const by_content = new Map<string, Slice>()
  const free = Array.from({ length: slices_max }, (_, index) => `${prefix}/${index}`)

  const prepare = (indices: readonly number[]): Slice => {
    const content = indices.join(',')
    const known = by_content.get(content)
    if (known !== undefined) {
      by_content.delete(content)
      by_content.set(content, known)
      return known
    }
    const chosen = indices.flatMap((index) => policies[index] ?? [])
    const [oldest] = by_content.entries()
    let set = free.pop()
    if (set === undefined && oldest !== undefined) {
      // Its name gets another content: nobody may remember it.
      set = oldest[1].set
      by_content.delete(oldest[0])
      for (const [key, slice] of by_key) if (slice === oldest[1]) by_key.delete(key)
    }
    const name = set ?? `${prefix}/0`
    const prepared = cedar().preparsePolicySet(name, {
      staticPolicies: Object.fromEntries(chosen.map(({ id, text }) => [id, text])),
    })
    if (prepared.type === 'failure') throw new Error('policies that were valid cannot be prepared')
    const slice = { set: name, policies: chosen, members: membersOf(chosen) }
    by_content.set(content, slice)
    return slice
  }

  return {
    groups,
    qualified: [
      ...new Set(
        policies
          .flatMap(({ json }) => textsIn(json.conditions))
          .filter((text) => text.includes('.')),
      ),
    ],
    slice(scope) {
      const named = scope.groups.filter((group) => groups.has(group))
      const is_blind = scope.is_blind === true
      const key = JSON.stringify([scope.action, scope.target, scope.subject, named, is_blind])
      const known = by_key.get(key)
      if (known !== undefined) return known
      const slice = prepare(
        policies.flatMap((policy, index) =>
          mayApply(policy.json, scope) && (!is_blind || permitsBlindly(policy)) ? [index] : [],
        ),
      )
      if (by_key.size >= slice_keys_max) by_key.clear()
      by_key.set(key, slice)
      return slice
    },
  }
}

function permitsBlindly(policy: LoadedPolicy): boolean {
  const members = membersOf([policy])
  return (
    policy.effect === 'permit' &&
    members !== undefined &&
    !read_members.some((name) => members.has(name))
  )
}

function mayApply(json: Cedar.PolicyJson, scope: Scope): boolean {
  return (
    actionApplies(json.action, scope.action) &&
    fits(json.principal, 'User', scope.subject, 'Group', scope.groups) &&
    fits(json.resource, scope.resource_type ?? 'Target', scope.target, 'Label', scope.labels)
  )
}

export function actionApplies(action: Cedar.ActionConstraint, name: string): boolean {
  if (action.op === 'All') return true
  if (action.op === '==') return !('entity' in action) || uidOf(action.entity).id === name
  return ('entities' in action ? action.entities : [action.entity]).some(
    (uid) => uidOf(uid).id === name,
  )
}

/** Whether a policy is about this action by name, not only about all. */
export const namesAction = (action: Cedar.ActionConstraint, name: string): boolean =>
  action.op !== 'All' && actionApplies(action, name)

/** Whether the scope can hold; what is not understood may. */
function fits(
  constraint: Cedar.PrincipalConstraint | Cedar.ResourceConstraint,
  type: string,
  id: string,
  parent: string,
  parents: readonly string[],
): boolean {
  const isIn = (uid: Cedar.TypeAndId): boolean =>
    (uid.type === type && uid.id === id) || (uid.type === parent && parents.includes(uid.id))
  switch (constraint.op) {
    case 'All':
      return true
    case '==':
      return !('entity' in constraint) || isIn(uidOf(constraint.entity))
    case 'in':
      return !('entity' in constraint) || isIn(uidOf(constraint.entity))
    case 'is': {
      const inside = constraint.in
      return (
        constraint.entity_type === type &&
        (inside === undefined || !('entity' in inside) || isIn(uidOf(inside.entity)))
      )
    }
  }
}

/** Every constant text. */
function textsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn)
  if (typeof value !== 'object' || value === null) return []
  const own = 'Value' in value && typeof value.Value === 'string' ? [value.Value] : []
  return [...own, ...Object.values(value).flatMap(textsIn)]
}

/** Every entity of a type that a policy names, wherever it does. */
function entitiesIn(value: unknown, type: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((each) => entitiesIn(each, type))
  if (typeof value !== 'object' || value === null) return []
  const own =
    'type' in value && value.type === type && 'id' in value && typeof value.id === 'string'
      ? [value.id]
      : []
  return [...own, ...Object.values(value).flatMap((each) => entitiesIn(each, type))]
}
