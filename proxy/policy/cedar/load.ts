/**
 * Policy files -> policies that Cedar has parsed and validated, each with its name, its scope and its annotations.
 * What is wrong is one line with the file and the position.
 *
 * @module
 */
import type * as Cedar from '@cedar-policy/cedar-wasm/web'
import { grant_scopes } from '../../core/access.ts'
import { cedar } from './library.ts'
import {
  expires_ms_default,
  expires_ms_max,
  expires_ms_min,
  policies_max,
  policy_characters_max,
  quorum_max,
} from './limits.ts'
import { membersOf } from './members.ts'
import { schema_text } from './schema.ts'

export interface PolicyFile {
  /** As its reader knows it. */
  readonly name: string
  readonly text: string
}

export interface LoadedPolicy {
  /** `@id`, or `FILE:LINE`. */
  readonly id: string
  readonly text: string
  readonly effect: 'permit' | 'forbid'
  readonly json: Cedar.PolicyJson
  readonly reason?: string
  readonly approval?: Approval
  /** Counts only where the grant is one that nobody approved. */
  readonly break_glass?: true
}

export interface Approval {
  /** Whose members may approve; empty for everybody whom policy lets approve. */
  readonly group: string
  readonly quorum: number
  readonly expires_ms: number
  /** Who approves signs with a passkey. */
  readonly passkey: boolean
}

export type LoadedPolicies =
  | {
      readonly ok: true
      readonly policies: readonly LoadedPolicy[]
      /** `FILE:LINE:COLUMN` of each, by its name. */
      readonly places: ReadonlyMap<string, string>
    }
  /** `FILE:LINE:COLUMN message`, one line. */
  | { readonly ok: false; readonly problem: string }

/** `before`: what was loaded already, beside which these files stand. */
export function loadPolicies(
  files: readonly PolicyFile[],
  before?: Extract<LoadedPolicies, { readonly ok: true }>,
): LoadedPolicies {
  const policies = [...(before?.policies ?? [])]
  const places = new Map(before?.places)
  for (const file of files) {
    if (file.text.length > policy_characters_max)
      return {
        ok: false,
        problem: `${file.name}:1:1 is longer than ${policy_characters_max} characters`,
      }
    const split = cedar().policySetTextToParts(file.text)
    if (split.type === 'failure') return problem(file, split.errors[0])
    if (split.policy_templates.length > 0)
      return {
        ok: false,
        problem: `${file.name}:1:1 has a template (?principal, ?resource); policies are static here`,
      }
    for (const { text, offset } of inOrder(file.text, split.policies)) {
      const at = place(file, offset)
      const read = readPolicy(text, `${file.name}:${lineOf(file.text, offset)}`)
      if (typeof read === 'string') return { ok: false, problem: `${at} ${read}` }
      const earlier = places.get(read.id)
      if (earlier !== undefined)
        return {
          ok: false,
          problem: `${at} the name ${JSON.stringify(read.id)} is that of the policy at ${earlier}, too`,
        }
      places.set(read.id, at)
      policies.push(read)
    }
    const validated = cedar().validate({
      schema: schema_text,
      policies: { staticPolicies: file.text },
    })
    if (validated.type === 'failure') return problem(file, validated.errors[0])
    const [first] = validated.validationErrors
    if (first !== undefined) return problem(file, first.error)
  }
  if (policies.length > policies_max)
    return { ok: false, problem: `${files[0]?.name ?? ''}:1:1 more than ${policies_max} policies` }
  return { ok: true, policies, places }
}

/** Cedar names the parts `policy0`, `policy1`, ..., and gives them in the order of these names as texts. */
function inOrder(
  text: string,
  parts: readonly string[],
): readonly { readonly text: string; readonly offset: number }[] {
  const numbers = parts.map((_, index) => String(index)).toSorted()
  const in_text = parts
    .map((part, index) => ({ part, number: Number(numbers[index]) }))
    .toSorted((a, b) => a.number - b.number)
  let from = 0
  return in_text.map(({ part }) => {
    const offset = Math.max(text.indexOf(part, from), from)
    from = offset + part.length
    return { text: part, offset }
  })
}

const annotations_known = new Set([
  'id',
  'reason',
  'approval',
  'quorum',
  'expires',
  'passkey',
  'break_glass',
])

