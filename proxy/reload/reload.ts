/**
 * New masking rules while sessions run: on SIGHUP the configuration is read again, and what its section `masking` says is
 * compiled and given to the recorder. Nothing else of the file is taken. What is wrong with it changes nothing, and is
 * logged.
 *
 * @module
 */
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import type { KnownSecret } from '../../masking-wasm/rules/known.ts'
import type { LoadedConfig } from '../config.ts'
import type { CompiledRules } from '../tap/ruleset.ts'
import type { CompileRequest } from './compile-worker.ts'

export interface ReloadPorts {
  /** Reads the configuration again. */
  load(): LoadedConfig
  /** What the gateway logs in with as long as it runs, whatever the file now says. */
  readonly own: readonly KnownSecret[]
  /** Sessions that begin afterwards have these. Resolves when that is on record; rejects when it cannot be. */
  use(ruleset: Ruleset, idle_ms: number): Promise<void>
  log(
    level: 'info' | 'warn' | 'error',
    event: string,
    fields: Readonly<Record<string, string | number>>,
  ): void
}

/** One at a time; what is asked for meanwhile is one more, as the file may have changed since. */
export function createReload(ports: ReloadPorts): () => Promise<void> {
  let running: Promise<void> | undefined
  let again = false
  const run = async (): Promise<void> => {
    do {
      again = false
      await once(ports)
    } while (again)
    running = undefined
  }
  return () => {
    again = true
    running ??= run()
    return running
  }
}

async function once({ load, own, use, log }: ReloadPorts): Promise<void> {
  const failed = (reason: string): void =>
    log('error', 'masking_not_reloaded', { reason, kept: 'the rules that were in use' })
  try {
    const loaded = load()
    if (!loaded.ok) {
      failed(loaded.problem)
      return
    }
    for (const warning of loaded.warnings) log('warn', 'config', { warning })
    const { packs, custom, known, idle_ms_max } = loaded.config.masking
    const values = withOwn(known.take(), own)
    const rules = await compileElsewhere({ packs, custom, known: values })
    if (!rules.ok) {
      failed(whyRefused(rules, loaded.locate))
      return
    }
    await use(rules.ruleset, idle_ms_max)
    log('info', 'masking_reloaded', {
      rules: rules.ruleset.names.length,
      rules_hash: rules.ruleset.hash,
      known_secrets: values.length,
    })
  } catch (error) {
    // Their messages carry no payload.
    failed(error instanceof Error ? error.message : 'unknown')
  }
}

/** One line: where it stands, and what is wrong. */
export function whyRefused(
  { index, rule, reason }: Extract<CompiledRules, { ok: false }>,
  locate: Extract<LoadedConfig, { ok: true }>['locate'],
): string {
  return locate(
    index === undefined ? ['masking'] : ['masking', 'custom', index],
    `rule ${rule}: ${reason}`,
  )
}

/** A password that the file no longer has is in use until the gateway starts anew. */
function withOwn(known: readonly KnownSecret[], own: readonly KnownSecret[]): KnownSecret[] {
  const texts = new Set(known.map(({ text }) => text))
  return [...known, ...own.filter(({ text }) => !texts.has(text))]
}

/** In a thread of its own, as it takes a second or two, in which this one would serve nobody. */
function compileElsewhere(request: CompileRequest): Promise<CompiledRules> {
  const worker = new Worker(new URL('./compile-worker.ts', import.meta.url).href)
  return new Promise<CompiledRules>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<CompiledRules>) => resolve(data)
    worker.onerror = () => reject(new Error('the rules could not be compiled'))
    worker.postMessage(request)
  }).finally(() => worker.terminate())
}
