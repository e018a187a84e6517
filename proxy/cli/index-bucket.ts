/**
 * `sluice index s3://BUCKET -o DIR`: a complete store, to search and to serve, from a bucket alone. Called again it
 * goes on where it stopped, and brings the store up to date.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { inOrder, type RebuildProgress, rebuild } from '../../storage/replicate/rebuild.ts'
import { workerData } from '../../storage/store/gathered.ts'
import { origin_name } from '../../storage/store/layout.ts'
import { bucket_options, isBucketAddress, openNamedBucket } from './bucket.ts'
import type { Console } from './console.ts'
import { formatBytes, formatCount } from './table.ts'
import { json_option, UsageError, type Verb, VerbError } from './verb.ts'

const progress_ms = 200

export const indexBucket: Verb = {
  name: 'index',
  summary: 'Make a searchable store from a bucket alone: sluice index s3://BUCKET -o DIR',
  operands: 's3://BUCKET',
  operands_min: 1,
  operands_max: 1,
  options: {
    out: { value: 'DIR', short: 'o', help: 'the data directory to make, or to bring up to date' },
    config: { value: 'FILE', help: 'take endpoint and credential of S3 from this configuration' },
    ...bucket_options,
    json: json_option,
  },
  async run(call) {
    const [given = ''] = call.operands
    const out = call.text('out')
    if (!isBucketAddress(given)) throw new UsageError('expected s3://BUCKET')
    if (out === undefined) throw new UsageError('-o DIR is missing')
    const { bucket, origins } = await openNamedBucket(call, given)
    if (origins.length === 0) throw new VerbError(`${given}: there is no evidence`)
    const folders = foldersOf(resolve(out), await inOrder(bucket, origins))
    const made: (RebuildProgress & { origin: string; data: string })[] = []
    for (const [origin, data] of folders) {
      const progress = await rebuild(bucket, origin, data, progressOf(call.console, origin))
      made.push({ origin, data, ...progress })
    }
    call.console.progress('')
    if (call.flag('json')) {
      await call.console.json(made)
      return 0
    }
    for (const { origin, data, sessions, entries, bytes } of made)
      await call.console.line(
        `${data}: ${origin}, ${entries} log entries; ${formatCount(sessions, 'session')} came (${formatBytes(bytes)})`,
      )
    call.console.note('copied as it lay there: sluice verify says whether it is right')
    return 0
  },
}

/** The first log in the folder itself, others beside it as those of workers are; each stays where it was. */
function foldersOf(out: string, origins: readonly string[]): ReadonlyMap<string, string> {
  const folders = new Map<string, string>()
  const taken = new Map<string, string>()
  const folderAt = (place: number): string => (place === 0 ? out : workerData(out, place))
  for (let place = 0; existsSync(folderAt(place)); place++) {
    const path = join(folderAt(place), origin_name)
    if (existsSync(path)) taken.set(readFileSync(path, 'utf8').trim(), folderAt(place))
  }
  let place = 0
  for (const origin of origins) {
    const known = taken.get(origin)
    const used = (): boolean => [...taken.values(), ...folders.values()].includes(folderAt(place))
    while (known === undefined && used()) place++
    folders.set(origin, known ?? folderAt(place))
  }
  return folders
}

function progressOf(console: Console, origin: string): (so_far: RebuildProgress) => void {
  let shown_ms = 0
  return ({ entries, entries_all, sessions, bytes }) => {
    const now_ms = performance.now()
    if (now_ms - shown_ms < progress_ms) return
    shown_ms = now_ms
    const share = entries_all === 0 ? 100 : Math.floor((entries / entries_all) * 100)
    console.progress(
      `${origin}: ${share} %, ${formatCount(sessions, 'session')} (${formatBytes(bytes)})`,
    )
  }
}
