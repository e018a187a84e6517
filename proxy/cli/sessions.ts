/**
 * `sluice sessions`: who was where, newest first.
 *
 * @module
 */
import { plainText } from '../../storage/replay/plain.ts'
import { formatTime, parseTime } from '../../storage/replay/time.ts'
import type { SessionPage, SessionRow } from '../../storage/store/reader.ts'
import type { Console } from './console.ts'
import { withData } from './data.ts'
import { type Cell, formatBytes, formatDuration, formatTable } from './table.ts'
import {
  type Call,
  data_options,
  json_option,
  numberOption,
  UsageError,
  type Verb,
} from './verb.ts'

const cell_characters_max = 80

export const sessions: Verb = {
  name: 'sessions',
  summary: 'List sessions, newest first',
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: {
    subject: { value: 'NAME', help: 'only of this person or service account' },
    group: { value: 'NAME', help: 'only of members of this group, as it was then' },
    target: { value: 'NAME', help: 'only on this target' },
    program: { value: 'NAME', help: 'only where a command began with this' },
    text: { value: 'WORDS', help: 'only where these words were in a command or a typed line' },
    since: { value: 'TIME', help: 'started at or after: 2026-01-31 or RFC 3339' },
    until: { value: 'TIME', help: 'started before' },
    limit: { value: 'N', help: 'at most so many (default 50)' },
    canaries: { help: 'the sessions of the gateway with itself, which are not listed otherwise' },
    json: json_option,
    ...data_options,
  },
  async run(call) {
    const wanted = numberOption(call, 'limit', 50, 1, 10_000)
    const since = timeOption(call, 'since')
    const until = timeOption(call, 'until')
    const found = await withData(call, async (data) => {
      const rows: SessionRow[] = []
      for (let cursor: string | undefined; rows.length < wanted; ) {
        const page: SessionPage = await data.sessions({
          ...textOption(call, 'subject'),
          ...textOption(call, 'group'),
          ...textOption(call, 'target'),
          ...textOption(call, 'program'),
          ...textOption(call, 'text'),
          ...(since === undefined ? {} : { since }),
          ...(until === undefined ? {} : { until }),
          ...(cursor === undefined ? {} : { cursor }),
          canaries: call.flag('canaries') ? 'only' : 'hidden',
          limit: Math.min(wanted - rows.length, 200),
        })
        rows.push(...page.sessions)
        if (page.cursor === undefined) break
        cursor = page.cursor
      }
      return rows
    })
    if (call.flag('json')) await call.console.json(found.map(sessionJson))
    else if (found.length === 0) call.console.note('no sessions')
    else await call.console.line(formatTable(tableOf(found, call.console)))
    return 0
  },
}

/** A session for programs: times as text. */
export function sessionJson(session: SessionRow): Readonly<Record<string, unknown>> {
  const { started_us, ended_us, ...rest } = session
  return {
    ...rest,
    started: formatTime(started_us),
    ...(typeof ended_us === 'number' ? { ended: formatTime(ended_us) } : {}),
  }
}

function tableOf(rows: readonly SessionRow[], console: Console): readonly (readonly Cell[])[] {
  const titles = ['SESSION', 'STARTED (UTC)', 'LASTED', 'WHO', 'WHERE', 'OUTPUT', 'END']
  const head = titles.map((text) => ({ text, painted: console.paint('dim', text) }))
  return [
    head,
    ...rows.map((row): readonly Cell[] => {
      const { started_us, ended_us } = row
      const end = typeof ended_us === 'number' ? plain(row.end_reason ?? '') : 'running'
      const is_usual = end === 'client' || end === 'target'
      return [
        { text: plain(row.id), painted: console.paint('cyan', plain(row.id)) },
        { text: formatTime(started_us).slice(0, 19).replace('T', ' ') },
        {
          text: typeof ended_us === 'number' ? formatDuration(ended_us - started_us) : '-',
          align: 'right',
        },
        { text: plain(row.subject) },
        { text: plain(`${row.account}@${row.target}`) },
        { text: formatBytes(row.output_bytes), align: 'right' },
        {
          text: end,
          ...(is_usual
            ? {}
            : { painted: console.paint(end === 'running' ? 'green' : 'yellow', end) }),
        },
      ]
    }),
  ]
}

function plain(text: string): string {
  return plainText(text, cell_characters_max)
}

function textOption(call: Call, name: string): Readonly<Record<string, string>> {
  const text = call.text(name)
  return text === undefined ? {} : { [name]: text }
}

function timeOption(call: Call, name: string): number | undefined {
  const text = call.text(name)
  if (text === undefined) return undefined
  const t_us = parseTime(text)
  if (t_us === undefined)
    throw new UsageError(`--${name} is no time: 2026-01-31 or 2026-01-31T12:00:00Z`)
  return t_us
}
