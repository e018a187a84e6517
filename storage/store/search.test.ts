/**
 * Searching gives what looking at every session would give, whichever way it is answered.
 */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { rounds } from '../../test/fixture/require.ts'
import { openDatabase } from './database.ts'
import { DataDirectory, RecordedSession, started_us } from './fixture.ts'
import { Batch } from './fold.ts'
import { database_name } from './layout.ts'
import { connect } from './libsql.ts'
import { few_hits, few_sessions } from './limits.ts'
import { migrations } from './migration/index.ts'
import { Projector } from './project.ts'
import { Queries } from './queries.ts'
import type { SessionQuery } from './reader.ts'

const people = ['ann', 'bob', 'cem'] as const
const hosts = ['web-1', 'db-1'] as const
const programs = ['sudo', 'ls', 'vi'] as const

interface Made {
  readonly id: string
  readonly no: number
  readonly at_ms: number
  readonly subject: string
  readonly target: string
  readonly groups: readonly string[]
  readonly commands: readonly string[]
}

type Facts = Omit<Made, 'id' | 'no'>

/** A store with them, in this order of numbers. */
function storeOf(facts: readonly Facts[]): { queries: Queries; made: Made[]; close(): void } {
  const database = openDatabase(':memory:')
  const projector = new Projector(database)
  const batch = new Batch()
  let lsn = 0
  const made = facts.map((one, number) => {
    const { at_ms, subject, target, groups } = one
    const session = new RecordedSession(number, { at_ms, subject, target, groups })
    for (const entry of [...session.start(), ...one.commands.map((text) => session.command(text))])
      batch.add(++lsn, entry)
    return { ...one, id: session.id, no: number + 1 }
  })
  projector.apply(batch)
  return { queries: new Queries(database), made, close: () => database.connection.close() }
}

/** Ids, as a look at all of them finds them. */
function expected(made: readonly Made[], query: SessionQuery): string[] {
  const { subject, target, group, program, text, since, until } = query
  const words = text?.split(' ') ?? []
  return made
    .filter((one) => subject === undefined || one.subject === subject)
    .filter((one) => target === undefined || one.target === target)
    .filter((one) => group === undefined || one.groups.includes(group))
    .filter(
      (one) => program === undefined || one.commands.some((line) => line.split(' ')[0] === program),
    )
    .filter(
      (one) =>
        text === undefined ||
        one.commands.some((line) => words.every((word) => line.split(' ').includes(word))),
    )
    .filter((one) => since === undefined || started_us + one.at_ms * 1000 >= since)
    .filter((one) => until === undefined || started_us + one.at_ms * 1000 < until)
    .toSorted((a, b) => b.at_ms - a.at_ms || b.no - a.no)
    .map(({ id }) => id)
}

/** Follows the cursor to the end, or for so many pages. */
function pagesOf(queries: Queries, query: SessionQuery, limit: number, pages_max = 1000): string[] {
  const ids: string[] = []
  for (let cursor: string | undefined, page = 0; page < pages_max; page++) {
    const found = queries.sessions({ ...query, limit, ...(cursor === undefined ? {} : { cursor }) })
    ids.push(...found.sessions.map(({ id }) => id))
    cursor = found.cursor
    if (cursor === undefined) return ids
  }
  return ids
}

const one_session: fc.Arbitrary<Facts> = fc.record({
  // Few moments, in any order: as of clocks that were set back, and of sessions that begin together.
  at_ms: fc.nat(30),
  subject: fc.constantFrom(...people),
  target: fc.constantFrom(...hosts),
  groups: fc.subarray(['staff', 'ops']),
  commands: fc.array(
    fc
      .tuple(fc.constantFrom(...programs), fc.constantFrom('one', 'two', 'three'))
      .map((words) => words.join(' ')),
    { maxLength: 3 },
  ),
})

const one_query: fc.Arbitrary<SessionQuery> = fc.record(
  {
    subject: fc.constantFrom(...people),
    target: fc.constantFrom(...hosts),
    group: fc.constantFrom('staff', 'ops'),
    program: fc.constantFrom(...programs),
    text: fc.constantFrom('one', 'sudo two', 'three', 'vi'),
    since: fc.nat(30).map((ms) => started_us + ms * 1000),
    until: fc.nat(30).map((ms) => started_us + ms * 1000),
  },
  { requiredKeys: [] },
)