function readPolicy(written: string, name: string): LoadedPolicy | string {
  const as_written = cedar().policyToJson(written)
  const is_break_glass =
    as_written.type === 'success' && Object.hasOwn(as_written.json.annotations ?? {}, 'break_glass')
  // Part of the policy itself, so that it can permit nothing else, whoever asks.
  const text = is_break_glass
    ? written.replace(/;\s*$/, ' when { context has grant && context.grant.break_glass };')
    : written
  const parsed = cedar().policyToJson(text)
  if (parsed.type === 'failure') return clean(parsed.errors[0]?.message ?? 'cannot be read')
  const { json } = parsed
  // Cedar gives null for an annotation without a value.
  const given: Readonly<Record<string, string | null>> = json.annotations ?? {}
  const unknown = Object.keys(given).find((key) => !annotations_known.has(key))
  if (unknown !== undefined)
    return `@${unknown} is not known; there are ${[...annotations_known].map((each) => `@${each}`).join(', ')}`
  const id = given['id'] ?? name
  if (!/^[\w./:@ -]{1,128}$/.test(id))
    return '@id: expected letters, digits and ./:@_- , at most 128'
  const reason = given['reason']
  if (typeof reason === 'string' && !/^[^\p{C}]{1,256}$/u.test(reason))
    return '@reason: expected one line of at most 256 characters'
  if (is_break_glass) {
    const wrong = whyNoBreakGlass(json, given)
    if (wrong !== undefined) return wrong
  }
  const approval = readApproval(json, given)
  if (typeof approval === 'string') return approval
  return {
    id,
    text,
    effect: json.effect,
    json,
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(approval === undefined ? {} : { approval }),
    ...(is_break_glass ? { break_glass: true } : {}),
  }
}

/** Actions that a grant may be for. */
const granted_actions: readonly string[] = ['connect', ...grant_scopes]

function whyNoBreakGlass(
  { effect, action }: Cedar.PolicyJson,
  given: Readonly<Record<string, string | null>>,
): string | undefined {
  if (effect === 'forbid') return '@break_glass belongs to a permit'
  if (Object.hasOwn(given, 'approval')) return '@break_glass is without an approval'
  const named =
    action.op === 'All'
      ? []
      : 'entities' in action
        ? action.entities
        : 'entity' in action
          ? [action.entity]
          : []
  const is_named = named.length > 0 && named.every((uid) => granted_actions.includes(uidOf(uid).id))
  return is_named
    ? undefined
    : `@break_glass: the policy must name its actions, of ${granted_actions.join(', ')}`
}

function readApproval(
  json: Cedar.PolicyJson,
  given: Readonly<Record<string, string | null>>,
): Approval | undefined | string {
  const { quorum, expires } = given
  const passkey = Object.hasOwn(given, 'passkey')
  if (!Object.hasOwn(given, 'approval'))
    return quorum === undefined && expires === undefined && !passkey
      ? undefined
      : '@quorum, @expires and @passkey belong to @approval'
  if (passkey && (given['passkey'] ?? '') !== '') return '@passkey: expected no value'
  if (json.effect === 'forbid')
    return '@approval belongs to a permit: what is forbidden cannot be approved'
  const { action } = json
  const asked = action.op === '==' && 'entity' in action ? uidOf(action.entity).id : ''
  const is_grant = asked === 'connect' && membersOf([{ json }])?.has('grant') === true
  if (asked !== 'exec' && asked !== 'query' && !is_grant)
    return '@approval is for commands, statements and grants: the policy must say action == Action::"exec", action == Action::"query", or action == Action::"connect" and when { context has grant }'
  const count = Number(quorum ?? 1)
  if (!Number.isInteger(count) || count < 1 || count > quorum_max)
    return `@quorum: expected a whole number from 1 to ${quorum_max}`
  if (passkey && is_grant)
    return '@passkey is for commands and statements: grants are approved without one'
  const otherwise_ms = is_grant ? expires_ms_max : expires_ms_default
  const expires_ms = expires === undefined ? otherwise_ms : duration(expires ?? '')
  if (expires_ms === undefined || expires_ms < expires_ms_min || expires_ms > expires_ms_max)
    return '@expires: expected a time such as 90s, 15m or 2h, from 1s to 24h'
  return { group: given['approval'] ?? '', quorum: count, expires_ms, passkey }
}

function duration(text: string): number | undefined {
  const found = /^(\d{1,6})([smh])$/.exec(text)
  if (found === null) return undefined
  const unit_ms = found[2] === 's' ? 1_000 : found[2] === 'm' ? 60_000 : 3_600_000
  return Number(found[1]) * unit_ms
}

export const uidOf = (uid: Cedar.EntityUidJson): Cedar.TypeAndId =>
  // oxlint-disable-next-line no-underscore-dangle -- Cedar's JSON has it
  'type' in uid ? uid : uid.__entity

function problem(file: PolicyFile, error: Cedar.DetailedError | undefined): LoadedPolicies {
  const [first] = error?.sourceLocations ?? []
  const at = place(file, charactersBefore(file.text, first?.start ?? 0))
  const label = first?.label ?? error?.help ?? undefined
  const message = clean(error?.message ?? 'cannot be read')
  return { ok: false, problem: `${at} ${message}${label === undefined ? '' : `: ${clean(label)}`}` }
}

const clean = (text: string): string => text.replace(/\p{C}+/gu, ' ').slice(0, 400)

/** Cedar counts bytes of UTF-8. */
function charactersBefore(text: string, bytes: number): number {
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, bytes)).length
}

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length

function place({ name, text }: PolicyFile, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
}
