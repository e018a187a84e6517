/** What is read at once and what is read message by message, of the same dialogue, whatever becomes of it. */
import { beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { rounds } from '../../../test/fixture/require.ts'
import type { Codec, Frame } from '../../core/connector.ts'
import type { Statement } from '../../core/statement.ts'
import type { Verdict } from '../../core/verdict.ts'
import { createCodecs } from './codec.ts'
import { Conversation } from './conversation.ts'
import { Judging } from './judging.ts'
import { letter, message, type Part } from './message.ts'
import type { Analyser } from './plan.ts'
import { createAnalyser } from './sql/analyse.ts'
import { loadParser } from './sql/tree.ts'
import { WholeAnswers } from './whole-answers.ts'
import { WholeRuns } from './whole-runs.ts'

beforeAll(loadParser)

/** Of this relation every column is. */
const protected_relation = 7

/** Another policy has come, which wants nothing read. */
let is_strict = false

const judge = ({ kinds, traits }: Statement): Verdict => {
  if (kinds.includes('delete') || traits.length > 0 || (is_strict && kinds.includes('select')))
    return { allowed: false, rule: 'test', message: 'no' }
  const risk = kinds.includes('update') ? 'high' : 'low'
  return { allowed: true, rule: 'test', risk }
}

const plain = createAnalyser()
const protecting: Analyser = {
  analyse: plain.analyse,
  column: (relation) => (relation === protected_relation ? 'secret' : undefined),
}

const parse = (name: string, text: string): Uint8Array => message('P', name, text, { u16: 0 })
const bind = (name: string, values: readonly (string | null)[], portal = ''): Uint8Array =>
  message(
    ...(['B', portal, name, { u16: 0 }, { u16: values.length }] as const),
    ...values.flatMap((value): Part[] => {
      const bytes = new TextEncoder().encode(value ?? '')
      return value === null ? [{ u32: 0xffffffff }] : [{ u32: bytes.length }, bytes]
    }),
    { u16: 0 },
  )
const describe = message('D', letter('P'), '')
const execute = message('E', '', { u32: 0 })
const sync = message('S')
const columns = (...all: readonly (readonly [name: string, relation: number])[]): Uint8Array =>
  message(
    ...(['T', { u16: all.length }] as const),
    ...all.flatMap(([name, relation]): Part[] => [
      ...[name, { u32: relation }, { u16: 1 }, { u32: 25 }, { u16: 0 }, { u32: 0 }, { u16: 0 }],
    ]),
  )
const row = (...values: readonly (string | null)[]): Uint8Array =>
  message(
    ...(['D', { u16: values.length }] as const),
    ...values.flatMap((value): Part[] => {
      const bytes = new TextEncoder().encode(value ?? '')
      return value === null ? [{ u32: 0xffffffff }] : [{ u32: bytes.length }, bytes]
    }),
  )
const ready = message('Z', letter('I'))
const failed = message('E', letter('S'), 'ERROR', letter('C'), '22P02', letter('M'), 'why', 0)

const text = fc.constantFrom(
  ...[
    'SELECT a FROM t WHERE b = $1',
    'SELECT a FROM t WHERE b = $1',
    'SELECT 1',
    'SELECT 2; SELECT 3',
  ],
  ...['UPDATE t SET a = 1', 'INSERT INTO t VALUES (1) RETURNING a', 'DELETE FROM t', 'no sql', ''],
  ...[
    'PREPARE a AS SELECT 1',
    'DECLARE c CURSOR FOR SELECT 1',
    'FETCH c',
    'EXECUTE a',
    'DISCARD ALL',
  ],
  ...['CREATE TEMP TABLE made AS SELECT 1', 'COPY t TO STDOUT', 'COPY t FROM STDIN', 'BEGIN'],
)
const name = fc.constantFrom('', '', 'a', 'b', 'é')
const values = fc.constantFrom([], ['1'], ['a value', null], ['', 'ü'], ['x'.repeat(40)])
const maybe = (part: Uint8Array): fc.Arbitrary<readonly Uint8Array[]> =>
  fc.constantFrom([part], [part], [part], [])

/** What is sent in one go. Most are a whole run. */
const asked = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(name, text, values, maybe(describe))
      .map(([of, what, with_values, described]) => [
        parse(of, what),
        bind(of, with_values),
        ...described,
        execute,
        sync,
      ]),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(name, values, maybe(describe))
      .map(([of, with_values, described]) => [bind(of, with_values), ...described, execute, sync]),
  },
  { weight: 3, arbitrary: text.map((what) => [message('Q', what)]) },
  { weight: 1, arbitrary: fc.tuple(name, text).map(([of, what]) => [parse(of, what), sync]) },
  { weight: 1, arbitrary: fc.constantFrom([execute, sync], [describe, sync], [sync], [execute]) },
  { weight: 1, arbitrary: name.map((of) => [bind(of, [], 'a'), execute, sync]) },
  { weight: 1, arbitrary: name.map((of) => [bind(of, []), execute, message('H')]) },
)

