/**
 * `sluice verify PATH --trust FILE`: checks evidence offline, and names what is wrong with it. Without a
 * trust file the best it can say is that the evidence agrees with itself.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { trust_bytes_max } from '../../storage/evidence/limits.ts'
import { parseTrust, type Trust } from '../../storage/evidence/trust.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { openBucketSource } from '../../storage/replicate/bucket-source.ts'
import { openGathered } from '../../storage/store/gathered.ts'
import { receipts_name } from '../../storage/store/layout.ts'
import { verifyGathered } from '../../storage/verify/gathered.ts'
import type { Counts, Finding, Report } from '../../storage/verify/report.ts'
import { bucket_options, isBucketAddress, openNamedBucket } from './bucket.ts'
import type { Console } from './console.ts'
import { formatBytes, formatCount } from './table.ts'
import { type Call, json_option, type Verb, VerbError } from './verb.ts'

/** The evidence is what is suspected: no text of it is believed to be short. */
const message_characters_max = 2000
const progress_ms = 200

export const verify: Verb = {
  name: 'verify',
  summary: 'Check the evidence of a data directory or of a bucket, and name what is wrong with it',
  operands: 'PATH|s3://BUCKET',
  operands_min: 1,
  operands_max: 1,
  options: {
    trust: { value: 'FILE', help: 'keys and checkpoints from outside (sluice trust export)' },
    config: { value: 'FILE', help: 'take endpoint and credential of S3 from this configuration' },
    ...bucket_options,
    json: json_option,
  },
  async run(call) {
    const [given = ''] = call.operands
    const trust = readTrust(call)
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
      await call.console.line(JSON.stringify(shown, null, 2))
    } else {
      for (const report of reports) await print(report, call.console, given)
    }
    return reports.every(({ verdict }) => verdict === 'verified') ? 0 : 1
  },
}

async function checkDirectory(
  call: Call,
  given: string,
  trust: Trust | undefined,
): Promise<Report> {
  const path = resolve(given)
  if (!existsSync(path)) throw new VerbError(`${given}: no such directory`)
  const data = openGathered(path)
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

function readTrust(call: Call): Trust | undefined {
  const file = call.text('trust')
  if (file === undefined) return undefined
  if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
  if (statSync(file).size > trust_bytes_max)
    throw new VerbError(`${file}: too large for a trust file`)
  const parsed = parseTrust(readFileSync(file))
  if (!parsed.ok) throw new VerbError(`${file}: ${parsed.reason}`)
  return parsed.trust
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

async function print(report: Report, console: Console, path: string): Promise<void> {
  const { checked, findings, findings_omitted, log: own, logs, verdict } = report
  for (const finding of findings) await console.line(findingLine(finding, console))
  if (findings_omitted > 0) await console.line(`... and ${findings_omitted} more`)
  const { log_entries, sessions, records, bytes } = checked
  const entries = `${log_entries} log ${log_entries === 1 ? 'entry' : 'entries'}`
  await console.line(`${path}: ${amountOf(sessions, records, bytes)}, ${entries}`)
  for (const log of logs ?? (own === undefined ? [] : [own]))
    await console.line(`log ${plainText(log.origin, 200)}, size ${log.size}, root ${log.root}`)
  // Where it lies, whoever has the gateway's key could still have made it anew since the trust file.
  if (!isBucketAddress(path) && !existsSync(join(resolve(path), receipts_name)))
    await console.line('evidence is local, not replicated')
  await console.line(verdictLine(verdict, console))
}

function amountOf(sessions: number, records: number, bytes: number): string {
  return `${formatCount(sessions, 'session')}, ${formatCount(records, 'record')} (${formatBytes(bytes)})`
}

function findingLine(finding: Finding, console: Console): string {
  const { severity, code, log, session, record, record_last, entry, message } = finding
  const records =
    record === undefined
      ? []
      : [record_last === undefined ? `record ${record}` : `records ${record}-${record_last}`]
  const places = [
    ...(session === undefined ? [] : [`session ${session}`]),
    ...records,
    ...(entry === undefined ? [] : [`log entry ${entry}`]),
    ...(log === undefined || session !== undefined ? [] : [`log ${log}`]),
  ]
  const name = console.paint(severity === 'failure' ? 'red' : 'yellow', code)
  // Most messages are whole sentences that say it themselves.
  const is_said = places.length === 0 || (session !== undefined && message.includes(session))
  const where = is_said ? '' : ` ${plainText(places.join(', '), 200)}`
  return `${name}${where}: ${plainText(message, message_characters_max)}`
}

function verdictLine(verdict: Report['verdict'], console: Console): string {
  switch (verdict) {
    case 'verified':
      return console.paint('green', 'verified')
    case 'consistent_unanchored':
      return console.paint(
        'yellow',
        'consistent, unanchored: without --trust all of it could have been made anew',
      )
    case 'failed':
      return console.paint('red', 'FAILED: this is not the evidence that was recorded')
  }
}
