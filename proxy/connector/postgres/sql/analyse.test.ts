/** What the tree of a text says, whatever the text looks like. */
import { beforeAll, describe, expect, test } from 'bun:test'
import type { StatementTrait } from '../../../core/statement.ts'
import { createAnalyser } from './analyse.ts'
import { loadParser } from './tree.ts'

beforeAll(loadParser)

const analyser = createAnalyser()
const of = (text: string) => analyser.analyse(new TextEncoder().encode(text))

describe('a statement', () => {
  test('is told by kinds, objects and functions, wherever they stand', () => {
    expect(
      of('WITH d AS (DELETE FROM a.t RETURNING 1) SELECT lower(x) FROM u, (SELECT f(1)) s; COMMIT')
        .statement,
    ).toMatchObject({
      kinds: ['select', 'commit'],
      operations: ['select', 'delete', 'commit'],
      objects: ['a.t', 'u'],
      functions: ['lower', 'f'],
      has_where: false,
      traits: ['own_function', 'without_where'],
    })
    expect(of('DELETE FROM t WHERE a').statement.has_where).toBe(true)
  })
  test('that cannot be read is a risk, an empty one is none', () => {
    for (const text of ['SELEC', 'SELECT (', "SELECT 'a", `SELECT ${'('.repeat(20_000)}1`])
      expect(of(text).statement.traits).toEqual(['unparsed'])
    for (const text of ['', ' ;; ', '-- no more', '/* x */']) {
      expect(of(text).statement.traits).toEqual([])
      expect(of(text).plans).toEqual([])
    }
  })
  test('of a thousand terms is read, and one of a megabyte and more is not', () => {
    expect(of(`SELECT ${'1 + '.repeat(1000)}1`).statement.traits).toEqual([])
    expect(of(`SELECT '${'x'.repeat(1024 * 1024)}'`).statement.traits).toEqual(['unparsed'])
  })
  const risks: readonly (readonly [string, StatementTrait])[] = [
    ["COPY t TO PROGRAM 'x'", 'program'],
    ["LOAD 'x'", 'program'],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS ''", 'program'],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''", 'code'],
    ["DO ''", 'code'],
    ['SET ROLE x', 'role'],
    ['SET SESSION AUTHORIZATION x', 'role'],
    ["SELECT set_config('role', 'x', true)", 'role'],
    ["SELECT set_config($1, 'off', true)", 'syntax'],
    ["SELECT set_config('work_mem', $1, true), set_config('client_encoding', $2, true)", 'syntax'],
    ["SET client_encoding TO 'gbk'", 'syntax'],
    ["SET NAMES 'SJIS'", 'syntax'],
    ['RESET standard_conforming_strings', 'syntax'],
    ['ALTER ROLE x SET standard_conforming_strings = off', 'syntax'],
    ["ALTER DATABASE d SET client_encoding = 'BIG5'", 'syntax'],
    ["SELECT * FROM dblink('x', 'y') AS t (a int)", 'network'],
    ['CREATE SUBSCRIPTION s CONNECTION $$x$$ PUBLICATION p', 'replication'],
    ["SELECT pg_logical_slot_get_changes('s', NULL, NULL)", 'replication'],
    ["SELECT lo_export(1, 'x')", 'server_file'],
    ["SELECT 1 WHERE EXISTS (SELECT pg_ls_dir('.'))", 'server_file'],
  ]
  for (const [text, risk] of risks)
    test(`${risk}: ${text}`, () => expect(of(text).statement.traits).toContain(risk))
  for (const text of [
    "SET client_encoding = 'UTF8'",
    'SET standard_conforming_strings = on',
    "SELECT set_config('search_path', '', false)",
    'SET search_path = a, b',
  ])
    test(`no risk: ${text}`, () => expect(of(text).statement.traits).toEqual([]))
})

describe('only reading', () => {
  for (const text of [
    'SELECT 1',
    'SELECT a FROM t WHERE b = $1',
    'SELECT count(*), lower(x) FROM t UNION SELECT 1, $$x$$',
  ])
    test(`is proven: ${text}`, () => expect(of(text).only_reads).toBe(true))
  for (const text of [
    'SELECT a FROM t FOR UPDATE',
    'SELECT a INTO u FROM t',
    "SELECT nextval('s')",
    'SELECT public.lower(a) FROM t',
    'WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d',
    'SELECT 1; UPDATE t SET a = 1 WHERE b',
    'INSERT INTO t VALUES (1)',
    'EXPLAIN ANALYZE SELECT 1',
    'COMMIT',
    '',
  ])
    test(`is not: ${text}`, () => expect(of(text).only_reads).toBe(false))
})

describe('texts that differ in numbers', () => {
  test('are one where the numbers stand alone, and two everywhere else', () => {
    const same = (one: string, other: string): boolean => of(one) === of(other)
    expect(same('SELECT a FROM t WHERE b = 17', 'SELECT a FROM t WHERE b = 4')).toBe(true)
    for (const [one, other] of [
      ['SELECT a FROM t1', 'SELECT a FROM t2'],
      ['SELECT a FROM "t 1"', 'SELECT a FROM "t 2"'],
      ['SELECT $1', 'SELECT $2'],
      ["SELECT ' 1 '", "SELECT ' 2 '"],
      ['SELECT 1.5', 'SELECT 1.6'],
      ['SELECT é1', 'SELECT é2'],
      ['SELECT 1 -- 1', 'SELECT 1 -- 2'],
    ] as const)
      expect(same(one, other)).toBe(false)
  })
})
