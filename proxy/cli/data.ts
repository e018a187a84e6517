/**
 * The data directory that a verb reads, and the sessions in it.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { openGathered } from '../../storage/store/gathered.ts'
import { parseKey, readStoreKey } from '../config/encryption.ts'
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

/**
 * The key of a store that is encrypted at rest: of `--key-file`, or as `--config` says; undefined without either.
 * Throws a {@link VerbError}.
 */
export function storeKey(call: Call): Uint8Array | undefined {
  const file = call.text('key-file')
  if (file !== undefined) {
    const is_small = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= key_file_bytes_max
    const key = is_small && existsSync(file) ? parseKey(readFileSync(file, 'latin1')) : undefined
    if (key === undefined) throw new VerbError(`${file}: expected 32 bytes in base64 or hex`)
    return key
  }
  const config = call.text('config')
  if (config === undefined) return undefined
  const loaded = loadConfig(config, process.env)
  if (!loaded.ok) throw new VerbError(loaded.problem)
  const read = readStoreKey(loaded.config.encryption)
  if (!read.ok) throw new VerbError(read.reason)
  return read.key
}

/** 32 bytes are one short line. */
const key_file_bytes_max = 1024

/** The gateway's evidence, that of its workers in it. */
export type Data = Omit<ReturnType<typeof openGathered>, 'close'>

/** Reads beside a running gateway, and closes the reader whatever happens. */
export async function withData<T>(call: Call, run: (data: Data) => Promise<T>): Promise<T> {
  const folder = dataFolder(call)
  if (!existsSync(folder)) throw new VerbError(`no data directory ${folder}; --data names another`)
  const data = openGathered(folder, storeKey(call))
  try {
    return await run(data)
  } finally {
    data.close()
  }
}
