import { expect, test } from 'bun:test'
import { databaseOf, openDatabase } from './database.ts'
import { Queries } from './queries.ts'
import type { SessionQuery } from './reader.ts'

/** How SQLite would run what a query prepares, one line for each step. */
function planOf(query: SessionQuery): string {
  const { connection } = openDatabase(':memory:')
  const prepared: string[] = []
  const queries = new Queries(
    databaseOf({
      ...connection,
      prepare(sql) {
        prepared.push(sql)
        return connection.prepare(sql)
      },
    }),
  )
  prepared.length = 0
  queries.sessions(query)
  expect(prepared).toHaveLength(1)
  const steps = connection
    .prepare(`EXPLAIN QUERY PLAN ${prepared[0]}`)
    .all(...Array.from({ length: (prepared[0] ?? '').split('?').length - 1 }, () => 1))
  connection.close()
  return (steps as { detail: string }[]).map(({ detail }) => detail).join('\n')
}

const cursor = '1700000000000000.5'
const cases: Readonly<Record<string, readonly [SessionQuery, index: string]>> = {
  everything: [{}, 'session_started'],
  'a page of everything': [{ cursor }, 'session_started (started_us<?)'],
  time: [{ since: 1, until: 2 }, 'session_started (started_us>? AND started_us<?)'],
  subject: [{ subject: 'ann', since: 1 }, 'session_subject (subject=? AND started_us>?)'],
  target: [{ target: 'web-1', cursor }, 'session_target (target=? AND started_us<?)'],
  group: [
    { group: 'ops', since: 1, cursor },
    'PRIMARY KEY (name=? AND started_us>? AND started_us<?)',
  ],
}
for (const [name, [query, index]] of Object.entries(cases)) {
  test(`${name}: read in the order of an index, and only as far as the page goes`, () => {
    const plan = planOf(query)
    expect(plan).toContain(index)
    expect(plan).not.toContain('TEMP B-TREE')
    expect(plan).not.toMatch(/^SCAN (?!session USING INDEX session_started)/m)
  })
}

test('text: the full-text index is asked once, and commands are found by its numbers', () => {
  for (const more of [{}, { group: 'ops' }, { subject: 'ann' }]) {
    const plan = planOf({ text: 'restart nginx', ...more })
    expect(plan).toMatch(
      /SCAN command_text VIRTUAL TABLE[^\n]*\nSEARCH command USING INTEGER PRIMARY KEY/,
    )
  }
})

test('program: found by its index', () => {
  expect(planOf({ program: 'sudo', group: 'ops' })).toContain('command_program (program=?)')
})
