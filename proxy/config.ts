/**
 * `sluice.yaml` and the environment -> one frozen, validated {@link Config}. Every file that it names is
 * read and checked here, before a port opens; what is wrong is one line with the key and its position.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Path, parseConfigText } from './config/document.ts'
import { explain } from './config/explain.ts'
import { Findings } from './config/findings.ts'
import { findLater } from './config/later.ts'
import type { Config } from './config/model.ts'
import { resolveConfig } from './config/resolve.ts'
import { configSchema } from './config/schema.ts'

export type * from './config/model.ts'

export type LoadedConfig =
  | {
      readonly ok: true
      readonly config: Config
      /** One line each, with key and position. */
      readonly warnings: readonly string[]
      /** Says where a key stands, for what is found out later: `FILE:LINE:COLUMN key: message`. */
      locate(path: Path, message: string): string
    }
  | {
      readonly ok: false
      /** One line: `sluice.yaml:12:7 targets[0].host_key: ...`. */
      readonly problem: string
    }

/** Without a path: the defaults, with SSH and the API on loopback and nobody and nothing behind them. */
export function loadConfig(
  path: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): LoadedConfig {
  if (path === undefined)
    return parseConfig(trial_text, 'defaults', process.cwd(), env, { is_trial: true })
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return { ok: false, problem: `${path}: no such file` }
    const why = typeof code === 'string' ? code : 'not UTF-8'
    return { ok: false, problem: `${path}: cannot be read (${why})` }
  }
  return parseConfig(text, path, dirname(path), env)
}

/** The same for a text; `folder` is what relative paths in it are relative to. */
export function parseConfig(
  text: string,
  file: string,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  options: { readonly is_trial: boolean } = { is_trial: false },
): LoadedConfig {
  const parsed = parseConfigText(text, file)
  if (!parsed.ok) return parsed
  const { document } = parsed
  const findings = new Findings(document)
  // Before the shape: what is missing of a target of a later version is beside the point.
  for (const { path, message } of findLater(document.data)) findings.error(path, message)
  if (findings.first !== undefined) return { ok: false, problem: findings.first }
  const shape = configSchema.safeParse(document.data, { reportInput: true })
  if (!shape.success) {
    for (const { path, message } of shape.error.issues.flatMap(explain))
      findings.error(path, message)
    return { ok: false, problem: findings.first ?? `${file}: this is not a configuration` }
  }
  const config = resolveConfig(shape.data, { folder, env, findings, ...options })
  if (findings.first !== undefined) return { ok: false, problem: findings.first }
  return {
    ok: true,
    config: freeze(config),
    warnings: findings.warnings,
    locate: (path, message) => findings.line(path, message),
  }
}

const trial_text = 'listen: { ssh: 127.0.0.1:2222, api: 127.0.0.1:7070 }'

function freeze<T>(value: T): T {
  // Bytes cannot be frozen, and a Secret has nothing that could be changed.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}
