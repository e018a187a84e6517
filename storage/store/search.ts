/**
 * Which sessions a search finds, a page at a time. Among a million commands each way to read them is slow for some
 * search: what was given is counted first, up to a limit, and the least of it is read, in the order of an index.
 *
 * @module
 */
import { and, desc, eq, getTableColumns, gte, lt, ne, type SQL, sql } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Database } from './database.ts'
import { few_hits, few_sessions, frequent_of, hits_page, hits_page_max } from './limits.ts'
import type { SessionTableRow } from './schema.ts'
import { session, session_group, session_order, session_program } from './schema.ts'

const p = sql.placeholder

/** What every row must have; `text` is a query of FTS5. */
export interface Sought {
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
  readonly group?: string | undefined
  readonly target?: string | undefined
  readonly program?: string | undefined
  readonly text?: string | undefined
  readonly protocol?: string | undefined
  /** Another protocol than this. */
  readonly other_than?: string | undefined
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** Behind this session in the order of pages. */
  readonly before_us?: number | undefined
  readonly before_no?: number | undefined
}

/** An index that pages can be read from. */
type Driver = 'session' | 'subject' | 'target' | 'group' | 'program'

/** Numbers of sessions are below: with a sequence behind it, one is a row of the full-text index. */
const number_max = 2 ** 31 - 1

const drivers = ['subject', 'target', 'group', 'program'] as const

type Page = ReturnType<typeof preparePage>

export class Search {
  readonly #database: Database
  readonly #sql: ReturnType<typeof prepareAll>
  /** One statement for each set of names that was ever asked for, and each way to answer it. */
  readonly #pages = new Map<string, Page>()

  constructor(database: Database) {
    this.#database = database
    this.#sql = prepareAll(database)
  }

  /** Up to `limit` rows: the newest first, those of one moment by their numbers. Throws what the driver throws. */
  sessions(sought: Sought, limit: number): SessionTableRow[] {
    const given = Object.fromEntries(
      Object.entries(sought).filter(([, value]) => value !== undefined),
    )
    const driver = this.#driver(sought)
    const { text } = sought
    const bySession = (): SessionTableRow[] =>
      this.#page(given, driver.name, 'all').all({ ...given, limit })
    if (text === undefined) return bySession()
    // Few sessions: each is asked for the words. Otherwise the words are asked for their sessions.
    if (driver.is_few && this.#sql.hits.get({ text, limit: few_hits })?.count === few_hits)
      return bySession()
    const found = this.#byText({ ...sought, text }, given, limit, driver.name !== 'session')
    return found ?? bySession()
  }

  /** What has the fewest sessions; nothing is counted where there is no choice. */
  #driver(sought: Sought): { readonly name: Driver; readonly is_few: boolean } {
    const named = drivers.filter((name) => sought[name] !== undefined)
    const [only = 'session'] = named
    if (named.length < 2 && sought.text === undefined) return { name: only, is_few: false }
    const counted = named.map((name) => ({
      name,
      count: this.#sql.count[name].all({ value: sought[name], limit: few_sessions }).length,
    }))
    const [least] = counted.toSorted((a, b) => a.count - b.count)
    return { name: least?.name ?? only, is_few: least !== undefined && least.count < few_sessions }
  }

