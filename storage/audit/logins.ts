/**
 * Logins, as a target's own log tells them: `wtmp`, the log of sshd, the log of PostgreSQL. Whoever logs in chooses
 * a part of what stands there, so a line counts only where its program begins it.
 *
 * @module
 */
import { isObject } from '../evidence/bytes.ts'
import { logins_max } from './limits.ts'

export interface Login {
  /** UTC, microseconds. */
  readonly t_us: number
  readonly account: string
  /** Address or name that it came from; empty where the log does not say. */
  readonly from: string
  /** Line of the log, from 1, or number of the `wtmp` record. */
  readonly at: number
}

/** `wtmp` has logins with a terminal alone. */
export type LoginLog = 'wtmp' | 'sshd' | 'postgres'

export type ReadLogins =
  | { readonly ok: true; readonly kind: LoginLog; readonly logins: readonly Login[] }
  /** One line for a person. */
  | { readonly ok: false; readonly reason: string }

export interface ReadOptions {
  /** Found out when absent. */
  readonly kind?: LoginLog
  /** For times without a zone, as sshd's in the old form of syslog: minutes east of UTC. */
  readonly offset_min: number
  /** Those have no year either: it is the last one in which they are not in the future of this. */
  readonly now_us: number
}

/** glibc's `struct utmp` on 64-bit Linux (utmp(5)), little-endian. */
const utmp_bytes = 384
const utmp_process = 7

export function readLogins(bytes: Uint8Array, options: ReadOptions): ReadLogins {
  const kind = options.kind ?? kindOf(bytes)
  if (kind === undefined)
    return refused('neither a wtmp file nor a log of sshd or PostgreSQL; --format says which')
  const logins = kind === 'wtmp' ? wtmpLogins(bytes) : textLogins(bytes, kind, options)
  if (logins === undefined) return refused(`this is not a whole ${kind} file`)
  if (typeof logins === 'string') return refused(logins)
  return logins.length > logins_max
    ? refused(`there are more than ${logins_max} logins in it: split it`)
    : { ok: true, kind, logins }
}

function kindOf(bytes: Uint8Array): LoginLog | undefined {
  if (bytes.length >= utmp_bytes && bytes.length % utmp_bytes === 0 && (bytes[0] ?? 255) < 10)
    if (bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0) return 'wtmp'
  const text = new TextDecoder('latin1').decode(bytes)
  if (/\bsshd(?:-session)?\[\d+\]/.test(text) || text.includes('"SYSLOG_IDENTIFIER":"sshd'))
    return 'sshd'
  return /LOG: {1,2}connection (?:received|authorized):/.test(text) ? 'postgres' : undefined
}

function wtmpLogins(bytes: Uint8Array): readonly Login[] | undefined {
  if (bytes.length % utmp_bytes !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const logins: Login[] = []
  for (let from = 0; from < bytes.length; from += utmp_bytes) {
    if (view.getInt16(from, true) !== utmp_process) continue
    const t_us = view.getUint32(from + 340, true) * 1_000_000 + view.getUint32(from + 344, true)
    const account = fieldOf(bytes, from + 44, 32)
    logins.push({ t_us, account, from: fieldOf(bytes, from + 76, 256), at: from / utmp_bytes + 1 })
  }
  return logins
}

function fieldOf(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length)
  const end = field.indexOf(0)
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end))
}

/** A sentence where a time cannot be read: a login that is passed over would be one that nobody sees. */
function textLogins(
  bytes: Uint8Array,
  kind: 'sshd' | 'postgres',
  options: ReadOptions,
): readonly Login[] | string {
  const logins: Login[] = []
  /** Where a server process of PostgreSQL said that its client is. */
  const hosts = new Map<string, string>()
  for (const [index, line] of new TextDecoder().decode(bytes).split('\n').entries()) {
    const found = kind === 'sshd' ? sshdLine(line) : postgresLine(line, hosts)
    if (found === undefined) continue
    const t_us = typeof found.time === 'number' ? found.time : timeOf(found.time, options)
    if (t_us === undefined)
      return `line ${index + 1} has a login, and a time that cannot be read: it needs a date, and UTC or an offset`
    logins.push({ t_us, account: found.account, from: found.from, at: index + 1 })
  }
  return logins
}

