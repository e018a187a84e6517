/**
 * The masking core, in processor time: against Vectorscan with the rules that both can express, with all
 * packs, on hostile input, and against the obvious alternative, all rules as one alternation for the JavaScript
 * RegExp engine over whole texts (which does not stream and holds nothing back). Rounds alternate.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from '../masking-wasm/compile/compile.ts'
import { MaskingEngine } from '../masking-wasm/host/engine.ts'
import { packs, rulesOf } from '../masking-wasm/rules/index.ts'
import type { Rule } from '../masking-wasm/rules/rule.ts'
import type { Options } from './main.ts'
import { corpora } from './measure/corpora.ts'
import { type Hasher, hashingRate, message_sizes } from './measure/hashing.ts'
import {
  changed,
  changing,
  hostile,
  hostile_bytes,
  repeated,
  searchWorst,
} from './measure/hostile.ts'
import { chunked, maskingRate, pushTimes, quantile } from './measure/masking.ts'
import { type Figure, figure, type Goal, median, type Report } from './report.ts'
import { type Vectorscan, vectorscan } from './rival/vectorscan.ts'

const chunk_sizes = [65_536, 4096, 64]
/** Of processor time, for one figure of one round. */
const at_least_ms = 40

const default_rules = rulesOf(['secrets', 'pci'])
/**
 * The same rules for both. Vectorscan makes no checksums and masks nothing, which flatters it; without the rules that
 * have a checksum, which begin with no literal, it is at its best.
 */
const shared_rules: Readonly<Record<string, readonly Rule[]>> = {
  'default packs': default_rules,
  'literal rules': default_rules.filter((rule) => rule.check === undefined),
}
const texts = corpora()

const parts: Readonly<Record<string, (options: Options) => Promise<Partial<Report>>>> = {
  vectorscan: againstVectorscan,
  rulesets,
  latency,
  hostile: onHostile,
  search,
  sha256: hashing,
}

export async function bench(options: Options): Promise<Report> {
  const figures: Figure[] = []
  const goals: Goal[] = []
  const detail: Record<string, unknown> = {}
  for (const [name, part] of Object.entries(parts)) {
    if (options.parts.length > 0 && !options.parts.includes(name)) continue
    console.error(`masking: ${name} ...`)
    const found = await part(options)
    figures.push(...(found.figures ?? []))
    goals.push(...(found.goals ?? []))
    Object.assign(detail, found.detail)
  }
  const method = {
    corpora: 'bench/measure/corpora.ts, 1 MiB each',
    unit: 'MB (1e6 bytes) a second of processor time',
    rounds: options.rounds,
  }
  return { figures, goals, method, detail }
}

async function againstVectorscan(options: Options): Promise<Partial<Report>> {
  const figures: Figure[] = []
  const goals: Goal[] = []
  const detail: Record<string, unknown> = {}
  for (const [ruleset, rules] of Object.entries(shared_rules)) {
    const rival = await vectorscan(rules)
    if (typeof rival === 'string') {
      console.error(`masking: vectorscan is left out: ${rival}`)
      return { detail: { vectorscan: { left_out: rival } } }
    }
    try {
      for (const chunk_bytes of chunk_sizes) {
        const name = `${chunk_bytes} B, ${ruleset}`
        const ratios = await compared(engineOf(rules), rival, chunk_bytes, name, options, figures)
        const goal = chunk_bytes === 64 ? { each: 1, middle: 1 } : { each: 1.5, middle: 2 }
        if (rules !== default_rules) continue
        goals.push(
          {
            name: `${name}: of Vectorscan, median`,
            value: median(ratios),
            unit: '',
            at_least: goal.middle,
          },
          {
            name: `${name}: of Vectorscan, worst`,
            value: Math.min(...ratios),
            unit: '',
            at_least: goal.each,
          },
        )
      }
    } finally {
      rival.close()
    }
    detail[`vectorscan, ${ruleset}`] = { version: rival.version, rules: rival.rules }
  }
  return { figures, goals, detail }
}

