/**
 * Vectorscan (Debian: libvectorscan-dev) in streaming mode, as a process of its own that scans files on request.
 * It only tells where a match ends; that is less than masking needs, and flatters it.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rule } from '../../masking-wasm/rules/rule.ts'

const caseless = 1
const dot_all = 2

export interface Vectorscan {
  readonly version: string
  /** The rules that it has. */
  readonly rules: number
  /** Bytes a microsecond of processor time. */
  rate(path: string, chunk_bytes: number, at_least_ms: number): Promise<number>
  close(): void
}

/** The reason why there is none, or one that knows `rules`. */
export async function vectorscan(rules: readonly Rule[]): Promise<Vectorscan | string> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-vectorscan-'))
  const program = join(dir, 'vectorscan')
  const built = compiled(program)
  if (built !== undefined) {
    rmSync(dir, { recursive: true })
    return built
  }
  const list = join(dir, 'rules')
  writeFileSync(list, rules.map((rule) => `${flagsOf(rule)}\t${expressionOf(rule)}\n`).join(''))
  const child = Bun.spawn([program, list], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' })
  const lines = linesOf(child.stdout)
  let ready = await lines.next()
  while (ready.value?.startsWith('refused') === true) {
    console.error(`vectorscan: ${ready.value}`)
    ready = await lines.next()
  }
  const [, count, version = ''] = /^ready (\d+) (\S+)/.exec(ready.value ?? '') ?? []
  if (count === undefined) throw new Error('vectorscan did not start')
  return {
    version,
    rules: Number(count),
    rate: async (path, chunk_bytes, at_least_ms) => {
      await child.stdin.write(`${chunk_bytes} ${at_least_ms} ${path}\n`)
      await child.stdin.flush()
      const [ns = 0, bytes = 0] = ((await lines.next()).value ?? '').split(' ').map(Number)
      return (bytes / ns) * 1000
    },
    close: () => {
      child.kill()
      rmSync(dir, { recursive: true })
    },
  }
}

/** Undefined when it is there. */
function compiled(program: string): string | undefined {
  if (Bun.which('cc') === null) return 'no C compiler'
  const source = join(import.meta.dir, 'vectorscan.c')
  const { exitCode } = Bun.spawnSync(['cc', '-O3', '-o', program, source, '-lhs'], {
    stderr: 'ignore',
  })
  return exitCode === 0 ? undefined : 'no libvectorscan-dev'
}

function flagsOf(rule: Rule): number {
  return dot_all | (rule.ignore_case === true ? caseless : 0)
}

/** What stands before is matched with it; it has no lookaround. What must not follow it is left out. */
function expressionOf(rule: Rule): string {
  // The same, in a form that it takes.
  const pattern = rule.pattern.replaceAll(/\[[^\]]*\]\{0\}/g, '').replaceAll('{0,}', '*')
  const left = rule.left === undefined ? '' : `(?:^|${complement(rule.left)})`
  return `${left}${rule.before ?? ''}${rule.lead ?? ''}(?:${pattern})${rule.next ?? ''}`
}

function complement(of_class: string): string {
  return of_class.startsWith('[^') ? `[${of_class.slice(2)}` : `[^${of_class.slice(1)}`
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
  return undefined
}