const rows = fc.constantFrom(
  ...[
    [],
    [row('a value')],
    [row('one'), row(null), row('')],
    [row('x', 'y')],
    [row('z'), row('q')],
  ],
)
const described = fc.constantFrom(
  ...[[columns(['a', 0])], [columns(['a', 0])], [columns(['a', 5])], [columns(['a', 5])]],
  ...[[columns(['a', protected_relation])], [columns(['a', 0], ['b', 0])], [message('n')], []],
)
const tag = fc.constantFrom('SELECT 1', 'SELECT 3', 'UPDATE 1', 'not a tag', '')
/** What may be said to it: mostly what was asked for. */
const outcome = fc.record({
  described,
  rows,
  tag,
  end: fc.constantFrom([ready], [ready], [ready], [message('S', 'TimeZone', 'UTC'), ready]),
  instead: fc.constantFrom('', '', '', '', '', '', 'error', 'late_error', 'suspended'),
})
type Outcome = typeof outcome extends fc.Arbitrary<infer T> ? T : never

function answerTo(all: readonly Uint8Array[], to: Outcome): readonly Uint8Array[] {
  if (to.instead === 'error') return [failed, ready]
  return all.flatMap((each): readonly Uint8Array[] => {
    switch (String.fromCharCode(each[0] ?? 0)) {
      case 'P':
        return [message('1')]
      case 'B':
        return [message('2')]
      case 'D':
        return to.described
      case 'E':
        if (to.instead === 'late_error') return [failed]
        return [...to.rows, to.instead === 'suspended' ? message('s') : message('C', to.tag)]
      case 'Q':
        return [...to.described, ...to.rows, message('C', to.tag), ...to.end]
      case 'S':
        return to.end
      default:
        return []
    }
  })
}

/** A message of it without its last byte, twice, or missing. */
const fault = fc.constantFrom(...Array<string>(40).fill('none'), 'cut', 'twice', 'missing')
function faulty(all: readonly Uint8Array[], what: string): Uint8Array {
  const [first = new Uint8Array(), ...rest] = all
  switch (what) {
    case 'cut':
      return Buffer.concat(all).subarray(0, -1)
    case 'twice':
      return Buffer.concat([first, ...all])
    case 'missing':
      return Buffer.concat(rest)
    default:
      return Buffer.concat(all)
  }
}

const rarely = fc.constantFrom(...Array<boolean>(12).fill(false), true)
const dialogue = fc.array(
  fc.tuple(asked, fault, outcome, fault, rarely).map(([ask, ask_fault, to, say_fault, strict]) => ({
    strict,
    asked: faulty(ask, ask_fault),
    said: faulty(answerTo(ask, to), say_fault),
  })),
  { maxLength: 8 },
)

interface Told {
  /** Of each byte that goes by, whether it need not wait. */
  readonly early: readonly boolean[]
  readonly told: unknown
}

/** Everything that went by: bytes, places in them, facts; not where frames begin and end. */
function tell(codec: Codec, stream: 0 | 1, pieces: readonly Uint8Array[]): Told & { ok: boolean } {
  const frames: Frame[] = []
  let violation = ''
  for (const bytes of pieces) {
    const decoded = codec.decode({ kind: 'data', stream, bytes: new Uint8Array(bytes) })
    if (decoded.ok) frames.push(...decoded.frames)
    else violation ||= decoded.violation
  }
  // What lies ahead of it in the same read is not handed over.
  if (violation !== '') return { early: [], told: violation, ok: false }
  const early: boolean[] = []
  const all: Uint8Array[] = []
  const fields: unknown[] = []
  for (const frame of frames) {
    if (frame.kind !== 'data') continue
    for (const { start, end, rule } of frame.fields ?? [])
      if (end > start) fields.push({ start: early.length + start, end: early.length + end, rule })
    for (const _ of frame.bytes) early.push(frame.early === true)
    all.push(frame.bytes)
  }
  const left_out: Record<string, number> = {}
  for (const frame of frames) {
    if (frame.kind !== 'data' || frame.left_out === undefined) continue
    const { statement, run, rows: count } = frame.left_out
    left_out[`${statement} ${run}`] = (left_out[`${statement} ${run}`] ?? 0) + count
  }
  const facts = frames.flatMap((frame) => (frame.kind === 'fact' ? [frame.fact] : []))
  const bytes = Buffer.concat(all).toString('latin1')
  return { early, told: { bytes, fields, facts, left_out }, ok: true }
}