  /**
   * Reads the full-text index from its end. Its order is that of numbers, which is nearly that of starting: how nearly
   * is on record, and the last row is certain once nothing that is left can have started after it. Undefined, where there
   * is another way, when the words turn out to be in so many sessions that they say nothing.
   */
  #byText(
    sought: Sought & { text: string },
    given: object,
    limit: number,
    has_choice: boolean,
  ): SessionTableRow[] | undefined {
    const behind_us = this.#sql.order.get()?.behind_us ?? 0
    const among = this.#page(given, 'session', 'numbered')
    const found: SessionTableRow[] = []
    const bounds = this.#bounds(sought, behind_us)
    const { low } = bounds
    let { high } = bounds
    const isCertain = (): boolean => {
      const least_us = newestFirst(found)[limit - 1]?.started_us
      const last_us = found.findLast(({ started_us }) => started_us > 0)?.started_us
      return least_us !== undefined && last_us !== undefined && last_us + behind_us <= least_us
    }
    // A few more than a page has, as some sessions have several.
    let take = Math.max(hits_page, Math.ceil(limit * 1.25))
    for (let is_first = true; high > low && !isCertain(); is_first = false) {
      const hits = this.#sql.hits_between.all({ text: sought.text, low, high, take })
      const last = hits.at(-1)
      if (last === undefined) break
      const span = (hits[0]?.no ?? 0) - last.no
      const is_frequent = hits.length > take / 16 && hits.length * frequent_of > span
      if (has_choice && is_first && is_frequent) return undefined
      // What is left of the last session says nothing new.
      high = last.no
      // Rows lie far apart: no more of them are read than a page may need.
      for (let at = 0; at < hits.length && !isCertain(); at += limit) {
        const some = hits.slice(at, at + limit)
        const numbers = JSON.stringify(some.map(({ no }) => no))
        found.push(...among.all({ ...given, numbers, limit: some.length }))
      }
      const wanted = (limit - found.length) * Math.ceil(take / hits.length)
      take = Math.min(Math.max(take * 2, wanted), hits_page_max)
    }
    return newestFirst(found).slice(0, limit)
  }

  /** Numbers of sessions that may have started then: from `low` on, below `high`. */
  #bounds(
    { since, until, before_us }: Sought,
    behind_us: number,
  ): { readonly low: number; readonly high: number } {
    // One that does not say when it began may have any number.
    if (this.#sql.undated.get() !== undefined) return { low: 0, high: number_max }
    const end_us = Math.min(until ?? Infinity, before_us === undefined ? Infinity : before_us + 1)
    const after =
      end_us === Infinity ? undefined : this.#sql.first_from.get({ us: end_us + behind_us })
    const before =
      since === undefined ? undefined : this.#sql.last_until.get({ us: since - behind_us })
    return { low: before?.no ?? 0, high: after?.no ?? number_max }
  }

  #page(given: object, driver: Driver, which: 'all' | 'numbered'): Page {
    const names = Object.keys(given)
    const key = [driver, which, ...names].join()
    const known = this.#pages.get(key)
    if (known !== undefined) return known
    const page = preparePage(this.#database, new Set(names), driver, which)
    this.#pages.set(key, page)
    return page
  }
}

export function newestFirst(rows: readonly SessionTableRow[]): SessionTableRow[] {
  return rows.toSorted((a, b) => b.started_us - a.started_us || b.no - a.no)
}

/** Where a session is in the order of pages. */
interface Place {
  readonly started_us: SQL
  readonly no: SQL
}

/** Words in a command of the session: the full-text index has all of its commands side by side. */
const hasWords = ({ no }: Place): SQL =>
  sql`EXISTS (SELECT 1 FROM command_text WHERE command_text MATCH ${p('text')}
    AND rowid BETWEEN ${no} << 32 AND (${no} << 32) | 4294967295)`

const hasName = (name: 'group' | 'program', { started_us, no }: Place): SQL =>
  sql`EXISTS (SELECT 1 FROM ${sql.raw(`session_${name}`)} AS named WHERE named.name = ${p(name)}
    AND named.started_us = ${started_us} AND named.session_no = ${no})`

/** By the index alone. */
const hasColumn = (name: 'subject' | 'target', { started_us, no }: Place): SQL =>
  sql`EXISTS (SELECT 1 FROM ${sql.raw(`session AS indexed INDEXED BY session_${name}`)}
    WHERE ${sql.raw(`indexed.${name}`)} = ${p(name)} AND indexed.started_us = ${started_us} AND indexed.no = ${no})`

