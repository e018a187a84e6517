import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { compile } from '../compile/compile.ts'
import { customRules } from '../compile/custom.ts'
import { rulesOf } from '../rules/index.ts'
import type { Rule } from '../rules/rule.ts'
import { type FlushEvent, MaskingEngine, MaskingError } from './engine.ts'
import { engineOf, feed, latin1 } from './fixture.ts'

/** Rules are compiled, on a machine that may have other work. */
setDefaultTimeout(60_000)

const rule = (name: string, pattern: string, more: Partial<Rule> = {}): Rule => ({
  name,
  pack: 'custom',
  severity: 'high',
  pattern,
  source: '',
  examples: [],
  counter_examples: [],
  ...more,
})
const secrets = engineOf(rulesOf(['secrets', 'pci']))
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe('what is masked is the union of all matches', () => {
  const cases: readonly (readonly [string, readonly Rule[], string, string, readonly string[]])[] =
    [
      ['nothing', [rule('a', 'xyz')], 'xyxyx', 'xyxyx', []],
      [
        'overlapping merge',
        [rule('a', 'abcd'), rule('b', 'cdef')],
        '-abcdef-',
        '-******-',
        ['1-7:a'],
      ],
      [
        'touching stay apart',
        [rule('a', 'ab'), rule('b', 'cd')],
        'abcd',
        '****',
        ['0-2:a', '2-4:b'],
      ],
      ['one byte each', [rule('a', 'a')], 'aa', '**', ['0-1:a', '1-2:a']],
      ['inside another', [rule('a', 'bc'), rule('b', 'abcd')], 'abcd', '****', ['0-4:b']],
      ['leftmost names', [rule('a', 'bcdefg'), rule('b', 'abc')], 'abcdefg', '*******', ['0-7:b']],
      ['then longest', [rule('a', 'ab'), rule('b', 'abc')], 'abc', '***', ['0-3:b']],
      ['then first', [rule('b', 'ab'), rule('a', 'a[b]')], 'ab', '**', ['0-2:b']],
      ['all lengths', [rule('a', 'ab{2,}')], 'abbbbc', '*****c', ['0-5:a']],
      [
        'not after',
        [rule('a', 'ab', { left: '[0-9]' })],
        'ab1abxab',
        '**1abx**',
        ['0-2:a', '6-8:a'],
      ],
      [
        'not before',
        [rule('a', 'ab', { right: '[0-9]' })],
        'ab1abxab',
        'ab1**x**',
        ['3-5:a', '6-8:a'],
      ],
      ['only before', [rule('a', 'ab', { next: '@' })], 'ab@abxab', '**@abxab', ['0-2:a']],
      [
        'context stays',
        [rule('a', '[a-z]{3,}', { before: 'k=' })],
        'k=abcd k=ab',
        'k=**** k=ab',
        ['2-6:a'],
      ],
      [
        'context in context',
        [rule('a', '[a-z=]{3}', { before: 'k=' })],
        'k=k=xyz',
        'k=*****',
        ['2-7:a'],
      ],
      [
        'later in order',
        [rule('a', 'ab', { right: '[0-9]' }), rule('b', 'abx')],
        'abx',
        '***',
        ['0-3:b'],
      ],
      ['custom', [rule('a', 'é+')], 'cafÃ©Ã©!', 'caf****!', ['3-7:a']],
    ]
  for (const [name, rules, given, masked, spans] of cases)
    test(name, () => {
      const engine = engineOf(rules)
      for (const size of [100, 1, 2, 3])
        expect(feed(engine, latin1(given), () => size)).toEqual({ text: masked, spans })
    })
})

describe('masks', () => {
  const engine = engineOf([rule('a', '[^;]{2,}', { before: '=' })])
  const cases: readonly (readonly [string, string, string])[] = [
    ['=secret;', '=******;', '=******;'],
    ['=a\r\nb;', '=*\r\n*;', '=*\r\n*;'],
    ['=pässe;', '=******;', '=*****;'],
    ['=密码;', '=******;', '=****;'],
    ['=x😀;', '=*****;', '=***;'],
  ]
  for (const [given, length, width] of cases)
    test(JSON.stringify(given), () => {
      expect(feed(engine, utf8(given)).text).toBe(length)
      expect(feed(engine, utf8(given), () => 1, new Map(), 'width').text).toBe(width)
    })
  test('a character cut in two still has its columns at most', () => {
    const cut = engineOf([rule('a', '=\\xe5\\xaf')])
    expect(feed(cut, utf8('=密'), () => 9, new Map(), 'width').text).toBe('**\x86')
  })
})

