/** A target that lies once it is in use: what it says has its place and its form, and every text in it is looked through. */
import { beforeAll, describe, expect, test } from 'bun:test'
import {
  complete,
  described,
  letIn,
  offer,
  readyForQuery,
  row,
  setting,
  words,
} from '../../../test/postgres/hostile.ts'
import {
  describe as asksFor,
  bind,
  execute,
  parse,
  query,
  sync,
} from '../../../test/postgres/wire.ts'
import type { Codec, Frame } from '../../core/connector.ts'
import type { StatementTrait } from '../../core/statement.ts'
import { createCodecs } from './codec.ts'
import { message, textOf } from './message.ts'
import { createAnalyser } from './sql/analyse.ts'
import { loadParser } from './sql/tree.ts'

beforeAll(loadParser)

const secret = 'AKIAIOSFODNN7EXAMPLE'

interface Session {
  readonly says: (...all: readonly Uint8Array[]) => readonly Frame[] | string
  readonly asks: (...all: readonly Uint8Array[]) => readonly Frame[]
}

/** Denies what deletes. `is_new`: the target has not said that it is ready. */
function open(is_new = false): Session {
  const codecs = createCodecs(createAnalyser(), ({ kinds, traits }) =>
    kinds.includes('delete') || traits.includes('syntax' satisfies StatementTrait)
      ? { allowed: false, rule: 'test', message: 'no' }
      : { allowed: true, rule: 'test' },
  )
  const through = (codec: Codec, stream: 0 | 1, all: readonly Uint8Array[]) => {
    const decoded = codec.decode({ kind: 'data', stream, bytes: Buffer.concat(all) })
    return decoded.ok ? decoded.frames : decoded.violation
  }
  if (!is_new) through(codecs.to_client, 1, [readyForQuery])
  return {
    says: (...all) => through(codecs.to_client, 1, all),
    asks(...all) {
      const frames = through(codecs.to_target, 0, all)
      if (typeof frames === 'string') throw new Error(frames)
      return frames
    },
  }
}

/** What of the shown bytes nobody looks through. */
function unseen(frames: readonly Frame[] | string): string {
  if (typeof frames === 'string') throw new Error(frames)
  return frames
    .filter((frame) => frame.kind === 'data')
    .map(({ bytes, fields = [] }) => {
      const left = bytes.slice()
      for (const { start, end } of fields) left.fill(0x2e, start, end)
      return textOf(left)
    })
    .join('')
}

describe('no text passes that is not looked through', () => {
  test('before it is ready', () => {
    const session = open(true)
    const notice = words('N', { S: 'NOTICE', C: '00000', M: secret })
    const frames = session.says(notice, setting('application_name', secret), readyForQuery)
    expect(unseen(frames)).not.toContain(secret)
    expect(unseen(frames)).toContain('application_name'.replace(/./g, '.'))
  })
  test('in an error, whatever its fields are called', () => {
    for (const field of 'SVCMDHPpqWsctdnFLRXz') {
      const session = open()
      session.asks(query('SELECT 1'))
      const frames = session.says(words('E', { C: '22000', [field]: secret }), readyForQuery)
      expect(unseen(frames)).not.toContain(secret)
      if (typeof frames === 'string') throw new Error(frames)
      const facts = frames.filter((frame) => frame.kind === 'fact')
      expect(JSON.stringify(facts)).not.toContain(secret)
    }
  })
  test('in an error of more fields than there are, which is none', () => {
    const session = open()
    session.asks(query('SELECT 1'))
    const many = Buffer.alloc(32 * 1024 * 1024, 'M\0')
    expect(session.says(message('E', new Uint8Array(many), 0))).toContain('malformed')
  })
  test('in the name of a setting', () => {
    expect(unseen(open().says(setting(secret, 'on')))).not.toContain(secret)
  })
  test('in the tag of a command, and it is not in the record either', () => {
    for (const tag of [secret, `SELECT ${secret}`, `SELECT 1 2 3`, 'x'.repeat(1000), '']) {
      const session = open()
      session.asks(query('SELECT 1'))
      const frames = session.says(complete(tag), readyForQuery)
      if (typeof frames === 'string') throw new Error(frames)
      if (tag !== '') expect(unseen(frames)).not.toContain(tag)
      const facts = frames.filter((frame) => frame.kind === 'fact')
      expect(facts).toMatchObject([{ fact: { kind: 'result', tag: '' } }])
    }
  })
  test('in the types of parameters', () => {
    const session = open()
    session.asks(parse('SELECT $1'), asksFor('S'), sync())
    const types = message('t', { u16: 1 }, new TextEncoder().encode(secret))
    expect(session.says(message('1'), types)).toContain('out of place')
  })
})

