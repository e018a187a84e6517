/**
 * The masking core over log lines, JSON and random bytes, in chunks as a target sends them, against
 * the obvious alternative: all rules as one alternation for the JavaScript RegExp engine, over whole
 * texts. The rival does not stream and holds nothing back, which flatters it.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto'
import { compile } from '../masking-wasm/compile/compile.ts'
import { MaskingEngine } from '../masking-wasm/host/engine.ts'
import { type Pack, rulesOf } from '../masking-wasm/rules/index.ts'
import type { Rule } from '../masking-wasm/rules/rule.ts'
import type { Options } from './main.ts'
import { logText } from './measure/input.ts'
import { type Figure, figure, median, type Report } from './report.ts'

/** What one read of an SSH channel gives at most. */
const chunk_bytes = 32 * 1024
const corpus_bytes = 16 * 2 ** 20

const rulesets: readonly (readonly [name: string, packs: readonly Pack[]])[] = [
  ['default packs', ['secrets', 'pci']],
  ['all packs', ['secrets', 'pci', 'pii', 'hipaa']],
]

export async function bench(options: Options): Promise<Report> {
  const figures: Figure[] = []
  const texts = corpora()
  for (const [packs_name, packs] of rulesets) {
    const rules = rulesOf(packs)
    const compiled = compile(rules)
    if (!compiled.ok) throw new Error(`${compiled.rule}: ${compiled.reason}`)
    const engine = MaskingEngine.load(compiled.ruleset)
    const rival = alternation(rules)
    for (const [text_name, bytes] of Object.entries(texts)) {
      const wasm: number[] = []
      const regexp: number[] = []
      // One round more, unmeasured: compilers warm up.
      for (let round = -1; round < options.rounds; round++) {
        const ours = rate(bytes, () => maskInChunks(engine, bytes))
        const theirs = rate(bytes, () => maskByRegExp(rival, bytes))
        if (round < 0) continue
        wasm.push(ours)
        regexp.push(theirs)
      }
      const name = `${text_name}, ${packs_name}`
      figures.push(figure(`${name}: masking core`, 'MB/s', wasm))
      figures.push(figure(`${name}: RegExp`, 'MB/s', regexp))
      const ratio = median(wasm) / median(regexp)
      figures.push({ name: `${name}: of RegExp`, unit: 'ratio', value: ratio, rounds: [] })
    }
  }
  return { figures, goals: [], method: { corpus_bytes, chunk_bytes, rounds: options.rounds } }
}

function maskInChunks(engine: MaskingEngine, bytes: Uint8Array): number {
  const stream = engine.open('length')
  let length = 0
  for (let at = 0; at < bytes.length; at += chunk_bytes)
    length += stream.push(bytes.subarray(at, at + chunk_bytes)).bytes.length
  length += stream.flush('end').bytes.length
  stream.close()
  return length
}

function maskByRegExp(rival: RegExp, bytes: Uint8Array): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return Buffer.from(
    text.replace(rival, (match) => '*'.repeat(match.length)),
    'latin1',
  ).length
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

function rate(bytes: Uint8Array, mask: () => number): number {
  const start = performance.now()
  const length = mask()
  const seconds = (performance.now() - start) / 1000
  if (length !== bytes.length) throw new Error(`masked ${length} of ${bytes.length} bytes`)
  return bytes.length / 1e6 / seconds
}

function corpora(): Readonly<Record<string, Uint8Array>> {
  const pieces = corpus_bytes / 2 ** 20
  const repeat = (make: (piece: number) => Uint8Array): Uint8Array =>
    Buffer.concat(Array.from({ length: pieces }, (_, piece) => make(piece)))
  return {
    log: repeat(logText),
    json: repeat(jsonText),
    random: randomFillSync(new Uint8Array(corpus_bytes)),
  }
}

/** 1 MiB of objects as an API returns them. */
function jsonText(piece: number): Uint8Array {
  const lines: string[] = []
  let length = 0
  for (let n = piece * 10_000; length < 2 ** 20; n++) {
    const line = `${JSON.stringify({
      id: n * 7919,
      name: `order ${n}`,
      state: n % 3 === 0 ? 'open' : 'shipped',
      items: [{ sku: `A-${n % 977}`, count: n % 9, price: (n % 9973) / 100 }],
      created: new Date(1.7e12 + n * 1000).toISOString(),
    })}\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('').slice(0, 2 ** 20), 'latin1')
}
