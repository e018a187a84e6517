/**
 * What policy needs before it can answer: the files parsed and validated, and the grammar of the shell loaded.
 *
 * @module
 */
import { builtin_file, builtin_text, duty_texts } from './cedar/builtin.ts'
import { loadCedar } from './cedar/library.ts'
import { type LoadedPolicy, loadPolicies, type PolicyFile } from './cedar/load.ts'
import { schema_text } from './cedar/schema.ts'
import { actionApplies, namesAction } from './cedar/slice.ts'
import { catalogue, opaque_entries } from './risk/catalogue.ts'
import { statement_entries } from './risk/statement-entries.ts'
import { loadGrammar } from './shell/grammar.ts'
import { createReadLine, type ReadLine } from './shell/read.ts'

export interface PolicyParts {
  readonly policies: readonly LoadedPolicy[]
  readonly read: ReadLine
  /** All that a decision depends on, but for the configuration: files, schema and catalogue. */
  readonly text: string
}

export type PreparedPolicy =
  | {
      readonly ok: true
      readonly parts: PolicyParts
      /** One line each. */
      readonly warnings: readonly string[]
    }
  /** `FILE:LINE:COLUMN message` */
  | { readonly ok: false; readonly problem: string }

/** Other threads compile what policy is read and asked with: begun early, it is there when {@link preparePolicy} needs it. */
export function beginPolicy(): void {
  // Whoever waits for them is told.
  for (const loading of [loadCedar(), loadGrammar()]) loading.catch(() => {})
}

/** Without files the built-in policy holds. */
export async function preparePolicy(files: readonly PolicyFile[]): Promise<PreparedPolicy> {
  const used = files.length > 0 ? files : [{ name: builtin_file, text: builtin_text }]
  await loadCedar()
  const of_files = loadPolicies(used)
  if (!of_files.ok) return of_files
  const added = Object.entries(duty_texts).flatMap(([action, duty]) =>
    of_files.policies.some(({ json }) => namesAction(json.action, action)) ? [] : duty,
  )
  // Beside files of before there were these actions, too.
  const loaded =
    added.length === 0
      ? of_files
      : loadPolicies([{ name: builtin_file, text: added.join('') }], of_files)
  if (!loaded.ok) return loaded
  const text = JSON.stringify(
    {
      files: [...used.map((file) => file.text), ...added],
      schema: schema_text,
      catalogue: [catalogue, opaque_entries, statement_entries],
    },
    (_, value: unknown) => (value instanceof RegExp ? String(value) : value),
  )
  const read = createReadLine(await loadGrammar())
  const { policies } = loaded
  return { ok: true, parts: { policies, read, text }, warnings: warningsOf(policies) }
}

/** What a target wants of policies and they do not have. One line each. */
export function missingFor(
  { policies }: PolicyParts,
  targets: readonly { readonly name: string; readonly protocol: string }[],
): readonly string[] {
  const answers = policies.some(
    ({ effect, json }) => effect === 'permit' && actionApplies(json.action, 'query'),
  )
  const [first] = targets.filter(({ protocol }) => protocol === 'postgres')
  return answers || first === undefined
    ? []
    : [`no policy permits Action::"query": every statement to ${first.name} is denied`]
}

function warningsOf(policies: readonly LoadedPolicy[]): readonly string[] {
  const holds = policies.some(({ approval }) => approval !== undefined)
  const approves = policies.some(
    ({ effect, json }) => effect === 'permit' && actionApplies(json.action, 'approve'),
  )
  return holds && !approves
    ? ['no policy permits Action::"approve": what @approval holds nobody can approve']
    : []
}
