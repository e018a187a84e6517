/**
 * `sluice sessions`: who was where, newest first.
 *
 * @module
 */
import { plainText } from '../../storage/replay/plain.ts'
import { formatTime, parseTime } from '../../storage/replay/time.ts'
import type { SessionPage, SessionQuery, SessionRow } from '../../storage/store/reader.ts'
import type { Console } from './console.ts'
import { type Data, withData } from './data.ts'
import { type Cell, formatBytes, formatDuration, formatTable } from './table.ts'
import {
  type Call,
  data_options,
  json_option,
  numberOption,
  type Option,
  UsageError,
  type Verb,
} from './verb.ts'

const cell_characters_max = 80

/** Which sessions are meant. */
export const query_options: Readonly<Record<string, Option>> = {
  subject: { value: 'NAME', help: 'only of this person or service account' },
  group: { value: 'NAME', help: 'only of members of this group, as it was then' },
  target: { value: 'NAME', help: 'only on this target' },
  program: { value: 'NAME', help: 'only where a command began with this' },
  since: { value: 'TIME', help: 'started at or after: 2026-01-31 or RFC 3339' },
  until: { value: 'TIME', help: 'started before' },
}

export const sessions: Verb = {
  name: 'sessions',
  summary: 'List sessions, newest first',
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: {
    ...query_options,
    text: { value: 'WORDS', help: 'only where these words were in a command or a typed line' },
    limit: { value: 'N', help: 'at most so many (default 50)' },
    canaries: { help: 'the sessions of the gateway with itself, which are not listed otherwise' },
    json: json_option,
    ...data_options,
  },
  async run(call) {
    const wanted = numberOption(call, 'limit', 50, 1, 10_000)
    const query: SessionQuery = {
      ...queryOf(call),
      ...textOption(call, 'text'),
      canaries: call.flag('canaries') ? 'only' : 'hidden',
      limit: Math.min(wanted, page_sessions_max),
    }
    const found = await withData(call, async (data) => {
      const rows: SessionRow[] = []
      for await (const row of foundSessions(data, query)) {
        rows.push(row)
        if (rows.length === wanted) break
      }
      return rows
    })
    if (call.flag('json')) await call.console.json(found.map(sessionJson))
    else if (found.length === 0) call.console.note('no sessions')
    else await call.console.line(formatTable(tableOf(found, call.console)))
    return 0
  },
}

const page_sessions_max = 200

/** What {@link query_options} say. Throws a {@link UsageError}. */
export function queryOf(call: Call): SessionQuery {
  const since = timeOption(call, 'since')
  const until = timeOption(call, 'until')
  return {
    ...textOption(call, 'subject'),
    ...textOption(call, 'group'),
    ...textOption(call, 'target'),
    ...textOption(call, 'program'),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    limit: page_sessions_max,
  }
}

/** Newest first; as many at a time as `limit` says, and then the next. */
export async function* foundSessions(
  data: Data,
  query: SessionQuery,
): AsyncGenerator<SessionRow, void> {
  let cursor: string | undefined
  do {
    const page: SessionPage = await data.sessions({
      ...query,
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield* page.sessions
    cursor = page.cursor
  } while (cursor !== undefined)
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
