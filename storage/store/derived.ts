/**
 * What the store keeps beside the evidence, so that lists and searches are fast: rows that the records, the documents and
 * the log give, and indexes over them. Here they are made again and compared. Reads one state of the database, and writes
 * nothing; what only the journal has yet is derived anew for every reader.
 *
 * @module
 */
import { equalBytes } from '../evidence/bytes.ts'
import { storedHashes, storedHashIndex } from '../evidence/merkle.ts'
import type { Database } from './database.ts'
import { StoreError } from './errors.ts'
import { type FoldedSession, foldRecord, unfolded } from './fold.ts'
import { derived_page, derived_wrong_max } from './limits.ts'
import { Queries } from './queries.ts'
import type { CommandRow, SessionTableRow } from './schema.ts'

/** Something that is not as the evidence gives it. */
export interface Misfit {
  /** Absent where it is no session's, or cannot be told whose. */
  readonly session?: string
  /** Such as `the list of its commands`. */
  readonly what: string
}

/** At most {@link derived_wrong_max}. Throws what the driver throws, and `StoreError`. */
export function derivedMisfits(database: Database): readonly Misfit[] {
  const { connection } = database
  const found: Misfit[] = []
  connection.exec('BEGIN')
  try {
    for (const misfit of compared(database)) {
      found.push(misfit)
      if (found.length === derived_wrong_max) break
    }
  } finally {
    connection.exec('ROLLBACK')
  }
  return found
}

function* compared(database: Database): Generator<Misfit, void, void> {
  yield* damagedIndexes(database)
  yield* sessionsOf(database)
  yield* listsOf(database)
  yield* wordsOf(database)
  yield* hashesOf(database)
}

/** With indexes over them, or made as one. Whatever else a table has is read, and compared with what was signed. */
const indexed = [
  'session',
  'session_group',
  'session_program',
  'command',
  'command_text',
  'document',
]

/** Whether each index has what its table has. */
function* damagedIndexes({ connection }: Database): Generator<Misfit, void, void> {
  for (const table of indexed) {
    const rows = connection.prepare(`PRAGMA integrity_check('${table}')`).raw().all() as [string][]
    // Its words can repeat what a row has.
    if (rows[0]?.[0] !== 'ok') yield { what: `an index of the table ${table}, or a page of it` }
  }
}

type ListedCommand = Pick<
  CommandRow,
  'session_no' | 'seq' | 't_us' | 'program' | 'confidence' | 'text'
> & { readonly is_placed: number }

function* sessionsOf(database: Database): Generator<Misfit, void, void> {
  const { connection } = database
  const queries = new Queries(database)
  const page = connection.prepare('SELECT * FROM session WHERE no > ? ORDER BY no LIMIT ?')
  const commands = connection.prepare(
    `SELECT session_no, seq, t_us, program, confidence, text, no = (session_no << 32) | seq AS is_placed
    FROM command WHERE no >= ? << 32 AND no < (? + 1) << 32 ORDER BY no`,
  )
  let listed_count = 0
  for (let last = -1; ; ) {
    const rows = page.all(last, derived_page) as SessionTableRow[]
    if (rows.length === 0) break
    for (const row of rows) {
      const listed = commands.all(row.no, row.no) as ListedCommand[]
      listed_count += listed.length
      const made = folded(queries, row.id)
      if (made !== undefined) yield* sessionMisfits(row, listed, made)
    }
    last = rows.at(-1)?.no ?? last
  }
  const [all] = connection.prepare('SELECT count(*) FROM command').raw().all() as [[number]]
  if (all[0] !== listed_count) yield { what: 'a command of no session' }
}

/** What its records give; undefined where they cannot be read, which is said elsewhere. */
function folded(queries: Queries, id: string): FoldedSession | undefined {
  const session = unfolded(id)
  try {
    for (let next: number | undefined = 0; next !== undefined; ) {
      const page = queries.records(id, next)
      let seq: number = next
      for (const stored of page.records) foldRecord(session, seq++, stored)
      next = page.next
    }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store_damaged') return undefined
    throw error
  }
  return session
}

