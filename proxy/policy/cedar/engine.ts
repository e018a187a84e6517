/**
 * Asks Cedar, and says which policies decided. An error of Cedar's denies.
 *
 * @module
 */
import type * as Cedar from '@cedar-policy/cedar-wasm/web'
import type { Identity } from '../../core/identity.ts'
import { cedar } from './library.ts'
import { answer_key_characters_max, answers_max } from './limits.ts'
import type { Approval, LoadedPolicy } from './load.ts'
import type { ActionName } from './schema.ts'
import { createSlicer, type ResourceType, type Scope } from './slice.ts'

export interface Question {
  readonly identity: Pick<Identity, 'issuer' | 'subject' | 'groups' | 'method'>
  readonly action: ActionName
  readonly target: string
  /** Of which `target` is the name: a target unless given. */
  readonly resource_type?: ResourceType
  readonly labels: Readonly<Record<string, string>>
  readonly context: Readonly<Record<string, Cedar.CedarValueJson>>
  /** Asks those policies alone that permit without reading the command. */
  readonly is_blind?: boolean
}

export type Answer =
  /** `break_glass`: the first of the policies with that annotation. */
  | { readonly kind: 'allow'; readonly rule: string; readonly break_glass: string | undefined }
  /** Each of the approvals is needed. */
  | {
      readonly kind: 'hold'
      readonly rule: string
      readonly reason?: string
      readonly approvals: readonly Approval[]
      readonly break_glass: string | undefined
    }
  /** `rule` is empty when nothing permits it. */
  | { readonly kind: 'deny'; readonly rule: string; readonly reason?: string }
  | { readonly kind: 'error' }

/** Answers are pure: the same question has the same answer. */
export interface Engine {
  ask(question: Question): Answer
  /** What policies may mean by the name of an object: texts with a dot. */
  readonly qualified: readonly string[]
  /** Whether an answer can depend on a member of the context. */
  reads(question: Omit<Question, 'context'>, member: string): boolean
  /** Has the rules ready that such a question will need. */
  prepare(question: Omit<Question, 'context'>): void
  /** Whether every such question is allowed, whatever its context says. */
  allowsAll(question: Omit<Question, 'context'>): boolean
}

let engines = 0

/** `prefix`: of the names of what is prepared; its own unless given. */
export function createEngine(policies: readonly LoadedPolicy[], prefix?: string): Engine {
  engines += 1
  const slicer = createSlicer(policies, prefix ?? `sluice-${engines}`)
  const order = new Map(policies.map(({ id }, index) => [id, index]))
  const by_id = new Map(policies.map((policy) => [policy.id, policy]))
  const answers = new Map<string, Answer>()

  const deciding = (ids: readonly string[]): readonly LoadedPolicy[] =>
    ids
      .flatMap((id) => by_id.get(id) ?? [])
      .toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0))

  const scopeOf = ({
    identity,
    action,
    target,
    labels,
    resource_type = 'Target',
    is_blind = false,
  }: Omit<Question, 'context'>): Scope => ({
    subject: identity.subject,
    groups: identity.groups.filter((group) => slicer.groups.has(group)),
    target,
    labels: Object.entries(labels).map(([name, value]) => `${name}=${value}`),
    action,
    resource_type,
    is_blind,
  })

  return {
    qualified: slicer.qualified,
    prepare: (question) => void slicer.slice(scopeOf(question)),
    allowsAll(question) {
      const { policies: asked } = slicer.slice(scopeOf(question))
      return (
        asked.every(({ effect, approval }) => effect === 'permit' && approval === undefined) &&
        // Without a condition, whose error would deny. Its scope was compared by name, of which this is sure.
        asked.some(({ json }) => json.conditions.length === 0)
      )
    },
    reads(question, member) {
      const { members } = slicer.slice(scopeOf(question))
      return members === undefined || members.has(member)
    },
    ask(question) {
      const { identity, action, target, resource_type = 'Target' } = question
      const scope = scopeOf(question)
      const { groups, labels } = scope
      const slice = slicer.slice(scope)
      const { members } = slice
      const context: Record<string, Cedar.CedarValueJson> =
        members === undefined
          ? { ...question.context }
          : Object.fromEntries(
              Object.entries(question.context).filter(([name]) => members.has(name)),
            )
      const key = JSON.stringify([
        action,
        scope.is_blind,
        target,
        labels,
        identity.issuer,
        identity.subject,
        identity.method,
        groups,
        context,
      ])
      const known = answers.get(key)
      if (known !== undefined) return known
      const answer = decide(
        cedar().statefulIsAuthorized({
          principal: { type: 'User', id: identity.subject },
          action: { type: 'Action', id: action },
          resource: { type: resource_type, id: target },
          context,
          preparsedPolicySetId: slice.set,
          entities: [
            {
              uid: { type: 'User', id: identity.subject },
              attrs: { issuer: identity.issuer, method: identity.method },
              parents: groups.map((id) => ({ type: 'Group', id })),
            },
            {
              uid: { type: resource_type, id: target },
              attrs: { name: target },
              parents: labels.map((id) => ({ type: 'Label', id })),
              tags: question.labels,
            },
          ],
        }),
      )
      if (key.length > answer_key_characters_max) return answer
      if (answers.size >= answers_max) answers.clear()
      answers.set(key, answer)
      return answer
    },
  }

  function decide(given: Cedar.AuthorizationAnswer): Answer {
    if (given.type === 'failure' || given.response.diagnostics.errors.length > 0)
      return { kind: 'error' }
    const { decision, diagnostics } = given.response
    const by = deciding(diagnostics.reason)
    const [first] = by
    if (decision === 'deny')
      return {
        kind: 'deny',
        rule: first?.id ?? '',
        ...(first?.reason === undefined ? {} : { reason: first.reason }),
      }
    const break_glass = by.find((policy) => policy.break_glass === true)?.id
    const held = by.filter(({ approval }) => approval !== undefined)
    const [hold] = held
    if (hold !== undefined)
      return {
        kind: 'hold',
        rule: hold.id,
        ...(hold.reason === undefined ? {} : { reason: hold.reason }),
        approvals: held.flatMap(({ approval }) => approval ?? []),
        break_glass,
      }
    // Allowed, and no policy says so: that is not how Cedar works.
    return first === undefined ? { kind: 'error' } : { kind: 'allow', rule: first.id, break_glass }
  }
}
