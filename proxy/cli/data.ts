/**
 * The data directory that a verb reads, and the sessions in it.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { openGathered } from '../../storage/store/gathered.ts'
import { loadConfig } from '../config.ts'
import { type Call, VerbError } from './verb.ts'

/** `--data`, or what `--config` says, or `./data`. */
export function dataFolder(call: Call): string {
  const given = call.text('data')
  if (given !== undefined) return resolve(given)
  const config = call.text('config')
  if (config === undefined) return resolve('data')
  const loaded = loadConfig(config, process.env)
  if (!loaded.ok) throw new VerbError(loaded.problem)
  return loaded.config.gateway.data
}

/** The gateway's evidence, that of its workers in it. */
export type Data = Omit<ReturnType<typeof openGathered>, 'close'>

/** Reads beside a running gateway, and closes the reader whatever happens. */
export async function withData<T>(call: Call, run: (data: Data) => Promise<T>): Promise<T> {
  const folder = dataFolder(call)
  if (!existsSync(folder)) throw new VerbError(`no data directory ${folder}; --data names another`)
  const data = openGathered(folder)
  try {
    return await run(data)
  } finally {
    data.close()
  }
}