function* sessionMisfits(
  row: SessionTableRow,
  listed: readonly ListedCommand[],
  { commands, output_bytes, end }: FoldedSession,
): Generator<Misfit, void, void> {
  const session = row.id
  const isSame =
    listed.length === commands.length &&
    commands.every((made, at) => {
      const shown = listed[at]
      return (
        shown?.seq === made.seq &&
        shown.session_no === row.no &&
        shown.is_placed === 1 &&
        shown.t_us === made.t_us &&
        shown.program === made.program &&
        shown.confidence === made.confidence &&
        shown.text === made.text
      )
    })
  if (!isSame) yield { session, what: 'the list of its commands' }
  if (row.output_bytes !== output_bytes)
    yield { session, what: 'how much output it is listed with' }
  if (row.ended_us !== (end?.ended_us ?? null) || row.end_reason !== (end?.reason ?? null))
    yield { session, what: 'when and why it is listed to have ended' }
}

/** Each has the same rows as what it is made from, which was compared before. */
const lists: readonly { readonly what: string; readonly made: string; readonly kept: string }[] = [
  {
    what: 'the list of groups',
    made: `SELECT DISTINCT value, started_us, no FROM session,
      json_each(CASE WHEN json_valid("groups") THEN "groups" ELSE '[]' END) WHERE json_each.type = 'text'`,
    kept: 'SELECT name, started_us, session_no FROM session_group',
  },
  {
    what: 'the list of programs',
    made: `SELECT DISTINCT program, started_us, session.no FROM command JOIN session ON session.no = session_no
      WHERE program IS NOT NULL`,
    kept: 'SELECT name, started_us, session_no FROM session_program',
  },
  {
    what: 'how long it is kept, since when, and under which key',
    made: `WITH line AS MATERIALIZED (SELECT CAST(bytes AS TEXT) AS line FROM log_entry WHERE json_valid(CAST(bytes AS TEXT))),
      said AS (SELECT json_extract(line, '$.type') AS type, json_extract(line, '$.id') AS id,
        json_extract(line, '$.days') AS days, json_extract(line, '$.time') AS time, json_extract(line, '$.keyed') AS keyed FROM line)
      SELECT 'days', days, no FROM said JOIN session USING (id) WHERE type = 'session.started' AND days IS NOT NULL
      UNION ALL SELECT 'keyed', 1, no FROM said JOIN session USING (id) WHERE type = 'session.started' AND said.keyed = 1
      UNION ALL SELECT 'since', CAST(round((julianday(time) - 2440587.5) * 86400000) AS INTEGER) * 1000, no
        FROM said JOIN session USING (id) WHERE type = 'session.ended'`,
    kept: `SELECT 'days', retain_days, no FROM session WHERE retain_days IS NOT NULL
      UNION ALL SELECT 'keyed', keyed, no FROM session WHERE keyed IS NOT NULL
      UNION ALL SELECT 'since', closed_us, no FROM session WHERE closed_us IS NOT NULL`,
  },
  {
    what: 'what was erased',
    made: `SELECT json_extract(value, '$.session'), 0, 0 FROM document, json_each(CAST(substr(bytes, 33) AS TEXT), '$.sessions')
      WHERE document.type = 'retention.applied'
      UNION ALL SELECT json_extract(CAST(substr(bytes, 33) AS TEXT), '$.session'), 0, 0 FROM document
      WHERE type = 'session.shredded'`,
    kept: 'SELECT id, 0, 0 FROM erased',
  },
]

