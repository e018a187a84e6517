/**
 * `sluice check-config [FILE]`: everything that the gateway checks before it opens a port.
 *
 * @module
 */
import type { Compiled } from '../../masking-wasm/compile/compile.ts'
import { type CustomPattern, customRules, positionIn } from '../../masking-wasm/compile/custom.ts'
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { rulesOf } from '../../masking-wasm/rules/index.ts'
import { known_label } from '../../masking-wasm/rules/known.ts'
import { formatAddress } from '../config/address.ts'
import { type Config, type LoadedConfig, loadConfig } from '../config.ts'
import { prepareSaml } from '../identity/saml/prepare.ts'
import { type PatternCost, patternCosts, slowPatterns } from './masking-cost.ts'
import { formatCount } from './table.ts'
import { json_option, UsageError, type Verb } from './verb.ts'

export const checkConfig: Verb = {
  name: 'check-config',
  summary: 'Check a configuration and every file that it names',
  operands: '[FILE]',
  operands_min: 0,
  operands_max: 1,
  options: {
    config: { value: 'FILE', help: 'the same as the word FILE (default sluice.yaml)' },
    json: json_option,
  },
  async run({ console, operands, text, flag }) {
    if (operands[0] !== undefined && text('config') !== undefined)
      throw new UsageError('name one configuration')
    const file = operands[0] ?? text('config') ?? 'sluice.yaml'
    const loaded = loadConfig(file, process.env)
    const judged = loaded.ok ? await judge(loaded) : loaded
    const { ok } = judged
    const costs = judged.ok ? judged.costs : []
    const warnings = [...(loaded.ok ? loaded.warnings : []), ...(judged.ok ? judged.warnings : [])]
    if (flag('json')) {
      const problem = judged.ok ? {} : { problem: judged.problem }
      const found = { ok, ...problem, warnings, ...(costs.length === 0 ? {} : { costs }) }
      await console.json(found)
      return ok ? 0 : 1
    }
    for (const warning of warnings)
      console.note(`${console.paint('yellow', 'warning:')} ${warning}`)
    for (const { rule, mb_s, mb_s_without } of costs)
      console.note(
        `${rule}: ordinary text is masked at ${mb_s} MB a second, and at ${mb_s_without} without it (measured here, of processor time)`,
      )
    if (!judged.ok) console.note(judged.problem)
    else if (loaded.ok)
      await console.line(`${file}: ${console.paint('green', 'ok')}: ${summary(loaded.config)}`)
    return ok ? 0 : 1
  },
}

type Judged =
  | {
      readonly ok: true
      readonly costs: readonly PatternCost[]
      readonly warnings: readonly string[]
    }
  | { readonly ok: false; readonly problem: string }

/** Whether the masking core takes the custom rules, which are compiled together; and what the slow ones cost. */
function judgeMasking({ config, locate }: Extract<LoadedConfig, { ok: true }>): Judged {
  const { packs, custom, known } = config.masking
  const built_in = rulesOf(packs)
  const own = customRules(
    custom,
    built_in.map(({ name }) => name),
  )
  if (!own.ok)
    return { ok: false, problem: locate(['masking', 'custom', own.index, 'name'], own.reason) }
  const rules = [...built_in, ...own.rules]
  const secrets = known.take()
  const compiled = rulesetOf(rules, secrets)
  if (!compiled.ok) return { ok: false, problem: whyRefused(compiled, custom, locate) }
  const slow = slowPatterns(compiled.ruleset, own.rules)
  const warnings = slow.map((name) =>
    locate(
      ['masking', 'custom', custom.findIndex((each) => each.name === name), 'pattern'],
      'nothing fixed begins it, so it is looked for at every word or byte, slowly',
    ),
  )
  const costs = slow.length === 0 ? [] : patternCosts(slow, rules, secrets, compiled.ruleset)
  return { ok: true, costs, warnings }
}

function whyRefused(
  { rule, reason, position }: Extract<Compiled, { ok: false }>,
  custom: readonly CustomPattern[],
  locate: Extract<LoadedConfig, { ok: true }>['locate'],
): string {
  if (rule === known_label) return locate(['masking'], `rule ${known_label}: ${reason}`)
  const index = custom.findIndex(({ name }) => name === rule)
  const pattern = custom[index]?.pattern
  if (pattern === undefined) return locate(['masking', 'packs'], `rule ${rule}: ${reason}`)
  const at = position === undefined ? '' : `, at character ${positionIn(pattern, position) + 1}`
  return locate(['masking', 'custom', index, 'pattern'], `${reason}${at}`)
}

/** The masking rules, the metadata of SAML providers, then whether Cedar takes the policies, each with the schema. */
async function judge(
  loaded: Extract<LoadedConfig, { ok: true }>,
): Promise<ReturnType<typeof judgeMasking>> {
  const masking = judgeMasking(loaded)
  if (!masking.ok) return masking
  const saml = await prepareSaml(loaded.config.identity.saml)
  if (!saml.ok)
    return { ok: false, problem: loaded.locate(['identity', 'saml', saml.index], saml.problem) }
  // Cedar is 4 MB of WebAssembly that no other verb needs.
  const { missingFor, preparePolicy } = await import('../policy/prepare.ts')
  const prepared = await preparePolicy(loaded.config.policy.files)
  const locate = (message: string): string => loaded.locate(['policy', 'files'], message)
  if (!prepared.ok) return { ok: false, problem: locate(prepared.problem) }
  const missing = missingFor(prepared.parts, loaded.config.targets)
  const warnings = [...prepared.warnings, ...missing].map(locate)
  return { ...masking, warnings: [...masking.warnings, ...warnings] }
}

function summary({ listen, targets, identity, policy, masking, evidence }: Config): string {
  const people = new Set(identity.keys.map(({ subject }) => subject)).size
  const listeners = [
    ...(listen.ssh === undefined ? [] : [`ssh on ${formatAddress(listen.ssh)}`]),
    ...(listen.api === undefined ? [] : [`API on ${formatAddress(listen.api)}`]),
  ]
  return [
    ...listeners,
    formatCount(targets.length, 'target'),
    `${formatCount(identity.keys.length, 'key')} of ${formatCount(people, 'subject')}`,
    policy.files.length === 0
      ? 'built-in policy'
      : `policy of ${formatCount(policy.files.length, 'file')}`,
    `masking ${[
      ...masking.packs,
      ...masking.custom.map(({ name }) => name),
      ...(masking.known.count === 0 ? [] : [formatCount(masking.known.count, 'known secret')]),
    ].join(', ')}`,
    formatCount(evidence.auditors.length, 'auditor'),
  ].join('; ')
}
