/**
 * Cases of `sluice policy test`: who asks what, and what policy is expected to say.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
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

export interface PolicyCase {
  readonly name?: string | undefined
  readonly subject: string
  /** Default `keys`. */
  readonly issuer?: string | undefined
  readonly groups?: readonly string[] | undefined
  readonly target: string
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly account?: string | undefined
  /** An IP address. */
  readonly source?: string | undefined
  /** ISO 8601, UTC. */
  readonly time?: string | undefined
  /** Default `exec`, or `query` where there is a statement. */
  readonly action?: (typeof case_actions)[number] | undefined
  readonly command?: string | undefined
  /** A text of statements of a database. */
  readonly statement?: string | undefined
  readonly database?: string | undefined
  /** Schemas in which names are looked up that stand without one; without it that is not known. */
  readonly search_path?: readonly string[] | undefined
  readonly terminal?: boolean | undefined
  readonly expect: 'allow' | 'hold' | 'deny'
  readonly rule?: string | undefined
}

const policy_case: z.ZodType<PolicyCase> = z.strictObject({
  name: text.optional(),
  subject: text,
  issuer: text.optional(),
  groups: z.array(text).optional(),
  target: text,
  labels: z.record(z.string(), z.string()).optional(),
  account: text.optional(),
  source: text.optional(),
  time: z.iso.datetime().optional(),
  action: z.enum(case_actions).optional(),
  command: text.optional(),
  statement: text.optional(),
  database: text.optional(),
  search_path: z.array(text).max(16).optional(),
  terminal: z.boolean().optional(),
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

const keyOf = (part: PropertyKey): string | number =>
  typeof part === 'number' ? part : String(part)