/** The median ratio for each corpus; adds to `figures`. */
async function compared(
  engine: MaskingEngine,
  rival: Vectorscan,
  chunk_bytes: number,
  name: string,
  options: Options,
  figures: Figure[],
): Promise<readonly number[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-corpora-'))
  const all: number[] = []
  for (const [text_name, bytes] of Object.entries(texts)) {
    const path = join(dir, text_name.replaceAll(' ', '-'))
    writeFileSync(path, bytes)
    const chunks = chunked(bytes, chunk_bytes)
    const ours: number[] = []
    const theirs: number[] = []
    // One round more, unmeasured: compilers warm up.
    for (let round = -1; round < options.rounds; round++) {
      const own = maskingRate(engine, chunks, at_least_ms)
      const other = await rival.rate(path, chunk_bytes, at_least_ms)
      if (round < 0) continue
      ours.push(own)
      theirs.push(other)
    }
    const ratios = ours.map((rate, round) => rate / (theirs[round] ?? Number.NaN))
    figures.push(
      figure(`${name}, ${text_name}: masking core`, 'MB/s', ours),
      figure(`${name}, ${text_name}: Vectorscan`, 'MB/s', theirs),
      figure(`${name}, ${text_name}: of Vectorscan`, 'ratio', ratios),
    )
    all.push(median(ratios))
  }
  rmSync(dir, { recursive: true })
  return all
}

/** Some of the default rules, all of them, and all packs; and what a RegExp does with the default ones. */
async function rulesets(options: Options): Promise<Partial<Report>> {
  const engines = {
    'every fourth rule': engineOf(default_rules.filter((_, index) => index % 4 === 0)),
    'default packs': engineOf(default_rules),
    'all packs': engineOf(rulesOf(packs)),
  }
  const comparisons = [
    ['default packs', 'every fourth rule'],
    ['all packs', 'default packs'],
  ] as const
  const shares: Record<'default packs' | 'all packs', number[]> = {
    'default packs': [],
    'all packs': [],
  }
  const expression = alternation(default_rules)
  const figures: Figure[] = []
  for (const [name, bytes] of Object.entries(texts)) {
    const rates: Record<string, number[]> = {}
    const regexp: number[] = []
    for (let round = -1; round < options.rounds; round++) {
      for (const [ruleset, engine] of Object.entries(engines))
        for (const chunk_bytes of chunk_sizes) {
          const rate = maskingRate(engine, chunked(bytes, chunk_bytes), at_least_ms)
          const key = `${chunk_bytes} B, ${name}: ${ruleset}`
          if (round >= 0) rates[key] = [...(rates[key] ?? []), rate]
        }
      const rate = regExpRate(expression, bytes)
      if (round >= 0) regexp.push(rate)
    }
    for (const [key, values] of Object.entries(rates)) figures.push(figure(key, 'MB/s', values))
    figures.push(figure(`whole, ${name}: RegExp, default packs`, 'MB/s', regexp))
    for (const [more, fewer] of comparisons) {
      const ratios = (rates[`${chunk_sizes[0]} B, ${name}: ${more}`] ?? []).map(
        (rate, round) =>
          rate / (rates[`${chunk_sizes[0]} B, ${name}: ${fewer}`]?.[round] ?? Number.NaN),
      )
      figures.push(figure(`${chunk_sizes[0]} B, ${name}: ${more} of ${fewer}`, 'ratio', ratios))
      shares[more].push(median(ratios))
    }
  }
  const goals = comparisons.flatMap(([more, fewer]): Goal[] => [
    {
      name: `${chunk_sizes[0]} B: ${more} of ${fewer}, median`,
      value: median(shares[more]),
      unit: '',
      at_least: 0.7,
    },
    {
      name: `${chunk_sizes[0]} B: ${more} of ${fewer}, worst`,
      value: Math.min(...shares[more]),
      unit: '',
      at_least: 0.7,
    },
  ])
  return { figures, goals }
}

/** What one chunk of 64 bytes waits for the masker, in wall time: typed, logged, or a row of a table. */
async function latency(options: Options): Promise<Partial<Report>> {
  const engine = engineOf(default_rules)
  const figures: Figure[] = []
  const all: number[] = []
  for (const [name, bytes] of Object.entries(texts)) {
    const chunks = chunked(bytes, 64)
    const late: number[] = []
    for (let round = -1; round < options.rounds; round++) {
      const times = pushTimes(engine, chunks)
      if (round >= 0) late.push(quantile(times, 0.99))
    }
    figures.push(figure(`64 B, ${name}: p99 of a chunk`, 'us', late))
    all.push(median(late))
  }
  const goals: Goal[] = [
    { name: '64 B: p99 of a chunk, worst text', value: Math.max(...all), unit: 'us', at_most: 20 },
  ]
  return { figures, goals }
}

