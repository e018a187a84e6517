/**
 * `sluice check-config [FILE]`: everything that the gateway checks before it opens a port.
 *
 * @module
 */
import { customRules } from '../../masking-wasm/compile/custom.ts'
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { rulesOf } from '../../masking-wasm/rules/index.ts'
import { known_label } from '../../masking-wasm/rules/known.ts'
import { formatAddress } from '../config/address.ts'
import { type Config, type LoadedConfig, loadConfig } from '../config.ts'
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
    const problem = loaded.ok ? maskingProblem(loaded) : loaded.problem
    const warnings = loaded.ok ? loaded.warnings : []
    const ok = problem === undefined
    if (flag('json')) {
      const found = { ok, ...(ok ? {} : { problem }), warnings }
      await console.line(JSON.stringify(found, null, 2))
      return ok ? 0 : 1
    }
    for (const warning of warnings)
      console.note(`${console.paint('yellow', 'warning:')} ${warning}`)
    if (!ok) console.note(problem)
    else if (loaded.ok)
      await console.line(`${file}: ${console.paint('green', 'ok')}: ${summary(loaded.config)}`)
    return ok ? 0 : 1
  },
}

/** Whether the masking core takes the custom rules; their expressions are compiled together. */
function maskingProblem(loaded: Extract<LoadedConfig, { ok: true }>): string | undefined {
  const { packs, custom, known } = loaded.config.masking
  const built_in = rulesOf(packs)
  const rules = customRules(
    custom,
    built_in.map(({ name }) => name),
  )
  if (!rules.ok) return loaded.locate(['masking', 'custom', rules.index, 'name'], rules.reason)
  const compiled = rulesetOf([...built_in, ...rules.rules], known.take())
  if (compiled.ok) return undefined
  if (compiled.rule === known_label)
    return loaded.locate(['masking'], `rule ${known_label}: ${compiled.reason}`)
  const index = custom.findIndex(({ name }) => name === compiled.rule)
  const at = compiled.position === undefined ? '' : ` at character ${compiled.position + 1}`
  return index < 0
    ? loaded.locate(['masking', 'packs'], `rule ${compiled.rule}: ${compiled.reason}`)
    : loaded.locate(['masking', 'custom', index, 'pattern'], `${compiled.reason}${at}`)
}

function summary({ listen, targets, identity, masking, evidence }: Config): string {
  const people = new Set(identity.keys.map(({ subject }) => subject)).size
  const listeners = [
    ...(listen.ssh === undefined ? [] : [`ssh on ${formatAddress(listen.ssh)}`]),
    ...(listen.api === undefined ? [] : [`API on ${formatAddress(listen.api)}`]),
  ]
  return [
    ...listeners,
    formatCount(targets.length, 'target'),
    `${formatCount(identity.keys.length, 'key')} of ${formatCount(people, 'subject')}`,
    `masking ${[
      ...masking.packs,
      ...masking.custom.map(({ name }) => name),
      ...(masking.known.count === 0 ? [] : [formatCount(masking.known.count, 'known secret')]),
    ].join(', ')}`,
    formatCount(evidence.auditors.length, 'auditor'),
  ].join('; ')
}