describe('what was not asked for ends the session', () => {
  const never: readonly (readonly [string, Uint8Array])[] = [
    ['another login', letIn],
    ['a challenge', offer],
    ['a key to cancel', message('K', { u32: 1 }, { u32: 2 })],
    ['another protocol', message('v', { u32: 0x30000 }, { u32: 0 })],
    ['a COPY both ways', message('W', 0, { u16: 0 })],
    ['a function result', message('V', { u32: 4 }, { u32: 1 })],
    ['a row', row('x')],
    ['an end', complete('SELECT 1')],
    ['a ReadyForQuery too many', readyForQuery],
    ['a description', described({ name: 'x' })],
    ['a COPY of rows of the client', message('G', 0, { u16: 1 }, { u16: 0 })],
    ['a COPY of rows', message('H', 0, { u16: 1 }, { u16: 0 })],
  ]
  for (const [what, said] of never) {
    test(`${what}, when nothing was asked`, () => expect(open().says(said)).toBeString())
    // What may answer a SELECT is not among these.
    if (!/row$|end$|description|many/.test(what))
      test(`${what}, in answer to a SELECT`, () => {
        const session = open()
        session.asks(query('SELECT 1'))
        expect(session.says(said)).toBeString()
        const extended = open()
        extended.asks(parse('SELECT 1'), bind(), execute(), sync())
        expect(extended.says(message('1'), message('2'), said)).toBeString()
      })
  }
  test('a COPY the other way than was asked', () => {
    const out = open()
    out.asks(query('COPY t TO STDOUT'))
    expect(out.says(message('G', 0, { u16: 1 }, { u16: 0 }))).toBeString()
    const into = open()
    into.asks(query('COPY t FROM STDIN'))
    expect(into.says(message('H', 0, { u16: 1 }, { u16: 0 }))).toBeString()
  })
  test('rows of more or fewer columns than were described', () => {
    for (const wrong of [row(), row('a'), row('a', 'b', 'c')]) {
      const session = open()
      session.asks(query('SELECT 1, 2'))
      const columns = described({ name: 'a' }, { name: 'b' })
      expect(session.says(columns, row('a', 'b'), wrong)).toBeString()
    }
  })
})

describe('settings that decide where a text ends', () => {
  /** One of two texts where a backslash is one; otherwise it ends with a statement. */
  const twofold = String.raw`SELECT 'a\', '; DELETE FROM t; --'`
  const is_denied = (frames: readonly Frame[]): boolean =>
    frames.some(
      (frame) =>
        frame.kind === 'fact' && frame.fact.kind === 'statement' && !frame.fact.verdict.allowed,
    )
  test('are known again once the target is ready', () => {
    const session = open()
    expect(is_denied(session.asks(query(twofold)))).toBe(false)
    session.says(described({ name: 'a' }), complete('SELECT 1'), readyForQuery)
    session.asks(query('SELECT own_function()'))
    expect(is_denied(session.asks(query(twofold)))).toBe(true)
    session.says(described({ name: 'a' }), complete('SELECT 1'), readyForQuery)
    session.says(words('E', { C: '42501', M: 'x' }), readyForQuery)
    expect(is_denied(session.asks(query(twofold)))).toBe(false)
  })
  test('are not known behind a run whose end alone was told', () => {
    const session = open()
    session.asks(parse('SELECT own_function()'), bind(), execute(), message('H'))
    session.says(message('1'), message('2'), row('x'), complete('SELECT 1'))
    expect(is_denied(session.asks(parse(twofold)))).toBe(true)
  })
  test('change by nothing that only reads, or begins', () => {
    const session = open()
    session.asks(query('BEGIN'), query('SELECT a FROM t'), query('SET work_mem = 1000'))
    expect(is_denied(session.asks(query(twofold)))).toBe(false)
    expect(is_denied(session.asks(query('SELECT own_function()'), query("SELECT 'a'")))).toBe(false)
  })
})
