/**
 * What a verb is told by a configuration. What reads one is loaded where there is one: it takes longer than most verbs.
 *
 * @module
 */
import { resolve } from 'node:path'
import type { Config } from '../config.ts'
import { type Call, VerbError } from './verb.ts'

/** Rejects with {@link VerbError}, with one line that names the key and the position. */
export async function loadConfigured(path: string): Promise<Config> {
  const { loadConfig } = await import('../config.ts')
  const loaded = loadConfig(path, process.env)
  if (!loaded.ok) throw new VerbError(loaded.problem)
  return loaded.config
}

/** `--data`, or what `--config` says, or `./data`. */
export async function dataFolder(call: Call): Promise<string> {
  const given = call.text('data')
  if (given !== undefined) return resolve(given)
  const config = call.text('config')
  if (config === undefined) return resolve('data')
  return (await loadConfigured(config)).gateway.data
}
