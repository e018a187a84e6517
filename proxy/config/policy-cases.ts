/**
 * Cases of `sluice policy test`: who asks what, and what policy is expected to say.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { changes, evidence_parts } from '../core/duty.ts'
import { formatPath, parseConfigText } from './document.ts'
import { explain } from './explain.ts'
import { Findings } from './findings.ts'
import { type PolicyText, policyFiles } from './policy-files.ts'

const text = z.string().max(16_384)

export const case_actions = [
  'connect',
  'exec',
  'query',
  'shell',
  'upload',
  'download',
  'forward',
] as const
/** ... and those about the gateway itself. */
const duties = ['read_evidence', 'configure'] as const
const roles = ['user', 'approver', 'auditor', 'admin'] as const

export interface PolicyCase {
  readonly name?: string | undefined
  readonly subject: string
  /** Default `keys`. */
  readonly issuer?: string | undefined
  readonly groups?: readonly string[] | undefined
  /** Of `read_evidence` that of the session; absent for `configure` alone. */
  readonly target?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly account?: string | undefined
  /** An IP address. */
  readonly source?: string | undefined
  /** ISO 8601, UTC. */
  readonly time?: string | undefined
  /** Default `exec`, or `query` where there is a statement. */
  readonly action?: (typeof case_actions)[number] | (typeof duties)[number] | undefined
  readonly command?: string | undefined
  /** A text of statements of a database. */
  readonly statement?: string | undefined
  readonly database?: string | undefined
  /** Schemas in which names are looked up that stand without one; without it that is not known. */
  readonly search_path?: readonly string[] | undefined
  readonly terminal?: boolean | undefined
  /** By which the API is asked. */
  readonly roles?: readonly (typeof roles)[number][] | undefined
  /** Whose evidence is read; their own unless given. */
  readonly of?:
    | {
        readonly subject: string
        readonly issuer?: string | undefined
        readonly groups?: readonly string[] | undefined
      }
    | undefined
  /** Default `facts`. */
  readonly part?: (typeof evidence_parts)[number] | undefined
  /** Whose configuration is changed, and how. */
  readonly gateway?: string | undefined
  readonly change?: (typeof changes)[number] | undefined
  readonly expect: 'allow' | 'hold' | 'deny'
  readonly rule?: string | undefined
}

const policy_case: z.ZodType<PolicyCase> = z.strictObject({
  name: text.optional(),
  subject: text,
  issuer: text.optional(),
  groups: z.array(text).optional(),
  target: text.optional(),
  labels: z.record(z.string(), z.string()).optional(),
  account: text.optional(),
  source: text.optional(),
  time: z.iso.datetime().optional(),
  action: z.enum([...case_actions, ...duties]).optional(),
  command: text.optional(),
  statement: text.optional(),
  database: text.optional(),
  search_path: z.array(text).max(16).optional(),
  terminal: z.boolean().optional(),
  roles: z.array(z.enum(roles)).optional(),
  of: z
    .strictObject({
      subject: text,
      issuer: text.optional(),
      groups: z.array(text).optional(),
    })
    .optional(),
  part: z.enum(evidence_parts).optional(),
  gateway: text.optional(),
  change: z.enum(changes).optional(),
  expect: z.enum(['allow', 'hold', 'deny']),
  rule: text.optional(),
})

const cases_schema = z.strictObject({
  policies: z.array(z.string().min(1)).max(100).optional(),
  cases: z.array(policy_case).min(1).max(10_000),
})

export type LoadedCases =
  | {
      readonly ok: true
      readonly cases: readonly PolicyCase[]
      /** Of the file itself; none: the built-in policy. */
      readonly policies: readonly PolicyText[]
      /** `FILE:LINE:COLUMN cases[N]: message` */
      locate(index: number, message: string): string
    }
  | { readonly ok: false; readonly problem: string }

export function loadPolicyCases(path: string): LoadedCases {
  let read: string
  try {
    read = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return {
      ok: false,
      problem: `${path}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`,
    }
  }
  const parsed = parseConfigText(read, path)
  if (!parsed.ok) return parsed
  const findings = new Findings(parsed.document)
  const shape = cases_schema.safeParse(parsed.document.data, { reportInput: true })
  if (!shape.success) {
    const [first] = shape.error.issues
    const problem =
      first?.code === 'unrecognized_keys'
        ? { path: [...first.path.map(keyOf), first.keys[0] ?? ''], message: 'unknown key' }
        : first === undefined
          ? undefined
          : explain(first)[0]
    return {
      ok: false,
      problem:
        problem === undefined ? `${path}: no cases` : findings.line(problem.path, problem.message),
    }
  }
  for (const [index, each] of shape.data.cases.entries()) {
    const problem = misplacedIn(each)
    if (problem !== undefined)
      return { ok: false, problem: findings.line(['cases', index, problem.key], problem.message) }
  }
  const policies = policyFiles(shape.data.policies, {
    folder: dirname(path),
    env: {},
    findings,
    is_trial: false,
  })
  if (findings.first !== undefined)
    return {
      ok: false,
      problem: findings.first.replace(formatPath(['policy', 'files']), 'policies'),
    }
  return {
    ok: true,
    cases: shape.data.cases,
    policies,
    locate: (index, message) => findings.line(['cases', index], message),
  }
}

const of_duties = {
  read_evidence: ['target', 'labels', 'account', 'roles', 'of', 'part'],
  configure: ['gateway', 'change', 'roles'],
} as const
const of_every_case = ['name', 'subject', 'issuer', 'groups', 'action', 'expect', 'rule']
const needed = { read_evidence: ['target', 'roles'], configure: ['gateway', 'change', 'roles'] }

/** A key that its action does not ask for would be a case that tests less than it says. */
function misplacedIn(
  each: PolicyCase,
): { readonly key: string; readonly message: string } | undefined {
  const given = Object.keys(each)
  const { action } = each
  if (action === 'read_evidence' || action === 'configure') {
    const known: readonly string[] = [...of_every_case, ...of_duties[action]]
    const key = given.find((name) => !known.includes(name))
    if (key !== undefined) return { key, message: `is nothing that ${action} is asked with` }
    const missing = needed[action].find((name) => !given.includes(name))
    return missing === undefined ? undefined : { key: missing, message: 'is missing' }
  }
  if (each.target === undefined) return { key: 'target', message: 'is missing' }
  const key = given.find((name) => ['roles', 'of', 'part', 'gateway', 'change'].includes(name))
  return key === undefined
    ? undefined
    : { key, message: 'is for the actions read_evidence and configure' }
}

const keyOf = (part: PropertyKey): string | number =>
  typeof part === 'number' ? part : String(part)