interface Found {
  readonly time: string | number
  readonly account: string
  readonly from: string
}

/** auth.c of OpenSSH: `Accepted METHOD for USER from ADDRESS port PORT ssh2`. The last ` from ` is sshd's own. */
const accepted = /^Accepted \S+ for (.*) from (\S+) port \d+(?: ssh2)?(?::.*)?$/

/** Time, host, program: syslog in its old form, or with ISO 8601. */
const syslog =
  /^([A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\S+) \S+ sshd(?:-session)?\[\d+\]: (Accepted .*)$/

function sshdLine(line: string): Found | undefined {
  if (line.startsWith('{')) return journalLine(line)
  const match = syslog.exec(line)
  const [, account, from] = accepted.exec(match?.[2] ?? '') ?? []
  if (match?.[1] === undefined || account === undefined || from === undefined) return undefined
  return { time: match[1], account, from }
}

/** A line of `journalctl -o json`. */
function journalLine(line: string): Found | undefined {
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return undefined
  }
  const {
    SYSLOG_IDENTIFIER: by,
    MESSAGE: said,
    __REALTIME_TIMESTAMP: at,
  } = {
    ...(isObject(entry) ? entry : {}),
  } as Record<string, unknown>
  if (typeof by !== 'string' || !/^sshd(?:-session)?$/.test(by) || typeof said !== 'string')
    return undefined
  const [, account, from] = accepted.exec(said) ?? []
  if (account === undefined || from === undefined) return undefined
  return { time: typeof at === 'string' && /^\d{1,16}$/.test(at) ? Number(at) : '', account, from }
}

/** With `log_connections`, under any prefix that begins with time and process: `%m [%p] `, Debian's, and longer. */
function postgresLine(line: string, hosts: Map<string, string>): Found | undefined {
  const match =
    /^(\S+ \S+ \S+) \[(\d+)\] (?:\S+@\S+ )?LOG: {1,2}connection (received: host|authorized: user)=(.*)$/.exec(
      line,
    )
  const [, time, process, what, rest = ''] = match ?? []
  if (time === undefined || process === undefined) return undefined
  if (what === 'received: host') {
    hosts.set(process, /^\S+/.exec(rest)?.[0] ?? '')
    return undefined
  }
  // A name may have blanks in it; what follows is PostgreSQL's own.
  const account = /^(.*?) (?:database=|application_name=|SSL )/.exec(rest)?.[1] ?? rest
  return { time, account, from: hosts.get(process) ?? '' }
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

function timeOf(text: string, { offset_min, now_us }: ReadOptions): number | undefined {
  const iso =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?(?: ?(Z|UTC|GMT|[+-]\d\d:?\d\d))$/.exec(
      text,
    )
  if (iso !== null) {
    const [, date = '', clock = '', fraction = '', zone = ''] = iso
    const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : 'Z'
    const ms = Date.parse(`${date}T${clock}${offset}`)
    return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.padEnd(6, '0'))
  }
  const old = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)$/.exec(text)
  const month = months.indexOf(old?.[1] ?? '')
  if (old === null || month < 0) return undefined
  const [day = 0, hour = 0, minute = 0, second = 0] = old.slice(2).map(Number)
  const now = new Date(now_us / 1000).getUTCFullYear()
  const at = (year: number): number =>
    (Date.UTC(year, month, day, hour, minute, second) - offset_min * 60_000) * 1000
  // A day of grace: the two machines' clocks, and the zone.
  return [now + 1, now, now - 1].map(at).find((t_us) => t_us <= now_us + 86_400_000_000)
}

const refused = (reason: string): ReadLogins => ({ ok: false, reason })