describe('a flush', () => {
  /** What leaves at once, when `given` is followed by these flushes, and how `rest` leaves then. */
  const cases: readonly (readonly [string, readonly FlushEvent[], string, string, string])[] = [
    [
      `ghp_${'a'.repeat(20)}`,
      ['idle'],
      `ghp_aa${'*'.repeat(18)}`,
      `${'b'.repeat(16)} x`,
      `${'*'.repeat(16)} x`,
    ],
    [`ghp_${'a'.repeat(20)}`, ['echo'], `ghp_aaaaaa${'*'.repeat(14)}`, 'b x', 'b x'],
    [`ghp_${'a'.repeat(20)}`, ['echo', 'idle', 'echo'], `ghp_aaaaaa${'*'.repeat(14)}`, '', ''],
    ['4111 11', ['idle'], '4111 11', '11 1111 1111 ', '************ '],
    ['4111 111', ['idle'], '411*****', '1 1111 1111 ', '*********** '],
    ['4111 111', ['echo'], '4111 1**', '1 x', '1 x'],
    ['password=', ['idle'], 'password=', 'hunter2 ', '******* '],
    ['password=hunter2', ['echo'], 'password=*******', ' ', ' '],
    ['gh', ['idle'], 'gh', 'p x', 'p x'],
    ['hello', ['idle'], 'hello', '', ''],
    [
      '-----BEGIN PRIVATE KEY',
      ['idle'],
      '-----BEGIN PRIVATE KEY',
      '-----\nAAAAAAAAAA-',
      '-----\n**********-',
    ],
  ]
  for (const [given, events, shown, rest, then] of cases)
    test(`${given.slice(0, 12)} ${events.join()}`, () => {
      const stream = secrets.open('length')
      let out = text(stream.push(utf8(given)).bytes)
      for (const event of events) {
        out += text(stream.flush(event).bytes)
        expect(stream.held).toBe(0)
      }
      expect(out).toBe(shown)
      out = text(stream.push(utf8(rest)).bytes)
      expect(out + text(stream.flush('end').bytes)).toBe(then)
      stream.close()
    })

  test('flushes between all bytes show no more than one allowance', () => {
    const token = `ghp_${'a'.repeat(36)}`
    for (const [event, clear] of [
      ['idle', 6],
      ['echo', 10],
    ] as const) {
      const flushes = new Map(Array.from(token, (_, at) => [at, event] as const))
      expect(feed(secrets, utf8(`${token} `), () => 1, flushes).text).toBe(
        `${token.slice(0, clear)}${'*'.repeat(token.length - clear)} `,
      )
    }
  })
  test('a rule without allowance shows nothing, a lead shows all', () => {
    const strict = engineOf([rule('a', 'secret-value', { clear_bytes_max: 0 })])
    const flushes = new Map([[9, 'echo'] as const])
    expect(feed(strict, utf8('secret-value'), () => 1, flushes).text).toBe('************')
    const mail = engineOf(rulesOf(['pii']))
    expect(feed(mail, utf8('long.name@x.org'), () => 1, new Map([[9, 'idle']])).text).toBe(
      'long.name******',
    )
    expect(feed(mail, utf8('long.name@x.org'), () => 1, new Map([[11, 'idle']])).text).toBe(
      'l**************',
    )
  })
  test('the end decides what may follow, and begins anew', () => {
    const engine = engineOf([
      rule('a', 'ab', { right: '[0-9]' }),
      rule('b', 'cd', { next: '@' }),
      rule('c', 'ef', { left: '[a-z]' }),
    ])
    const stream = engine.open('length')
    const one = (given: string): string =>
      text(stream.push(utf8(given)).bytes) + text(stream.flush('end').bytes)
    expect(one('xcd')).toBe('xcd')
    expect(one('ef ab')).toBe('** **')
    stream.close()
  })
})