/** Each input against the median of the clean ones in the same chunks. */
async function onHostile(options: Options): Promise<Partial<Report>> {
  const engine = engineOf(default_rules)
  const kinds = {
    hostile: hostile.map((unit) => ({ unit, bytes: repeated(unit), ratios: [] as number[] })),
    'hostile that changes': changing.map((unit) => ({
      unit,
      bytes: changed(unit),
      ratios: [] as number[],
    })),
  }
  const figures: Figure[] = []
  const goals: Goal[] = []
  for (const chunk_bytes of chunk_sizes) {
    for (const input of Object.values(kinds).flat()) input.ratios = []
    for (let round = -1; round < options.rounds; round++) {
      const clean = median(
        Object.values(texts).map((bytes) =>
          maskingRate(engine, chunked(bytes.subarray(0, hostile_bytes), chunk_bytes), 10),
        ),
      )
      for (const { bytes, ratios } of Object.values(kinds).flat()) {
        const rate = maskingRate(engine, chunked(bytes, chunk_bytes), 10)
        if (round >= 0) ratios.push(rate / clean)
      }
    }
    for (const [kind, inputs] of Object.entries(kinds)) {
      for (const { unit, ratios } of inputs)
        figures.push(figure(`${chunk_bytes} B, ${JSON.stringify(unit)}: of clean`, 'ratio', ratios))
      const worst = Math.min(...inputs.map(({ ratios }) => median(ratios)))
      goals.push({
        name: `${chunk_bytes} B, ${kind} of clean`,
        value: worst,
        unit: '',
        at_least: 0.1,
      })
    }
  }
  return { figures, goals }
}

/** Looks for inputs that are worse than those known. */
async function search(): Promise<Partial<Report>> {
  const found = searchWorst(engineOf(default_rules), 20_251_127)
  return { detail: { search: found } }
}

/** What an auditor's browser does with many leaves, against what a process can do natively. */
async function hashing(options: Options): Promise<Partial<Report>> {
  const engine = engineOf(default_rules)
  const hashers: readonly Hasher[] = [
    'four lanes',
    'one stream',
    'native, node:crypto',
    'native, Bun',
  ]
  const figures: Figure[] = []
  const goals: Goal[] = []
  for (const bytes of message_sizes) {
    const rates = new Map<Hasher, number[]>(hashers.map((hasher) => [hasher, []]))
    for (let round = -1; round < options.rounds; round++)
      for (const [hasher, values] of rates) {
        const rate = hashingRate(engine, hasher, bytes, at_least_ms)
        if (round >= 0) values.push(rate)
      }
    for (const [hasher, values] of rates)
      figures.push(figure(`SHA-256, ${bytes} B: ${hasher}`, 'MB/s', values))
    for (const native of ['native, node:crypto', 'native, Bun'] as const) {
      const ratios = (rates.get('four lanes') ?? []).map(
        (rate, round) => rate / (rates.get(native)?.[round] ?? Number.NaN),
      )
      const name = `SHA-256, ${bytes} B: four lanes of ${native}`
      figures.push(figure(name, 'ratio', ratios))
      goals.push({ name, value: median(ratios), unit: '', at_least: 0.35 })
    }
  }
  return { figures, goals }
}

function engineOf(rules: readonly Rule[]): MaskingEngine {
  const compiled = compile(rules)
  if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
  return MaskingEngine.load(compiled.ruleset)
}

function regExpRate(expression: RegExp, bytes: Uint8Array): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const began = process.cpuUsage()
  const masked = text.replace(expression, (match) => '*'.repeat(match.length))
  const { user, system } = process.cpuUsage(began)
  if (masked.length !== bytes.length) throw new Error('masked another length')
  return bytes.length / (user + system)
}

function alternation(rules: readonly Rule[]): RegExp {
  const one = (rule: Rule): string => {
    const behind = `${rule.left === undefined ? '' : `(?<!${rule.left})`}${rule.before ?? ''}`
    const ahead =
      (rule.right === undefined ? '' : `(?!${rule.right})`) +
      (rule.next === undefined ? '' : `(?=${rule.next})`)
    const flags = rule.ignore_case === true ? 'i' : ''
    return `(?${flags}:${behind}${rule.lead ?? ''}(?:${rule.pattern})${ahead})`
  }
  return new RegExp(rules.map(one).join('|'), 'g')
}
