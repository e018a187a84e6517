/**
 * What is in the data directory that a verb reads, and the key of it.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { openGathered } from '../../storage/store/gathered.ts'
import { parseKey, readStoreKey } from '../config/encryption.ts'
import { dataFolder, loadConfigured } from './configured.ts'
import { type Call, VerbError } from './verb.ts'

/**
 * The key of a store that is encrypted at rest: of `--key-file`, or as `--config` says; undefined without either.
 * Rejects with a {@link VerbError}.
 */
export async function storeKey(call: Call): Promise<Uint8Array | undefined> {
  const file = call.text('key-file')
  if (file !== undefined) {
    const is_small = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= key_file_bytes_max
    const key = is_small && existsSync(file) ? parseKey(readFileSync(file, 'latin1')) : undefined
    if (key === undefined) throw new VerbError(`${file}: expected 32 bytes in base64 or hex`)
    return key
  }
  const config = call.text('config')
  if (config === undefined) return undefined
  const read = readStoreKey((await loadConfigured(config)).encryption)
  if (!read.ok) throw new VerbError(read.reason)
  return read.key
}

/** 32 bytes are one short line. */
const key_file_bytes_max = 1024

/** The gateway's evidence, that of its workers in it. */
export type Data = Omit<ReturnType<typeof openGathered>, 'close'>

/** Reads beside a running gateway, and closes the reader whatever happens. */
export async function withData<T>(call: Call, run: (data: Data) => Promise<T>): Promise<T> {
  const folder = await dataFolder(call)
  if (!existsSync(folder)) throw new VerbError(`no data directory ${folder}; --data names another`)
  const data = openGathered(folder, await storeKey(call))
  try {
    return await run(data)
  } finally {
    data.close()
  }
}
