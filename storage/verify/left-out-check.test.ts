/** Rows that are not on record: a result that says something else of them than the records before it has its reason. */
import { expect, test } from 'bun:test'
import type { RecordHeader } from '../evidence/record.ts'
import { LeftOutCheck } from './left-out-check.ts'

type LeftOut = Extract<RecordHeader, { kind: 'left_out' }>
type Result = Extract<RecordHeader, { kind: 'result' }>

const place = { v: 1, session: 's', seq: 1, t_us: 1, channel: 1, bytes: 0 } as const
const [one, two] = ['ab'.repeat(32), 'cd'.repeat(32)] as const
const rows = (more: Partial<LeftOut> = {}): LeftOut => ({
  ...place,
  ...{ kind: 'left_out', stream: 1, statement: 1, run: 0 },
  ...{ offset: 0, length: 100, rows: 5, digest: one, masks: {} },
  ...more,
})
const plain: Result = {
  ...place,
  ...{ kind: 'result', statement: 1, run: 0, tag: 'SELECT 15', rows: 15, length: 250 },
  duration_us: 1,
}
const told = { rows: 10, length: 200, digest: two }
const result = (left_out: Result['left_out'] = told): Result => ({ ...plain, left_out })
const check = (...records: readonly (LeftOut | Result)[]): string | undefined => {
  const checked = new LeftOutCheck()
  return records.map((record) => checked.check(record)).at(-1)
}
const more = rows({ digest: two })

test('a sum of what came before is right, and so is nothing of nothing', () => {
  expect(check(rows(), more, result())).toBeUndefined()
  expect(check(plain)).toBeUndefined()
  // The next result begins anew, and each channel has its own.
  expect(check(rows(), more, result(), rows(), more, result())).toBeUndefined()
  expect(check(rows(), rows({ channel: 2 }), more, result())).toBeUndefined()
})
test('whatever differs has its reason', () => {
  for (const other of [
    result({ ...told, rows: 9 }),
    result({ ...told, length: 201 }),
    result({ ...told, digest: one }),
    { ...result(), rows: 9 },
    plain,
  ])
    expect(check(rows(), more, other)).toContain('something else')
  expect(check(result())).toContain('no record before it does')
  expect(check(rows(), more, result(), result())).toContain('no record before it does')
  expect(check(rows(), rows({ statement: 2 }))).toContain('whose end is missing')
  expect(check(rows(), rows({ run: 1 }))).toContain('whose end is missing')
})