function* listsOf({ connection }: Database): Generator<Misfit, void, void> {
  const read = (sql: string): unknown[][] => connection.prepare(sql).raw().all() as unknown[][]
  for (const { what, made, kept } of lists) {
    const differ = (a: string, b: string): unknown[][] =>
      read(
        `WITH wrong (name, at, no) AS (SELECT * FROM (${a}) EXCEPT SELECT * FROM (${b}))
        SELECT DISTINCT id FROM wrong LEFT JOIN session ON session.no = wrong.no LIMIT ${derived_wrong_max}`,
      )
    yield* ofEach([...differ(made, kept), ...differ(kept, made)].flat(), what)
  }
  // What it says is a bound: sessions that were erased since may have been what it was of.
  const [order] = read(
    `WITH made AS (SELECT max(started_us) AS started, max(before - started_us) AS behind FROM (SELECT started_us, max(started_us)
        OVER (ORDER BY no) AS before FROM session WHERE started_us > 0)),
      kept AS (SELECT count(*) AS rows, min(id) AS id, max(started_us_max) AS started, max(behind_us) AS behind FROM session_order)
    SELECT CASE WHEN EXISTS (SELECT 1 FROM erased)
      THEN kept.rows <= 1 AND (made.started IS NULL OR (kept.id = 1 AND kept.started >= made.started AND kept.behind >= made.behind))
      ELSE kept.rows = (made.started IS NOT NULL) AND (kept.rows = 0 OR kept.id = 1) AND kept.started IS made.started
        AND kept.behind IS made.behind END FROM made, kept`,
  )
  if (order?.[0] !== 1) yield { what: 'the order of sessions' }
  const typed = read(
    `SELECT count(*) FROM log_entry JOIN document ON digest = json_extract(CAST(log_entry.bytes AS TEXT), '$.digest')
      WHERE json_valid(CAST(log_entry.bytes AS TEXT)) AND type <> json_extract(CAST(log_entry.bytes AS TEXT), '$.type')`,
  )
  if (typed[0]?.[0] !== 0) yield { what: 'the type of a document' }
}

/** The full-text index: where each word of each command is. */
function* wordsOf({ connection }: Database): Generator<Misfit, void, void> {
  connection.exec(`
    CREATE VIRTUAL TABLE temp.made_text USING fts5(text, content='');
    INSERT INTO temp.made_text (rowid, text) SELECT no, text FROM main.command;
    CREATE VIRTUAL TABLE temp.made_word USING fts5vocab(temp, made_text, instance);
    CREATE VIRTUAL TABLE temp.kept_word USING fts5vocab(main, command_text, instance);`)
  const words = (name: string): string => `SELECT term, doc, offset FROM temp.${name}_word`
  const differ = (a: string, b: string): unknown[] =>
    connection
      .prepare(
        `SELECT DISTINCT id FROM (${words(a)} EXCEPT ${words(b)}) LEFT JOIN session ON no = doc >> 32
        LIMIT ${derived_wrong_max}`,
      )
      .raw()
      .all()
  const found = [...differ('made', 'kept'), ...differ('kept', 'made')].flat()
  yield* ofEach(found, 'the words that a search finds it by')
}

/** Once for each session; a row of none has no id. */
function* ofEach(ids: readonly unknown[], what: string): Generator<Misfit, void, void> {
  for (const id of new Set(ids)) yield typeof id === 'string' ? { session: id, what } : { what }
}

/** Hashes of the log's tree, which proofs are made of. */
function* hashesOf(database: Database): Generator<Misfit, void, void> {
  const { connection } = database
  const queries = new Queries(database)
  const page = connection.prepare('SELECT no, hash FROM log_hash WHERE no >= ? AND no < ?')
  const size = queries.logSize()
  const lefts = new Map<number, Uint8Array>()
  let kept_count = 0
  for (let from = 0; from < size; from += derived_page) {
    const to = Math.min(from + derived_page, size)
    const [first, behind] = [storedHashIndex(0, from), storedHashIndex(0, to)]
    const rows = page.all(first, behind) as { no: number; hash: Uint8Array | ArrayBuffer }[]
    const kept = new Map(rows.map(({ no, hash }) => [no, new Uint8Array(hash)]))
    kept_count += kept.size
    for (const [at, entry] of queries.logEntries(from, to).entries()) {
      const places: number[] = []
      const made = storedHashes(from + at, entry, (asked) => {
        places.push(...asked)
        return asked.map((place) => lefts.get(place) ?? new Uint8Array(32))
      })
      for (const place of places) lefts.delete(place)
      const place = storedHashIndex(0, from + at)
      const last = made.length - 1
      lefts.set(place + last, made[last] ?? new Uint8Array())
      const isWrong = made.some((hash, up) => !equalBytes(kept.get(place + up) ?? empty, hash))
      if (!isWrong) continue
      yield { what: `the hashes of the log's tree at entry ${from + at}` }
      return
    }
  }
  const [all] = connection.prepare('SELECT count(*) FROM log_hash').raw().all() as [[number]]
  if (all[0] !== kept_count) yield { what: "the hashes of the log's tree" }
}

const empty = new Uint8Array()
