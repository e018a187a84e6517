import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Entry } from '../journal/journal.ts'
import { openDatabase } from './database.ts'
import { derivedMisfits, type Misfit } from './derived.ts'
import { DataDirectory, documentOf, logEntry, RecordedSession } from './fixture.ts'
import { database_name } from './layout.ts'
import { Projection } from './projection.ts'

describe('what the store derives', () => {
  const data = new DataDirectory()
  const sessions = [1, 2, 3].map(
    (number) => new RecordedSession(number, { groups: ['staff', `team-${number}`], at_ms: number }),
  )
  const [ann, , open] = sessions.map(({ id }) => id)
  const entries: Entry[] = sessions.flatMap((session, at) => [
    ...session.start(),
    session.command(`sudo restart nginx-${at}`),
    session.output('some output\n'),
    session.command('restart sudo'),
    ...(at === 2 ? [] : session.end()),
  ])
  const shredded = new RecordedSession(5, { at_ms: 5 })
  const by = { subject: 'olga', issuer: 'keys' }
  const gone = new RecordedSession(4, { groups: ['gone'], at_ms: 4 })
  const told = (index: number, type: string, more: object): Entry => {
    const time = '2026-03-01T08:00:00.123Z'
    const line = { v: 1, type, time, id: ann, digest: 'd'.repeat(64), ...more }
    return { kind: 'log_entry', index, bytes: Buffer.from(JSON.stringify(line)) }
  }
  data.write([
    ...entries,
    ...[...shredded.start(), shredded.command('shredded'), ...shredded.end()],
    ...[...gone.start(), gone.command('gone'), gone.output('gone'), ...gone.end()],
    documentOf('retention.applied', { sessions: [{ session: gone.id }] }),
    documentOf('session.shredded', { session: shredded.id, reason: 'r', by }),
    ...Array.from({ length: 9 }, (_, index) => logEntry(index)),
    told(9, 'session.started', { days: 30, keyed: true }),
    told(10, 'session.ended', {}),
  ])
  const database = openDatabase(join(data.path, database_name))
  const { connection } = database
  const projection = new Projection(database, data.path, { projected() {}, lagging() {} })
  projection.recover()
  projection.close()
  afterAll(() => {
    connection.close()
    data[Symbol.dispose]()
  })

  test('is as the evidence gives it', () => {
    expect(derivedMisfits(database)).toEqual([])
  })

  const commands = 'the list of its commands'
  const words = 'the words that a search finds it by'
  const groups = 'the list of groups'
  const programs = 'the list of programs'
  const ended = 'when and why it is listed to have ended'
  const ofAnn = (...what: string[]): Misfit[] =>
    what.map((each) => ({ session: ann ?? '', what: each }))
  const cases: readonly (readonly [title: string, change: string, found: readonly Misfit[]])[] = [
    [
      'a command is renamed',
      "UPDATE command SET program = 'ls' WHERE no = (1 << 32) | 1",
      ofAnn(commands, programs),
    ],
    [
      'a command is hidden',
      'DELETE FROM command WHERE no = (1 << 32) | 3',
      ofAnn(commands, programs, words),
    ],
    [
      'a command has other words',
      "UPDATE command SET text = 'sudo restart apache' WHERE no = (1 << 32) | 1",
      ofAnn(commands, words),
    ],
    [
      'a command has another time',
      'UPDATE command SET t_us = 1 WHERE no = (1 << 32) | 1',
      ofAnn(commands),
    ],
    [
      'a command is put in',
      "INSERT INTO command VALUES ((1 << 32) | 9, 1, 9, 1, 'ls', 'exact', 'ls')",
      ofAnn(commands, programs, words),
    ],
    [
      'a command is of no session',
      "INSERT INTO command VALUES ((7 << 32) | 9, 7, 9, 1, NULL, 'exact', '-')",
      [{ what: 'a command of no session' }],
    ],
    [
      'a command cannot be found by its words',
      "INSERT INTO command_text (command_text, rowid, text) VALUES ('delete', (1 << 32) | 1, 'sudo restart nginx-0')",
      ofAnn(words),
    ],
    [
      'a command is found by words that it has not',
      "INSERT INTO command_text (rowid, text) VALUES ((1 << 32) | 2, 'innocent')",
      ofAnn(words),
    ],
    ['a group is left out', "DELETE FROM session_group WHERE name = 'team-1'", ofAnn(groups)],
    [
      'a group is put in',
      "INSERT INTO session_group SELECT 'x', started_us, no FROM session WHERE no = 1",
      ofAnn(groups),
    ],
    [
      'a program is left out',
      "DELETE FROM session_program WHERE name = 'sudo' AND session_no = 1",
      ofAnn(programs),
    ],
    ['the end has another time', 'UPDATE session SET ended_us = 5 WHERE no = 1', ofAnn(ended)],
    [
      'a session that runs is listed as ended',
      "UPDATE session SET ended_us = 5, end_reason = 'client' WHERE no = 3",
      [{ session: open ?? '', what: ended }],
    ],
    [
      'there was less output',
      'UPDATE session SET output_bytes = 0 WHERE no = 1',
      ofAnn('how much output it is listed with'),
    ],
    [
      'the order of sessions, whose bound may be wider than what was erased leaves',
      'UPDATE session_order SET started_us_max = 5',
      [{ what: 'the order of sessions' }],
    ],
    [
      'it was to be kept for less',
      'UPDATE session SET retain_days = 3 WHERE no = 1',
      ofAnn('how long it is kept, since when, and under which key'),
    ],
    [
      '... or from before its end on',
      'UPDATE session SET closed_us = closed_us - 1000 WHERE no = 1',
      ofAnn('how long it is kept, since when, and under which key'),
    ],
    [
      'it is said to be erased',
      "INSERT INTO erased VALUES ('x', 'd', 1)",
      [{ what: 'what was erased' }],
    ],
    [
      '... or is not any more, so that the order is no bound',
      'DELETE FROM erased',
      [{ what: 'what was erased' }, { what: 'the order of sessions' }],
    ],
    [
      'a hash of the log',
      'UPDATE log_hash SET hash = zeroblob(32) WHERE no = (SELECT no FROM log_hash LIMIT 1 OFFSET 6)',
      [{ what: "the hashes of the log's tree at entry 3" }],
    ],
    [
      'a hash too many',
      'INSERT INTO log_hash VALUES (999, zeroblob(32))',
      [{ what: "the hashes of the log's tree" }],
    ],
  ]
  for (const [title, change, found] of cases)
    test(`is named: ${title}`, () => {
      const undo = snapshot()
      connection.exec(change)
      const misfits = derivedMisfits(database)
      undo()
      expect(misfits).toEqual([...found])
      expect(derivedMisfits(database)).toEqual([])
    })

  const kept = [
    'session',
    'session_group',
    'session_program',
    'session_order',
    'erased',
    'command',
    'log_hash',
  ]

  /** Copies the tables; gives what puts them back. */
  function snapshot(): () => void {
    for (const table of kept)
      connection.exec(`CREATE TEMP TABLE was_${table} AS SELECT * FROM ${table}`)
    return () => {
      for (const table of kept)
        connection.exec(
          `DELETE FROM main.${table}; INSERT INTO main.${table} SELECT * FROM temp.was_${table}; DROP TABLE temp.was_${table}`,
        )
      connection.exec("INSERT INTO command_text (command_text) VALUES ('rebuild')")
    }
  }
})