describe('what is held', () => {
  test('the raw bytes of every span, of a chunk of several windows too', () => {
    const token = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
    const lines = Array.from(
      { length: 3_000 },
      (_, n) => `line ${n} ${n % 250 === 0 ? token : ''}\n`,
    )
    const bytes = latin1(lines.join('').repeat(8))
    expect(bytes.length).toBeGreaterThan(2 * 65_536)
    const stream = engineOf(rulesOf(['secrets'])).open('length')
    const { spans } = stream.push(bytes)
    expect(spans.length).toBe(96)
    for (const { raw_offset, raw_length, raw } of spans) {
      expect(Buffer.from(raw).toString('latin1')).toBe(token)
      expect([...raw]).toEqual([...bytes.subarray(raw_offset, raw_offset + raw_length)])
    }
    stream.close()
  })

  test('at most 4096 bytes; older would-be matches are masked in pieces', () => {
    const given = `eyJ${'a'.repeat(10_000)} x`
    for (const size of [100_000, 1000, 64, 1]) {
      const fed = feed(secrets, utf8(given), () => size)
      expect(fed.spans).toEqual(['0-4096:jwt', '4096-8192:jwt'])
      expect(fed.text).toBe(`${'*'.repeat(8192)}${'a'.repeat(10_003 - 8192)} x`)
    }
  })
  test('what was cut has no allowance left', () => {
    const flushes = new Map([[4110, 'echo'] as const])
    const fed = feed(secrets, utf8(`eyJ${'a'.repeat(4107)}`), () => 512, flushes)
    expect(fed.text).toBe('*'.repeat(4110))
  })
  test('a long match is cut every 4096 bytes from its start', () => {
    const given = `.. ghp_${'a'.repeat(8188)} x`
    const fed = feed(secrets, utf8(given), () => 777)
    expect(fed.spans).toEqual(['3-4099:github-token', '4099-8195:github-token'])
  })
  test('context holds nothing', () => {
    const stream = secrets.open('length')
    expect(stream.push(utf8('export PASSWORD =')).raw_length).toBe(17)
    expect(stream.held).toBe(0)
    stream.close()
  })
})

describe('streams', () => {
  test('clean bytes come back as they are, without a copy', () => {
    const stream = secrets.open('length')
    const given = utf8('nothing to see here\n')
    expect(stream.push(given).bytes).toBe(given)
    stream.close()
  })
  test('are independent of each other', () => {
    const one = secrets.open('length')
    const two = secrets.open('length')
    one.push(utf8('ghp_'))
    two.push(utf8('xoxb-'))
    const done = text(one.push(utf8(`${'a'.repeat(36)} `)).bytes)
    expect(done).toBe(`${'*'.repeat(40)} `)
    expect(text(two.flush('end').bytes)).toBe('xoxb-')
    one.close()
    two.close()
  })
  test('take any amount at once', () => {
    const given = utf8(
      `${'x'.repeat(65_530)} ghp_${'a'.repeat(36)} ${'4111111111111111 '.repeat(10_000)}`,
    )
    const fed = feed(secrets, given)
    expect(fed.text).toBe(
      `${'x'.repeat(65_530)} ${'*'.repeat(40)} ${`${'*'.repeat(16)} `.repeat(10_000)}`,
    )
    expect(fed.spans.length).toBe(10_001)
    expect(feed(secrets, given, () => 5000)).toEqual(fed)
  })
  test('give their memory back', () => {
    const engine = engineOf(rulesOf(['secrets']))
    const round = (): void => {
      const open = Array.from({ length: 100 }, () => engine.open('width'))
      for (const stream of open) stream.push(utf8(`eyJ${'a'.repeat(2000)}`))
      for (const stream of open) {
        stream.close()
        stream.close()
      }
    }
    round()
    const before = engine.memory_bytes
    for (let i = 0; i < 100; i++) round()
    expect(engine.memory_bytes).toBe(before)
  })
  test('cost little while they hold nothing', () => {
    const engine = engineOf(rulesOf(['secrets']))
    const before = engine.memory_bytes
    const open = Array.from({ length: 10_000 }, () => engine.open('width'))
    for (const stream of open) stream.push(utf8('$ '))
    expect(engine.memory_bytes - before).toBeLessThan(10_000 * 280)
    for (const stream of open) stream.close()
    expect(() => open[0]?.push(utf8('x'))).toThrow('closed')
  })
})

describe('SHA-256', () => {
  test('agrees with the native one, in any parts', () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919) & 255)
    for (const length of [0, 1, 64, 65_536, 65_537, 200_000]) {
      const part = bytes.subarray(0, length)
      const native = createHash('sha256').update(part).digest('hex')
      expect(Buffer.from(secrets.sha256(part)).toString('hex')).toBe(native)
      const stream = secrets.hash()
      for (let at = 0; at < length; at += 977) stream.update(part.subarray(at, at + 977))
      expect(Buffer.from(stream.digest()).toString('hex')).toBe(native)
    }
  })
  test('names the module', () => expect(secrets.module_hash).toMatch(/^[0-9a-f]{64}$/))
})

test('tables of another layout are refused', () => {
  const made = customRules([{ name: 'a', pattern: 'abc' }])
  if (!made.ok) throw new Error(made.reason)
  const compiled = compile(made.rules)
  if (!compiled.ok) throw new Error(compiled.reason)
  const tables = compiled.ruleset.tables.slice()
  tables[0] = 0
  expect(() => MaskingEngine.load({ ...compiled.ruleset, tables })).toThrow(MaskingError)
})
