/**
 * What a verification found, for a person. The evidence is what is suspected: nothing of its text acts on a
 * terminal, or is believed to be short.
 *
 * @module
 */
import { plainText } from '../../storage/replay/plain.ts'
import type { Finding, Report } from '../../storage/verify/report.ts'
import type { Console } from './console.ts'
import { formatBytes, formatCount } from './table.ts'

const message_characters_max = 2000

/** `remark` says what the place of the evidence means, where it means something. */
export async function printReport(
  report: Report,
  console: Console,
  path: string,
  remark?: string,
): Promise<void> {
  const { checked, findings, findings_omitted, log: own, logs, verdict } = report
  for (const finding of findings) await console.line(findingLine(finding, console))
  if (findings_omitted > 0) await console.line(`... and ${findings_omitted} more`)
  const { log_entries, sessions, records, bytes } = checked
  const entries = `${log_entries} log ${log_entries === 1 ? 'entry' : 'entries'}`
  await console.line(`${path}: ${amountOf(sessions, records, bytes)}, ${entries}`)
  for (const log of logs ?? (own === undefined ? [] : [own]))
    await console.line(`log ${plainText(log.origin, 200)}, size ${log.size}, root ${log.root}`)
  if (remark !== undefined) await console.line(remark)
  await console.line(verdictLine(verdict, console))
}

export function amountOf(sessions: number, records: number, bytes: number): string {
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
