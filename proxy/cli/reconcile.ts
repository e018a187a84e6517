/**
 * `sluice reconcile LOG --target NAME`: compares a target's own login log with the sessions on record, and lists the
 * logins that did not come through the gateway.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { login_log_bytes_max } from '../../storage/audit/limits.ts'
import { type Login, type LoginLog, readLogins } from '../../storage/audit/logins.ts'
import { type Arrival, reconcile as compare } from '../../storage/audit/reconcile.ts'
import { decodeRecord } from '../../storage/evidence/record.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { formatTime, parseTime } from '../../storage/replay/time.ts'
import type { SessionPage } from '../../storage/store/reader.ts'
import { type Data, withData } from './data.ts'
import { storedRecords } from './records.ts'
import { type Cell, formatCount, formatTable } from './table.ts'
import {
  type Call,
  data_options,
  type ExitCode,
  json_option,
  numberOption,
  UsageError,
  type Verb,
  VerbError,
} from './verb.ts'

const slack_s_default = 10
const cell_characters_max = 120
const formats: readonly LoginLog[] = ['wtmp', 'sshd', 'postgres']

export const reconcile: Verb = {
  name: 'reconcile',
  summary:
    "Compare a target's own login log with the sessions on record: who came in past the gateway?",
  operands: 'LOG',
  operands_min: 1,
  operands_max: 1,
  options: {
    target: { value: 'NAME', help: 'the target whose log it is' },
    format: { value: 'KIND', help: 'wtmp, sshd or postgres (default: what it looks like)' },
    carries: {
      value: 'NAME',
      is_repeatable: true,
      help: 'a target that is reached via this one: its sessions log in here too',
    },
    from: {
      value: 'ADDRESS',
      is_repeatable: true,
      help: "the gateway's address as the target sees it: a login from elsewhere did not come through it",
    },
    since: { value: 'TIME', help: 'only logins at or after: 2026-01-31 or RFC 3339' },
    until: { value: 'TIME', help: 'only logins before' },
    slack: {
      value: 'SECONDS',
      help: `how far the two clocks may be apart (default ${slack_s_default})`,
    },
    offset: { value: '+HH:MM', help: 'the zone of times that name none (default +00:00)' },
    json: json_option,
    ...data_options,
  },
  async run(call) {
    const target = call.text('target')
    if (target === undefined) throw new UsageError('--target NAME is missing')
    const slack_us = numberOption(call, 'slack', slack_s_default, 0, 3600) * 1_000_000
    const [file = ''] = call.operands
    const { kind, logins } = loginsOf(call, file)
    return withData(call, async (data): Promise<ExitCode> => {
      const arrivals = await arrivalsOf(data, target, kind, call.texts('carries'))
      const [first, last] = [logins[0]?.t_us ?? 0, logins.at(-1)?.t_us ?? 0]
      const during = arrivals.filter(
        ({ t_us }) => t_us >= first - slack_us && t_us <= last + slack_us,
      )
      const found = compare(logins, during, slack_us, call.texts('from'))
      if (call.flag('json')) {
        const shown = {
          target,
          format: kind,
          logins: logins.length,
          matched: found.matched,
          strange: found.strange.map(({ t_us, ...rest }) => ({ time: formatTime(t_us), ...rest })),
          missing: found.missing.map(({ t_us, ...rest }) => ({ time: formatTime(t_us), ...rest })),
        }
        await call.console.json(shown)
      } else await print(call, target, kind, logins.length, found)
      return found.strange.length === 0 ? 0 : 1
    })
  },
}

function loginsOf(
  call: Call,
  file: string,
): { readonly kind: LoginLog; readonly logins: readonly Login[] } {
  const format = formats.find((each) => each === call.text('format'))
  if (call.text('format') !== undefined && format === undefined)
    throw new UsageError('--format is wtmp, sshd or postgres')
  const [since, until] = (['since', 'until'] as const).map((name) => {
    const text = call.text(name)
    const t_us = text === undefined ? undefined : parseTime(text)
    if (text !== undefined && t_us === undefined) throw new UsageError(`--${name} is no time`)
    return t_us
  })
  const zone = /^([+-])(\d\d):(\d\d)$/.exec(call.text('offset') ?? '+00:00')
  if (zone === null) throw new UsageError('--offset is +HH:MM or -HH:MM')
  const [, sign, hours, minutes] = zone
  const offset_min = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  if (!existsSync(file) || !statSync(file).isFile()) throw new VerbError(`${file}: no such file`)
  if (statSync(file).size > login_log_bytes_max) throw new VerbError(`${file}: too large; split it`)
  const options = { offset_min, now_us: Date.now() * 1000 }
  const read = readLogins(readFileSync(file), {
    ...options,
    ...(format === undefined ? {} : { kind: format }),
  })
  if (!read.ok) throw new VerbError(`${file}: ${read.reason}`)
  const logins = read.logins
    .filter(({ t_us }) => t_us >= (since ?? 0) && t_us < (until ?? Number.POSITIVE_INFINITY))
    .toSorted((a, b) => a.t_us - b.t_us)
  // A comparison that saw nothing has shown nothing.
  if (logins.length === 0) throw new VerbError(`${file}: there is no login in it to compare`)
  return { kind: read.kind, logins }
}

/** When the gateway came to the target: for a terminal of `wtmp` when it was opened, else when it was dialled. */
async function arrivalsOf(
  data: Data,
  target: string,
  kind: LoginLog,
  carried: readonly string[],
): Promise<readonly Arrival[]> {
  const arrivals: Arrival[] = []
  for (const name of [target, ...carried]) {
    for (let cursor: string | undefined, more = true; more; ) {
      const page: SessionPage = await data.sessions({
        target: name,
        canaries: 'hidden',
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { id, account } of page.sessions) {
        const own = name === target ? account : undefined
        for await (const t_us of timesOf(data, id, name === target ? kind : 'sshd'))
          arrivals.push({ session: id, t_us, account: own })
      }
      cursor = page.cursor
      more = cursor !== undefined
    }
  }
  return arrivals
}

async function* timesOf(data: Data, id: string, kind: LoginLog): AsyncGenerator<number, void> {
  for await (const stored of storedRecords(data, id)) {
    const decoded = decodeRecord(stored)
    if (!decoded.ok) continue
    const { header } = decoded
    if (
      kind === 'wtmp'
        ? header.kind === 'channel' && header.pty !== undefined
        : header.kind === 'dialled'
    )
      yield header.t_us
  }
}

async function print(
  { console }: Call,
  target: string,
  kind: LoginLog,
  logins: number,
  { strange, missing, matched }: ReturnType<typeof compare>,
): Promise<void> {
  const plain = (text: string): string => plainText(text, cell_characters_max)
  if (strange.length > 0) {
    const head = ['TIME (UTC)', 'ACCOUNT', 'FROM', kind === 'wtmp' ? 'RECORD' : 'LINE']
    const rows: readonly (readonly Cell[])[] = [
      head.map((text) => ({ text, painted: console.paint('dim', text) })),
      ...strange.map(({ t_us, account, from, at }) => [
        { text: formatTime(t_us) },
        { text: plain(account), painted: console.paint('red', plain(account)) },
        { text: plain(from) },
        { text: String(at) },
      ]),
    ]
    await console.line(formatTable(rows))
  }
  console.note(
    `${formatCount(logins, 'login')} on ${plain(target)} (${kind}): ${matched} through the gateway, ${strange.length} not`,
  )
  if (missing.length > 0)
    console.note(
      `${console.paint('yellow', 'and')} the log lacks ${formatCount(missing.length, 'connection')} that the gateway made ` +
        `meanwhile, the first of session ${missing[0]?.session ?? ''}: it was cut, or its clock is off`,
    )
}
