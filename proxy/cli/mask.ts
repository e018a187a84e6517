/**
 * `sluice mask`: stdin to stdout through the masking core, as the gateway would mask it.
 *
 * @module
 */
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { customRules } from '../../masking-wasm/compile/custom.ts'
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { type Masked, MaskingEngine } from '../../masking-wasm/host/engine.ts'
import {
  packs as all_packs,
  default_packs,
  type Pack,
  rulesOf,
} from '../../masking-wasm/rules/index.ts'
import { loadConfig } from '../config.ts'
import { type Call, numberOption, UsageError, type Verb, VerbError } from './verb.ts'

const chunk_default = 64 * 1024
const chunk_max = 16 * 1024 * 1024

export const mask: Verb = {
  name: 'mask',
  summary: 'Mask what comes on stdin, by the rules of the gateway',
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: {
    packs: { value: 'NAMES', help: `${all_packs.join(', ')}, with commas (default secrets,pci)` },
    config: { value: 'FILE', help: 'packs, custom rules and known secrets of this configuration' },
    chunk: { value: 'N', help: 'feed it N bytes at a time; the result is the same' },
    unit: { value: 'UNIT', help: 'masks keep the length in bytes, or the width on a terminal' },
    findings: { help: 'print {rule, offset, length} of each finding on stderr, as JSON lines' },
  },
  async run(call) {
    const unit = call.text('unit') ?? 'length'
    if (unit !== 'length' && unit !== 'width')
      throw new UsageError('--unit must be length or width')
    const chunk = numberOption(call, 'chunk', chunk_default, 1, chunk_max)
    const stream = MaskingEngine.load(chosenRules(call)).open(unit)
    const show = async (masked: Masked): Promise<void> => {
      if (call.flag('findings'))
        for (const { rule, raw_offset, raw_length } of masked.spans)
          call.console.note(JSON.stringify({ rule, offset: raw_offset, length: raw_length }))
      // Borrowed until the engine's next call, and that comes only after this is written.
      if (masked.bytes.length > 0) await call.console.out(masked.bytes)
    }
    for await (const read of Bun.stdin.stream())
      for (let from = 0; from < read.length; from += chunk)
        await show(stream.push(read.subarray(from, from + chunk)))
    await show(stream.flush('end'))
    stream.close()
    return 0
  },
}

function chosenRules(call: Call): Ruleset {
  const named = call
    .text('packs')
    ?.split(',')
    .map((name) => name.trim())
  const strange = named?.find((name) => !all_packs.some((pack) => pack === name))
  if (strange !== undefined) throw new UsageError(`--packs takes ${all_packs.join(', ')}`)
  const file = call.text('config')
  const loaded = file === undefined ? undefined : loadConfig(file, process.env)
  if (loaded?.ok === false) throw new VerbError(loaded.problem)
  const masking = loaded?.config.masking
  const packs: readonly Pack[] =
    named === undefined
      ? (masking?.packs ?? default_packs)
      : all_packs.filter((pack) => named.includes(pack))
  const built_in = rulesOf(packs)
  const custom = customRules(
    masking?.custom ?? [],
    built_in.map(({ name }) => name),
  )
  if (!custom.ok) throw new VerbError(`custom rule ${custom.rule}: ${custom.reason}`)
  const compiled = rulesetOf([...built_in, ...custom.rules], masking?.known.take())
  if (!compiled.ok) throw new VerbError(`rule ${compiled.rule}: ${compiled.reason}`)
  return compiled.ruleset
}