describe('a search', () => {
  test('finds the same as a look at every session, whatever order they began in', () => {
    fc.assert(
      fc.property(
        fc.array(one_session, { maxLength: 25 }),
        fc.array(one_query, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 9 }),
        (facts, queries_of, limit) => {
          const { queries, made, close } = storeOf(facts)
          for (const query of queries_of)
            expect(pagesOf(queries, query, limit)).toEqual(expected(made, query))
          close()
        },
      ),
      { numRuns: rounds(40) },
    )
  }, 60_000)

  test('does so too where words are frequent, and where they are not', () => {
    const sessions = few_sessions * 2
    const many = Math.ceil((few_hits * 2) / sessions)
    const facts = Array.from({ length: sessions }, (_, number): Facts => {
      const old = number < sessions / 2 ? ['vi old'] : []
      return {
        at_ms: number % 97 === 0 ? number - 50 : number,
        subject: number % 50 === 0 ? 'ann' : 'bob',
        target: number % 2 === 0 ? 'web-1' : 'db-1',
        groups: number % 3 === 0 ? ['staff', 'ops'] : ['staff'],
        commands: [
          ...Array.from({ length: many }, (__, at) => `ls all ${at}`),
          ...(number % 20 === 7 ? ['sudo seldom'] : []),
          ...old,
        ],
      }
    })
    const { queries, made, close } = storeOf(facts)
    const words: readonly SessionQuery[] = ['all', 'all 1', 'seldom', 'old', 'no'].map((text) => ({
      text,
    }))
    const others: readonly SessionQuery[] = [
      {},
      { subject: 'ann' },
      { subject: 'bob' },
      { target: 'db-1', group: 'ops' },
      { program: 'sudo' },
      { since: started_us + 300_000, until: started_us + 700_000 },
    ]
    for (const text of words)
      for (const other of others) {
        const query = { ...text, ...other }
        const all = expected(made, query)
        expect([query, pagesOf(queries, query, 60, 3)]).toEqual([query, all.slice(0, 180)])
      }
    close()
  }, 60_000)

  test('finds what an older version stored', () => {
    using data = new DataDirectory()
    const path = join(data.path, database_name)
    const [first] = migrations
    if (first === undefined) throw new Error('there is a first migration')
    const old = connect(path)
    for (const statement of first.sql) old.exec(statement)
    old.exec(
      'CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)',
    )
    old
      .prepare('INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)')
      .run(first.hash, first.folderMillis)
    const columns = "'s', 'i', 'm', '[]', 'ssh', 'a', 't', 'src', '{}'"
    for (const [no, at] of [
      [1, 2000],
      [2, 1000],
      [3, 3000],
    ] as const)
      old.exec(
        `INSERT INTO session VALUES (${no}, 'id-${no}', ${columns}, ${at}, NULL, NULL, 2, 0, '', '', NULL)`,
      )
    for (const [no, session_no, text] of [
      [1, 3, 'ls here'],
      [2, 1, 'ls there'],
      [3, 2, 'vi there'],
    ] as const) {
      const program = text.split(' ')[0] ?? ''
      old.exec(
        `INSERT INTO command VALUES (${no}, ${session_no}, 1, 0, '${program}', 'exact', '${text}')`,
      )
      old.exec(`INSERT INTO command_text (rowid, text) VALUES (${no}, '${text}')`)
    }
    old.close()

    const database = openDatabase(path)
    const queries = new Queries(database)
    const idsOf = (query: SessionQuery): string[] =>
      queries.sessions(query).sessions.map(({ id }) => id)
    expect(idsOf({ text: 'there' })).toEqual(['id-1', 'id-2'])
    expect(idsOf({ text: 'there', limit: 1 })).toEqual(['id-1'])
    expect(idsOf({ program: 'ls' })).toEqual(['id-3', 'id-1'])
    const [order] = database.connection.prepare('SELECT * FROM session_order').raw().all()
    expect(order).toEqual([1, 3000, 1000])
    database.connection.close()
  })
})