/** A page in the order of `driver`'s index; or the session of one number, if it is sought. */
function preparePage(
  { drizzle: db }: Database,
  given: ReadonlySet<string>,
  driver: Driver,
  which: 'all' | 'numbered',
) {
  const row: Place = { started_us: sql`${session.started_us}`, no: sql`${session.no}` }
  const of_row: SQL[] = []
  if (given.has('issuer')) of_row.push(eq(session.issuer, p('issuer')))
  if (given.has('protocol')) of_row.push(eq(session.protocol, p('protocol')))
  if (given.has('other_than')) of_row.push(ne(session.protocol, p('other_than')))
  if (which === 'numbered') {
    // A plus takes a column from its index.
    for (const name of ['subject', 'target'] as const)
      if (given.has(name)) of_row.push(sql`+${session[name]} = ${p(name)}`)
    for (const name of ['group', 'program'] as const)
      if (given.has(name)) of_row.push(hasName(name, row))
    return db
      .select(getTableColumns(session))
      .from(sql`json_each(${p('numbers')}) AS number`)
      .crossJoin(session)
      .where(and(sql`${session.no} = number.value`, ...of_row, ...boundsOf(given, row)))
      .limit(p('limit'))
      .prepare()
  }
  // Rows lie far apart: the indexes say which they are before one of them is read.
  const is_list = driver === 'group' || driver === 'program'
  const place: Place = {
    started_us: sql.raw('place.started_us'),
    no: sql.raw(is_list ? 'place.session_no' : 'place.no'),
  }
  const of_place: SQL[] = []
  for (const name of drivers) {
    if (!given.has(name)) continue
    const is_list_name = name === 'group' || name === 'program'
    if (driver === name)
      of_place.push(sql`${sql.raw(`place.${is_list_name ? 'name' : name}`)} = ${p(name)}`)
    else of_place.push(is_list_name ? hasName(name, place) : hasColumn(name, place))
  }
  if (given.has('text')) of_place.push(hasWords(place))
  const index = driver === 'session' ? 'session_started' : `session_${driver}`
  // CROSS JOIN keeps the order in which the two are read.
  return db
    .select(getTableColumns(session))
    .from(sql.raw(is_list ? `${index} AS place` : `session AS place INDEXED BY ${index}`))
    .crossJoin(session)
    .where(and(...of_place, ...boundsOf(given, place), eq(session.no, place.no), ...of_row))
    .orderBy(desc(place.started_us), desc(place.no))
    .limit(p('limit'))
    .prepare()
}

function boundsOf(given: ReadonlySet<string>, { started_us, no }: Place): SQL[] {
  const bounds: SQL[] = []
  if (given.has('since')) bounds.push(sql`${started_us} >= ${p('since')}`)
  if (given.has('until')) bounds.push(sql`${started_us} < ${p('until')}`)
  // The first of the two is for the index.
  if (given.has('before_us'))
    bounds.push(
      sql`${started_us} <= ${p('before_us')}`,
      sql`(${started_us}, ${no}) < (${p('before_us')}, ${p('before_no')})`,
    )
  return bounds
}

function prepareAll({ drizzle: db }: Database) {
  const count = (table: SQLiteTable, condition: SQL) =>
    db.select({ one: sql<number>`1` }).from(table).where(condition).limit(p('limit')).prepare()
  return {
    count: {
      subject: count(session, eq(session.subject, p('value'))),
      target: count(session, eq(session.target, p('value'))),
      group: count(session_group, eq(session_group.name, p('value'))),
      program: count(session_program, eq(session_program.name, p('value'))),
    },
    order: db.select({ behind_us: session_order.behind_us }).from(session_order).prepare(),
    hits: db
      .select({ count: sql<number>`count(*)` })
      .from(
        sql`(SELECT 1 FROM command_text WHERE command_text MATCH ${p('text')} LIMIT ${p('limit')})`,
      )
      .prepare(),
    hits_between: db
      .selectDistinct({ no: sql<number>`no` })
      .from(
        sql`(SELECT rowid >> 32 AS no FROM command_text WHERE command_text MATCH ${p('text')}
          AND rowid >= ${p('low')} << 32 AND rowid < ${p('high')} << 32
          ORDER BY rowid DESC LIMIT ${p('take')})`,
      )
      .prepare(),
    undated: db
      .select({ no: session.no })
      .from(session)
      .where(eq(session.started_us, 0))
      .limit(1)
      .prepare(),
    first_from: db
      .select({ no: session.no })
      .from(session)
      .where(gte(session.started_us, p('us')))
      .orderBy(session.started_us, session.no)
      .limit(1)
      .prepare(),
    last_until: db
      .select({ no: session.no })
      .from(session)
      .where(lt(session.started_us, p('us')))
      .orderBy(desc(session.started_us), desc(session.no))
      .limit(1)
      .prepare(),
  }
}
