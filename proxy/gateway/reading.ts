/**
 * What the API reads: the store of this process, with those of its workers, or one that was made from a bucket.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataDirectories, type GatheredReader, gather } from '../../storage/store/gathered.ts'
import { origin_name } from '../../storage/store/layout.ts'
import { openReader } from '../../storage/store/reader.ts'
import type { ApiPorts } from '../api/ports.ts'
import type { Config } from '../config.ts'
import { loadLogKeys } from '../identity/gateway-keys.ts'
import type { Evidence } from './evidence.ts'
import { Refusal } from './refusal.ts'

/** What the API reads: this process's own store, and where there are workers, or were, the files of each. */
export function readAll(
  { store }: Evidence,
  data: string,
  config: Config,
  key: Uint8Array | undefined,
): Pick<ApiPorts, 'logs'> & { readonly reader: GatheredReader } {
  const [own = data, ...others] = dataDirectories(data)
  const parts = [
    { data: own, reader: store },
    ...others.map((directory) => ({ data: directory, reader: openReader(directory, key) })),
  ]
  const logs = parts.map((part) => ({
    origin: loadLogKeys(part.data, config.gateway.name).origin,
    reader: part.reader,
  }))
  return { reader: gather(parts), logs }
}

/** What the API reads of a store that was made from a bucket. Throws {@link Refusal}. */
export function readArchive(archive: string): Pick<ApiPorts, 'reader' | 'logs'> {
  const parts = dataDirectories(archive).map((data) => {
    const path = join(data, origin_name)
    if (!existsSync(path)) throw new Refusal(1, `${data}: \`sluice index\` did not make this`)
    return { data, reader: openReader(data), origin: readFileSync(path, 'utf8').trim() }
  })
  return { reader: gather(parts), logs: parts.map(({ origin, reader }) => ({ origin, reader })) }
}
