/**
 * Another configuration while sessions run: on SIGHUP the file is read again. Its masking rules are compiled, its policy is
 * read, its registered keys and roles are taken: all of it at one moment, or, when something is wrong with it, nothing, and
 * the log says what.
 *
 * @module
 */
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import type { KnownSecret } from '../../masking-wasm/rules/known.ts'
import type { LoadedConfig } from '../config.ts'
import type { CompiledRules } from '../tap/ruleset.ts'
import type { CompileRequest } from './compile-worker.ts'

type Loaded = Extract<LoadedConfig, { ok: true }>

export interface ReloadPorts {
  /** Reads the configuration again. */
  load(): LoadedConfig
  /** What the gateway logs in with as long as it runs, whatever the file now says. */
  readonly own: readonly KnownSecret[]
  /** What the rules in use were made of ({@link sourceOf}): the same need not be compiled again. */
  readonly source: string
  /** What else of it may change. Changes nothing yet. */
  prepare(loaded: Loaded): Promise<Prepared>
  /** Resolves when that is on record; rejects when it cannot be. */
  use(configuration: {
    readonly rules?: { readonly ruleset: Ruleset; readonly idle_ms: number }
    readonly policy_hash: string
  }): Promise<void>
  log(
    level: 'info' | 'warn' | 'error',
    event: string,
    fields: Readonly<Record<string, string | number>>,
  ): void
}

export type Prepared =
  | {
      readonly ok: true
      readonly policy_hash: string
      /** Puts it in use. Returns what takes that back. */
      take(): () => void
      /** It is on record: who may not go on under it ends. Returns how many. */
      enforce(): number
    }
  /** One line: where it stands, and what is wrong. */
  | { readonly ok: false; readonly problem: string }

/** One at a time; what is asked for meanwhile is one more, as the file may have changed since. */
export type Reloaded =
  | { readonly ok: true; readonly policy_hash: string; readonly sessions_ended: number }
  | { readonly ok: false; readonly reason: string }

/** Resolves with what came of the last one that was asked for. */
export function createReload(ports: ReloadPorts): () => Promise<Reloaded> {
  const state = { source: ports.source }
  let running: Promise<Reloaded> | undefined
  let again = false
  const run = async (): Promise<Reloaded> => {
    let reloaded: Reloaded
    do {
      again = false
      reloaded = await once(ports, state)
    } while (again)
    running = undefined
    return reloaded
  }
  return () => {
    again = true
    running ??= run()
    return running
  }
}

async function once(
  { load, own, prepare, use, log }: ReloadPorts,
  state: { source: string },
): Promise<Reloaded> {
  const failed = (reason: string): Reloaded => {
    log('error', 'configuration_not_reloaded', { reason, kept: 'what was in use' })
    return { ok: false, reason }
  }
  try {
    const loaded = load()
    if (!loaded.ok) return failed(loaded.problem)
    for (const warning of loaded.warnings) log('warn', 'config', { warning })
    const { packs, custom, known, idle_ms_max } = loaded.config.masking
    const request = { packs, custom, known: withOwn(known.take(), own) }
    const source = sourceOf(request, idle_ms_max)
    const rules = source === state.source ? undefined : await compileElsewhere(request)
    if (rules?.ok === false) return failed(whyRefused(rules, loaded.locate))
    const prepared = await prepare(loaded)
    if (!prepared.ok) return failed(prepared.problem)
    const { policy_hash } = prepared
    // Before the record of it is asked for, so that no session begins under the one and has the other on record.
    const undo = prepared.take()
    try {
      await use({
        ...(rules === undefined ? {} : { rules: { ruleset: rules.ruleset, idle_ms: idle_ms_max } }),
        policy_hash,
      })
    } catch (error) {
      undo()
      throw error
    }
    state.source = source
    const sessions_ended = prepared.enforce()
    log('info', 'configuration_reloaded', {
      policy_hash,
      ...(rules === undefined
        ? {}
        : { rules: rules.ruleset.names.length, rules_hash: rules.ruleset.hash }),
      known_secrets: request.known.length,
      sessions_ended,
    })
    return { ok: true, policy_hash, sessions_ended }
  } catch (error) {
    // Their messages carry no payload.
    return failed(error instanceof Error ? error.message : 'unknown')
  }
}

/** Names what rules are made of, in no order, without saying it: a digest under a key of this process. */
export function sourceOf({ packs, custom, known }: CompileRequest, idle_ms: number): string {
  const values = known.map(({ text, held_by }) => `${held_by} ${text}`).toSorted()
  return new Bun.CryptoHasher('sha256', source_key)
    .update(JSON.stringify([packs, custom, values, idle_ms]))
    .digest('hex')
}

const source_key = crypto.getRandomValues(new Uint8Array(32))

/** One line: where it stands, and what is wrong. */
export function whyRefused(
  { index, rule, reason }: Extract<CompiledRules, { ok: false }>,
  locate: Loaded['locate'],
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
