/** Values that are masked for where they stand: alone, and as members of documents. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { rulesetOf } from '../compile/prepared.ts'
import { default_packs, rulesOf } from '../rules/index.ts'
import { known_label } from '../rules/known.ts'
import { MaskingEngine } from './engine.ts'
import { FieldMasker, type MaskedField, type Member, not_json } from './field.ts'
import { engineOf } from './fixture.ts'
import { parseStrategy, type Strategy } from './strategy.ts'

/** Thousands of documents, on a machine that may have other work. */
setDefaultTimeout(60_000)

const engine = engineOf(rulesOf(default_packs))
const key = new Uint8Array(32).fill(7)
const masker = new FieldMasker(engine, key)
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = ({ bytes }: MaskedField): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
const strategy = (written: string): Strategy => {
  const parsed = parseStrategy(written)
  if (parsed === undefined) throw new Error(written)
  return parsed
}
const member = (path: string, written: string): Member => ({
  path: path.split('.'),
  strategy: strategy(written),
  rule: path,
})
const token = ['AKIA', 'IOSFODNN7', 'EXAMPLE'].join('')

describe('a strategy', () => {
  test.each(['mask', 'hash', 'null', 'partial(4,2)', 'partial(0, 4)', 'partial(64,64)'])(
    '%s',
    (written) => {
      expect(parseStrategy(written)).toBeDefined()
    },
  )
  test.each([
    '',
    'Mask',
    'partial',
    'partial()',
    'partial(4)',
    'partial(-1,2)',
    'partial(65,0)',
    'partial(1,2,3)',
    'hash(1)',
    ' mask',
  ])('%j is none', (written) => {
    expect(parseStrategy(written)).toBeUndefined()
  })
})

describe('a value', () => {
  test.each([
    ['mask', '078-05-1120', '***********'],
    ['mask', 'Zoë 密', '*****'],
    ['mask', '', ''],
    ['partial(0,4)', '4111111111111111', '************1111'],
    ['partial(2,1)', 'Zoë Müller', 'Zo*******r'],
    ['partial(2,2)', 'abcdefgh', 'ab****gh'],
    ['partial(2,2)', 'abcdefg', '*******'],
    ['partial(4,4)', '1', '*'],
    ['null', 'anything', undefined],
  ])('%s of %j', (written, value, due) => {
    const masked = masker.value(utf8(value), strategy(written), 'ssn')
    expect(text(masked)).toBe(due)
    expect(masked.spans).toEqual([
      {
        offset: 0,
        length: due === undefined ? 0 : utf8(due).length,
        raw_offset: 0,
        raw_length: utf8(value).length,
        rule: 'ssn',
      },
    ])
  })
  test('is masked by the rules when its place has no strategy', () => {
    const masked = masker.value(utf8(`id ${token}.`))
    expect(text(masked)).toBe(`id ${'*'.repeat(20)}.`)
    expect(masked.spans).toEqual([
      { offset: 3, length: 20, raw_offset: 3, raw_length: 20, rule: 'aws-access-key-id' },
    ])
  })
  test('has one digest under one key, and another under another', () => {
    const hash = strategy('hash')
    const of = (value: string, by = masker): string | undefined => text(by.value(utf8(value), hash))
    expect(of('ann')).toMatch(/^hash:[0-9a-f]{16}$/)
    expect(of('ann')).toBe(of('ann'))
    expect(of('ann')).not.toBe(of('ann '))
    expect(of('ann')).not.toBe(of('ann', new FieldMasker(engine, new Uint8Array(32))))
  })
  test('shows nothing of a known secret, whatever the strategy says', () => {
    const compiled = rulesetOf([], [{ text: 'hunter2hunter2', held_by: 'targets' }])
    if (!compiled.ok) throw new Error(compiled.reason)
    const knows = new FieldMasker(MaskingEngine.load(compiled.ruleset), key)
    expect(text(knows.value(utf8('hunter2hunter2'), strategy('partial(3,3)')))).toBe('*'.repeat(14))
    expect(text(knows.value(utf8('éa-hunter2hunter2-ba'), strategy('partial(4,4)')))).toBe(
      `éa-${'*'.repeat(14)}-ba`,
    )
    expect(knows.value(utf8('x hunter2hunter2')).spans[0]?.rule).toBe(known_label)
  })
})

