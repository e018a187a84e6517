import { expect, test } from 'bun:test'
import { databaseOf, openDatabase } from './database.ts'
import { Queries } from './queries.ts'
import type { SessionQuery } from './reader.ts'

/** How SQLite would run what a query prepares, one line for each step. */
const planOf = (query: SessionQuery): string => plansOf(query).at(-1) ?? ''

/** ... of each statement that it prepares. */
function plansOf(query: SessionQuery): string[] {
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
  const before = prepared.length
  queries.sessions(query)
  expect(prepared).toHaveLength(before + 1)
  const plans = prepared.map((text) => {
    const steps = connection
      .prepare(`EXPLAIN QUERY PLAN ${text}`)
      .all(...Array.from({ length: text.split('?').length - 1 }, () => 1))
    return (steps as { detail: string }[]).map(({ detail }) => detail).join('\n')
  })
  connection.close()
  return plans
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
    expect(plan).not.toMatch(/^SCAN (?!place USING COVERING INDEX session_started)/m)
  })
}

test('text: the full-text index is read from its end, and sessions are found by their numbers', () => {
  const plans = plansOf({ text: 'restart nginx' })
  const hits = plans.filter((plan) =>
    /SCAN command_text VIRTUAL TABLE INDEX \d+:[><M1]+/.test(plan),
  )
  expect(hits.length).toBeGreaterThan(1)
  // DISTINCT may have a tree of its own; what is read comes in order.
  expect(hits.join('\n')).not.toContain('TEMP B-TREE FOR ORDER BY')
  expect(plans.at(-1)).toContain('SEARCH session USING INTEGER PRIMARY KEY (rowid=?)')
})

test('several: indexes alone say which sessions they are, and only the rows of these are read', () => {
  for (const query of [
    { subject: 'ann', target: 'web-1' },
    { program: 'sudo', target: 'web-1' },
    { group: 'ops', subject: 'ann' },
  ]) {
    const plan = planOf({ ...query, since: 1, cursor })
    const steps = plan.split('\n').filter((step) => /\b(?:SCAN|SEARCH)\b/.test(step))
    const of_rows = steps.filter((step) => !/COVERING INDEX|PRIMARY KEY \(name/.test(step))
    expect(of_rows).toEqual(['SEARCH session USING INTEGER PRIMARY KEY (rowid=?)'])
    expect(plan).not.toContain('TEMP B-TREE')
  }
})

test('program: read in the order of its list; of two lists, one is read and the other asked', () => {
  expect(planOf({ program: 'sudo', since: 1 })).toContain(
    'SEARCH place USING PRIMARY KEY (name=? AND started_us>?)',
  )
  const both = planOf({ program: 'sudo', group: 'ops' })
  expect(both).toContain('PRIMARY KEY (name=?)')
  expect(both).toContain('PRIMARY KEY (name=? AND started_us=? AND session_no=?)')
  expect(both).not.toContain('TEMP B-TREE')
})
