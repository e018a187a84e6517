/**
 * `sluice search WORDS`: the commands, statements, typed lines and files of all sessions that have these words in them,
 * each with who and where, newest session first.
 *
 * @module
 */
import { plainText } from '../../storage/replay/plain.ts'
import { formatTime } from '../../storage/replay/time.ts'
import { type TimelineItem, timeline } from '../../storage/replay/timeline.ts'
import { withData } from './data.ts'
import { storedRecords } from './records.ts'
import { foundSessions, query_options, queryOf } from './sessions.ts'
import { formatTable } from './table.ts'
import { data_options, json_option, numberOption, UsageError, type Verb } from './verb.ts'

const cell_characters_max = 80
const line_characters_max = 400

interface Line {
  readonly time: string
  readonly session: string
  readonly subject: string
  readonly account: string
  readonly target: string
  readonly seq: number
  readonly kind: string
  readonly text: string
}

export const search: Verb = {
  name: 'search',
  summary: 'Find commands, statements, typed lines and files by their words: sluice search WORDS',
  operands: 'WORDS',
  operands_min: 1,
  operands_max: 100,
  options: {
    ...query_options,
    limit: { value: 'N', help: 'at most so many lines (default 50)' },
    json: json_option,
    ...data_options,
  },
  async run(call) {
    const wanted = numberOption(call, 'limit', 50, 1, 10_000)
    const text = call.operands.join(' ')
    const words = wordsOf(text)
    if (words.length === 0) throw new UsageError('WORDS have letters or digits')
    const query = { ...queryOf(call), text, canaries: 'hidden' as const }
    const lines = await withData(call, async (data) => {
      const found: Line[] = []
      for await (const { id, subject, account, target } of foundSessions(data, query))
        for await (const item of timeline(storedRecords(data, id))) {
          const said = saidIn(item)
          if (said === undefined || !hasAll(said.text, words)) continue
          found.push({
            ...{ time: formatTime(said.t_us), session: id, subject, account, target },
            ...{ seq: said.seq, kind: said.kind, text: said.text },
          })
          if (found.length === wanted) return found
        }
      return found
    })
    const { console } = call
    if (call.flag('json')) await console.json(lines)
    else if (lines.length === 0) console.note('nothing has these words')
    else {
      const titles = ['TIME (UTC)', 'WHO', 'WHERE', 'SESSION', 'LINE']
      const head = titles.map((title) => ({ text: title, painted: console.paint('dim', title) }))
      const rows = lines.map((line) => {
        const cells = [
          line.time.slice(0, 19).replace('T', ' '),
          plainText(line.subject, cell_characters_max),
          plainText(`${line.account}@${line.target}`, cell_characters_max),
          plainText(line.session, cell_characters_max),
          plainText(line.text, line_characters_max),
        ]
        return cells.map((cell) => ({ text: cell }))
      })
      await console.line(formatTable([head, ...rows]))
    }
    return 0
  },
}

/** What a record has of what the store's index of words is made of. */
function saidIn(
  item: TimelineItem,
): (Pick<Line, 'seq' | 'kind' | 'text'> & { readonly t_us: number }) | undefined {
  if (item.kind === 'damaged') return undefined
  const { header, payload } = item
  const { seq, t_us, kind } = header
  switch (header.kind) {
    case 'command':
    case 'statement':
    case 'input_text':
      return { seq, t_us, kind, text: new TextDecoder().decode(payload) }
    case 'transfer_start':
      return { seq, t_us, kind, text: `${header.direction} ${header.path}` }
    case 'change':
      return {
        seq,
        t_us,
        kind,
        text: [header.operation, header.path, header.to ?? ''].join(' ').trimEnd(),
      }
    default:
      return undefined
  }
}

/** As the index has them (SQLite's unicode61): letters and digits, without case and marks. */
const wordsOf = (text: string): readonly string[] =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[\p{L}\p{N}\p{Co}]+/gu) ?? []

function hasAll(text: string, words: readonly string[]): boolean {
  const there = new Set(wordsOf(text))
  return words.every((word) => there.has(word))
}