describe('a document', () => {
  const members = [
    member('user.ssn', 'hash'),
    member('cards.pan', 'partial(0,4)'),
    member('user.name', 'null'),
    member('*.note', 'mask'),
  ]
  const shown = (json: string): string | undefined => text(masker.document(utf8(json), members))
  test.each([
    ['{ "user" : {"name":"Ann" } }', '{ "user" : {"name":null } }'],
    [
      '{"cards":[{"pan":4111111111111111},{"pan":"4111111111111111"}]}',
      '{"cards":[{"pan":"************1111"},{"pan":"************1111"}]}',
    ],
    [
      '{"cards":{"pan":["4111111111111111",[12]]}}',
      '{"cards":{"pan":["************1111",["**"]]}}',
    ],
    [
      '{"a":{"note":{"deep":[true,"é",null,1e5]}},"b":{"note":"x"}}',
      '{"a":{"note":{"deep":["****","*",null,"***"]}},"b":{"note":"*"}}',
    ],
    ['{"user":{"name":"a","name":"b"}}', '{"user":{"name":null,"name":null}}'],
    ['{"user":{"n\\u0061me":"a"}}', '{"user":{"n\\u0061me":null}}'],
    [
      '{"name":"a","users":{"ssn":1},"user":{"ssn_":1}}',
      '{"name":"a","users":{"ssn":1},"user":{"ssn_":1}}',
    ],
    [' [ {"user":{"name":"a"}} , 2 ] \n', ' [ {"user":{"name":null}} , 2 ] \n'],
    ['{"n":1.50,"x":"\\u00e9"}', '{"n":1.50,"x":"\\u00e9"}'],
    [
      `{"k":"${token}","user":{"name":"${token}"}}`,
      `{"k":"${'*'.repeat(20)}","user":{"name":null}}`,
    ],
    ['"just text"', '"just text"'],
    [
      '{"n":[4111111111111111,2,-4111111111111111]}',
      '{"n":["****************",2,"-****************"]}',
    ],
  ])('%s', (json, due) => {
    expect(shown(json)).toBe(due)
  })
  test('its spans are where they say', () => {
    const json = `{"k":"${token}","user":{"name":"Ann"},"l":"${token}"}`
    const { bytes, spans } = masker.document(utf8(json), members)
    expect(spans.map(({ rule }) => rule)).toEqual([
      'aws-access-key-id',
      'user.name',
      'aws-access-key-id',
    ])
    for (const { offset, length, raw_offset, raw_length, rule } of spans) {
      const raw = json.slice(raw_offset, raw_offset + raw_length)
      const masked = Buffer.from(bytes ?? [])
        .toString()
        .slice(offset, offset + length)
      expect([raw, masked]).toEqual(
        rule === 'user.name' ? ['"Ann"', 'null'] : [token, '*'.repeat(20)],
      )
    }
  })
  test.each([
    '{',
    '{"a":1}}',
    '{"a":01}',
    '{"a":}',
    '{a:1}',
    "{'a':1}",
    '{"a":1,}',
    '[1,]',
    '[1 2]',
    '{"a" 1}',
    '"a\nb"',
    '"a',
    '"\\x"',
    '"\\',
    'nul',
    'undefined',
    '\ufeff{}',
    '',
    '1 2',
    '['.repeat(300) + ']'.repeat(300),
    '['.repeat(100_000),
  ])('%j is none, and nothing of it is shown', (json) => {
    const masked = masker.document(utf8(json), members)
    const due = Array.from(utf8(json), (byte) => (byte === 0x0a ? '\n' : '*')).join('')
    expect(text(masked)).toBe(due)
    expect(masked.spans.map(({ rule }) => rule)).toEqual(json === '' ? [] : [not_json])
  })
  test('bytes that are no UTF-8 in a name or a value', () => {
    const raw = Buffer.from('{"user":{"name":"a\xff","\xff":"b"}}', 'latin1')
    expect(Buffer.from(masker.document(raw, members).bytes ?? []).toString('latin1')).toBe(
      '{"user":{"name":null,"\xff":"b"}}',
    )
  })
  test('as a parser would do it', () => {
    let seen = 0
    const names = fc.constantFrom('user', 'ssn', 'cards', 'pan', 'name', 'note', 'x')
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 5 }, tie('leaf'), tie('list'), tie('object')),
      leaf: fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null)),
      list: fc.array(tie('any'), { maxLength: 3 }),
      object: fc.dictionary(names, tie('any'), { maxKeys: 4 }),
    })).any
    const due = (json: unknown, paths: readonly Member[], under: Strategy | undefined): unknown => {
      if (Array.isArray(json)) return json.map((one) => due(one, paths, under))
      if (json === null || typeof json !== 'object') {
        if (json === null) return json
        if (under === undefined) return json
        seen++
        const raw = typeof json === 'string' ? json : JSON.stringify(json)
        return text(masker.value(utf8(raw), under)) ?? null
      }
      return Object.fromEntries(
        Object.entries(json).map(([name, one]) => {
          const next = paths
            .filter(({ path }) => path[0] === name || path[0] === '*')
            .map((each) => ({ ...each, path: each.path.slice(1) }))
          const ends = next.find(({ path }) => path.length === 0)
          return [name, due(one, next, under ?? ends?.strategy)]
        }),
      )
    }
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (json, space) => {
        const written = JSON.stringify(json, undefined, space)
        const masked = shown(written) ?? ''
        expect(JSON.parse(masked)).toEqual(due(JSON.parse(written), members, undefined))
      }),
      { numRuns: 2000 },
    )
    expect(seen).toBeGreaterThan(200)
  })
})