const onePerByte = (bytes: Uint8Array): Uint8Array[] =>
  [...bytes].map((byte) => Uint8Array.of(byte))

for (const [what, analyser] of [
  ['nothing', plain],
  ['a table', protecting],
] as const)
  for (const recorded_rows_max of [undefined, 1])
    test(`is the same where ${what} is protected, and ${recorded_rows_max ?? 'all'} rows go on record`, () => {
      fc.assert(
        fc.property(dialogue, (rounds_of_it) => {
          const whole = createCodecs(analyser, judge, undefined, recorded_rows_max)
          const apart = createCodecs(analyser, judge, undefined, recorded_rows_max)
          for (const { to_client } of [whole, apart]) tell(to_client, 1, [ready])
          let is_doubtful = false
          for (const { asked: ask, said, strict } of rounds_of_it) {
            is_strict = strict
            const one = tell(whole.to_target, 0, [ask])
            const other = tell(apart.to_target, 0, onePerByte(ask))
            expect(one.told).toEqual(other.told)
            one.early.forEach((is_early, at) => {
              if (is_early) expect(other.early[at]).toBe(true)
            })
            const shown = tell(whole.to_client, 1, [said])
            expect(shown.told).toEqual(tell(apart.to_client, 1, onePerByte(said)).told)
            // What failed or was discarded leaves a name with two meanings where nobody looked between: the stricter one counts.
            if (!one.ok || !shown.ok || is_doubtful) return
            is_doubtful =
              Buffer.from(said).includes(Buffer.from(failed)) ||
              Buffer.from(ask).includes('DISCARD')
          }
        }),
        { numRuns: rounds(3000) },
      )
    })

test('a run and its answer are read at once, with their statement and without', () => {
  is_strict = false
  const conversation = new Conversation()
  const judging = new Judging(conversation, judge, { schemas: undefined })
  const requests = new WholeRuns(conversation, plain, judging)
  const answers = new WholeAnswers(conversation, plain)
  const run = [bind('s', ['1']), describe, execute, sync]
  const rest = [columns(['a', 5]), row('x'), message('C', 'SELECT 1'), ready]
  const first = [parse('s', 'SELECT a FROM t WHERE b = $1'), ...run]
  expect(requests.read(Buffer.concat(first))?.ok).toBe(true)
  expect(answers.read(Buffer.concat([message('1'), message('2'), ...rest]))?.ok).toBe(true)
  for (let turn = 0; turn < 3; turn++) {
    expect(requests.read(Buffer.concat(run))?.ok).toBe(true)
    expect(requests.read(Buffer.concat(run))).toBeUndefined()
    expect(answers.read(Buffer.concat([message('2'), ...rest]))?.ok).toBe(true)
  }
  expect(conversation.isReading).toBe(true)
})

test('of an unnamed statement the text is kept that it stands for, and few of those before', () => {
  is_strict = false
  const conversation = new Conversation()
  const judging = new Judging(conversation, judge, { schemas: undefined })
  const requests = new WholeRuns(conversation, plain, judging)
  const answers = new WholeAnswers(conversation, plain)
  const run = [parse('', 'SELECT a FROM t WHERE b = $1'), bind('', ['1']), execute, sync]
  const answer = [message('1'), message('2'), row('x'), message('C', 'SELECT 1'), ready]
  const turns = 100
  for (let turn = 0; turn < turns; turn++) {
    expect(requests.read(Buffer.concat(run))?.ok).toBe(true)
    expect(answers.read(Buffer.concat(answer))?.ok).toBe(true)
  }
  const [newest] = judging.runs('')
  expect(newest?.statement).toBe(turns)
  const kept = Array.from({ length: turns }, (_, at) => newest && { ...newest, statement: at + 1 })
    .filter((each) => each !== undefined && judging.textOf(each) !== undefined)
    .map((each) => each?.statement)
  expect(kept).toContain(turns)
  expect(kept.length).toBeLessThan(20)
})
