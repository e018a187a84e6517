/**
 * `sluice mask`: stdin to stdout through the masking core, as the gateway would mask it.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { customRules } from '../../masking-wasm/compile/custom.ts'
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { type Masked, MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { FieldMasker, type Member } from '../../masking-wasm/host/field.ts'
import { parseStrategy } from '../../masking-wasm/host/strategy.ts'
import {
  packs as all_packs,
  default_packs,
  type Pack,
  rulesOf,
} from '../../masking-wasm/rules/index.ts'
import { loadConfigured } from './configured.ts'
import { type Call, numberOption, UsageError, type Verb, VerbError } from './verb.ts'

const chunk_default = 64 * 1024
const chunk_max = 16 * 1024 * 1024
/** A document is kept whole until it is masked. */
const line_bytes_max = 64 * 1024 * 1024

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
    unit: {
      value: 'UNIT',
      help: 'masks keep the length in bytes, or, of a terminal, the width; escapes stay',
    },
    'json-member': {
      value: 'PATH=STRATEGY',
      is_repeatable: true,
      help: 'stdin is JSON lines: mask, partial(FIRST,LAST), hash or null for this member (user.ssn; * is any name)',
    },
    findings: { help: 'print {rule, offset, length} of each finding on stderr, as JSON lines' },
  },
  async run(call) {
    const unit = call.text('unit') ?? 'length'
    if (unit !== 'length' && unit !== 'width')
      throw new UsageError('--unit must be length or width')
    const chunk = numberOption(call, 'chunk', chunk_default, 1, chunk_max)
    const members = call.texts('json-member').map(memberOf)
    const engine = MaskingEngine.load(await chosenRules(call))
    if (members.length > 0) {
      await maskLines(call, new FieldMasker(engine, randomBytes(32)), members)
      return 0
    }
    const stream = engine.open(unit)
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

/** Documents, one a line. A line that is none is masked whole. */
async function maskLines(
  call: Call,
  masker: FieldMasker,
  members: readonly Member[],
): Promise<void> {
  let offset = 0
  const show = async (line: Uint8Array): Promise<void> => {
    const blank = line.every((byte) => byte === 0x0a || byte === 0x0d || byte === 0x20)
    const { bytes, spans } = masker.document(line, members)
    if (call.flag('findings') && !blank)
      for (const { rule, raw_offset, raw_length } of spans)
        call.console.note(JSON.stringify({ rule, offset: offset + raw_offset, length: raw_length }))
    await call.console.out(blank || bytes === undefined ? line : bytes)
    offset += line.length
  }
  let parts: Uint8Array[] = []
  let length = 0
  for await (const read of Bun.stdin.stream()) {
    let from = 0
    for (let end = read.indexOf(0x0a); end >= 0; end = read.indexOf(0x0a, from)) {
      await show(Buffer.concat([...parts, read.subarray(from, end + 1)]))
      parts = []
      length = 0
      from = end + 1
    }
    parts.push(read.slice(from))
    length += read.length - from
    if (length > line_bytes_max) throw new VerbError('a line is longer than 64 MiB')
  }
  if (length > 0) await show(Buffer.concat(parts))
}

/** `a.b.c=hash`; a dot or backslash in a name stands behind a backslash. */
function memberOf(text: string): Member {
  const at = text.lastIndexOf('=')
  const strategy = parseStrategy(text.slice(at + 1))
  const path: string[] = ['']
  for (const [, escaped, char] of text.slice(0, Math.max(0, at)).matchAll(/\\(.)|([^\\])/gsu)) {
    if (char === '.') path.push('')
    else path.push((path.pop() ?? '') + (escaped ?? char ?? ''))
  }
  if (strategy === undefined || path.some((name) => name === ''))
    throw new UsageError(
      '--json-member takes PATH=STRATEGY: mask, partial(FIRST,LAST), hash or null',
    )
  return { path, strategy, rule: `member:${text.slice(0, at)}` }
}

async function chosenRules(call: Call): Promise<Ruleset> {
  const named = call
    .text('packs')
    ?.split(',')
    .map((name) => name.trim())
  const strange = named?.find((name) => !all_packs.some((pack) => pack === name))
  if (strange !== undefined) throw new UsageError(`--packs takes ${all_packs.join(', ')}`)
  const file = call.text('config')
  const masking = file === undefined ? undefined : (await loadConfigured(file)).masking
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
