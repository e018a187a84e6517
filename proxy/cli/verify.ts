/**
 * `sluice verify PATH --trust FILE`: checks evidence offline, and names what is wrong with it. Without a
 * trust file the best it can say is that the evidence agrees with itself.
 *
 * @module
 */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Trust } from '../../storage/evidence/trust.ts'
import { openBucketSource } from '../../storage/replicate/bucket-source.ts'
import { openGathered } from '../../storage/store/gathered.ts'
import { receipts_name } from '../../storage/store/layout.ts'
import { verifyGathered } from '../../storage/verify/gathered.ts'
import type { Counts, Report } from '../../storage/verify/report.ts'
import { bucket_options, isBucketAddress, openNamedBucket } from './bucket.ts'
import type { Console } from './console.ts'
import { storeKey } from './data.ts'
import { amountOf, printReport } from './report-text.ts'
import { readTrust } from './trust-file.ts'
import { type Call, json_option, type Verb, VerbError } from './verb.ts'
import { verifyFile } from './verify-file.ts'

const progress_ms = 200
/** Where it lies, whoever has the gateway's key could still have made it anew since the trust file. */
const local_remark = 'evidence is local, not replicated'

export const verify: Verb = {
  name: 'verify',
  summary:
    'Check a data directory, a bucket, a bundle or a disclosure, and name what is wrong with it',
  operands: 'PATH|s3://BUCKET',
  operands_min: 1,
  operands_max: 1,
  options: {
    trust: { value: 'FILE', help: 'keys and checkpoints from outside (sluice trust export)' },
    config: {
      value: 'FILE',
      help: 'take credentials of S3, and the key at rest, from this configuration',
    },
    'key-file': { value: 'FILE', help: 'the key of a data directory that is encrypted at rest' },
    ...bucket_options,
    json: json_option,
  },
  async run(call) {
    const [given = ''] = call.operands
    const trust = readTrust(call)
    if (isFile(given)) return verifyFile(call, given, trust)
    const reports: Report[] = []
    try {
      if (isBucketAddress(given)) reports.push(...(await checkBucket(call, given, trust)))
      else reports.push(await checkDirectory(call, given, trust))
    } finally {
      call.console.progress('')
    }
    if (call.flag('json')) {
      const [only] = reports
      const shown = reports.length === 1 ? only : reports
      await call.console.json(shown)
    } else {
      const is_local = !isBucketAddress(given) && !existsSync(join(resolve(given), receipts_name))
      const remark = is_local ? local_remark : undefined
      for (const report of reports) await printReport(report, call.console, given, remark)
    }
    return reports.every(({ verdict }) => verdict === 'verified') ? 0 : 1
  },
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile()

async function checkDirectory(
  call: Call,
  given: string,
  trust: Trust | undefined,
): Promise<Report> {
  const path = resolve(given)
  if (!existsSync(path)) throw new VerbError(`${given}: no such file or directory`)
  const data = openGathered(path, await storeKey(call))
  try {
    const sources = data.parts.map(({ reader }) => reader)
    return await verifyGathered(sources, trust, progressOf(call.console))
  } finally {
    data.close()
  }
}

/** A report for each gateway that writes there: its own log, and those of its workers. */
async function checkBucket(
  call: Call,
  given: string,
  trust: Trust | undefined,
): Promise<readonly Report[]> {
  const { bucket, origins, is_one } = await openNamedBucket(call, given)
  const trusted = trust?.logs.map(({ name }) => name) ?? []
  // A log that is trusted and not there was taken away whole.
  const all = is_one ? origins : [...new Set([...trusted, ...origins])]
  if (all.length === 0) throw new VerbError(`${given}: there is no evidence`)
  const gateways = Map.groupBy(all, (origin) => origin.split('/')[0] ?? '')
  const reports: Report[] = []
  for (const logs of gateways.values()) {
    const sources = []
    for (const origin of logs) sources.push(await openBucketSource(bucket, origin))
    reports.push(await verifyGathered(sources, trust, progressOf(call.console)))
  }
  return reports
}

function progressOf(console: Console): (counts: Counts) => void {
  let shown_ms = 0
  return ({ sessions, records, bytes }) => {
    const now_ms = performance.now()
    if (now_ms - shown_ms < progress_ms) return
    shown_ms = now_ms
    console.progress(`verifying: ${amountOf(sessions, records, bytes)}`)
  }
}
