/**
 * One suite for both builds of the module: the released one, and one that is not optimised and has the compiler's assertions.
 * What one of them gets wrong by its optimisation, or by what it does not check, the other does not.
 */
import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { rounds, testSlow } from '../../test/fixture/require.ts'
import { Oracle, spansOf } from '../../test/fuzz/oracle.ts'
import { buildModule } from '../compile/build.ts'
import { rulesetOf } from '../compile/prepared.ts'
import { packs, rulesOf } from '../rules/index.ts'
import { MaskingEngine } from './engine.ts'
import { feed, latin1 } from './fixture.ts'
import { instantiate, moduleOnce } from './module.ts'

setDefaultTimeout(120_000)

const rules = rulesOf(packs)
const compiled = rulesetOf(rules)
if (!compiled.ok) throw new Error(compiled.reason)
const { ruleset } = compiled
const oracle = new Oracle(rules)
const examples = rules.flatMap((rule) =>
  [...rule.examples, ...rule.counter_examples].map((example) =>
    Buffer.from(example.replaceAll(/[«»]/g, '')).toString('latin1'),
  ),
)
const due = (text: string): readonly string[] =>
  spansOf(oracle.matches(latin1(text))).map(
    ({ start, end, order }) => `${start}-${end}:${rules[order]?.name}`,
  )
/** Bytes that are no UTF-8: a continuation alone, an end too soon, too long a form, a surrogate, past the last. */
const broken = [
  '\x80',
  '\xe4\xbd',
  '\xc0\xaf',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\xff\xfe',
  '\xf0\x9f',
]
/** What a terminal takes for something else than text, or writes over. */
const painted = [
  '\x1b[1m',
  '\x1b]0;t\x07',
  '\b',
  'ab\b\bc',
  '\b \b',
  ' \r',
  '\r\n',
  '\x1b[3D',
  '\x1b[',
  '\xc2\x9b1m',
]

for (const build of ['release', 'debug'] as const)
  describe(`the ${build} build`, () => {
    let module: WebAssembly.Module
    let engine: MaskingEngine
    beforeAll(async () => {
      module =
        build === 'release'
          ? moduleOnce().module
          : new WebAssembly.Module(new Uint8Array(await buildModule({ debug: true })))
      engine = MaskingEngine.over(instantiate(module), '', ruleset)
    })

    test('masks every example of every rule, cut at every place', () => {
      let seen = 0
      for (const example of examples) {
        const text = ` ${example} `
        const bytes = latin1(text)
        const spans = due(text)
        seen += spans.length
        for (let at = 0; at <= bytes.length; at++) {
          let part = 0
          const sizes = [at, bytes.length - at]
          const fed = feed(engine, bytes, () => sizes[part++] ?? 1)
          expect({ text, at, spans: fed.spans }).toEqual({ text, at, spans })
        }
      }
      expect(seen).toBeGreaterThan(rules.length)
    })

    test('takes any bytes in any parts, empty ones too, and says the same', () => {
      const piece = fc.oneof(
        fc.constantFrom(...examples),
        fc.constantFrom(...broken),
        fc.constantFrom(...painted),
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      )
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 8 }),
          fc.array(fc.nat(30), { minLength: 1, maxLength: 8 }),
          fc.constantFrom('length' as const, 'width' as const),
          (pieces, parts, unit) => {
            const bytes = latin1(pieces.join(''))
            const whole = feed(engine, bytes, undefined, undefined, unit)
            const stream = engine.open(unit)
            const shown: Buffer[] = []
            for (let at = 0, turn = 0; at < bytes.length; turn++) {
              const size = (parts[turn % parts.length] ?? 0) + (turn % 7 === 6 ? 1 : 0)
              shown.push(Buffer.from(stream.push(bytes.subarray(at, at + size)).bytes))
              at += size
            }
            shown.push(Buffer.from(stream.flush('end').bytes))
            stream.close()
            expect(Buffer.concat(shown).toString('latin1')).toBe(whole.text)
          },
        ),
        { numRuns: rounds(400) },
      )
    })

    test('masks what stands beside bytes that are no UTF-8', () => {
      const { examples: of = [] } = rules.find(({ name }) => name === 'github-token') ?? {}
      const token = /«(.*)»/.exec(of[0] ?? '')?.[1] ?? ''
      expect(token.length).toBeGreaterThan(20)
      for (const bytes of broken)
        for (const unit of ['length', 'width'] as const) {
          const { text } = feed(
            engine,
            latin1(`${bytes} ${token} ${bytes}`),
            () => 1,
            undefined,
            unit,
          )
          expect(text).toBe(`${bytes} ${'*'.repeat(token.length)} ${bytes}`)
        }
    })

    test('refuses lengths out of range, and goes on', () => {
      const raw = instantiate(module)
      const at = raw.reserve(ruleset.tables.length)
      new Uint8Array(raw.memory.buffer).set(ruleset.tables, at)
      for (const length of [0, 3, 0xffff_ffff]) expect(raw.start(at, length)).toBe(0)
      expect(raw.start(at, ruleset.tables.length)).toBe(1)
      const stream = raw.open(0, 0)
      const hash = raw.hashOpen()
      for (const length of [65_537, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
        expect(raw.push(stream, length)).toBe(0)
        expect(raw.hashUpdate(hash, length)).toBe(0)
        expect(raw.hashFour(length)).toBe(0)
        expect(raw.flush(stream, length)).toBe(0)
      }
      expect(raw.hashFour(16_385)).toBe(0)
      // More than there is: it says so.
      expect(raw.reserve(0x7fff_ffff)).toBe(0)
      const input = raw.inputAddress()
      const bytes = latin1('nothing in here, and 65536 is a number')
      new Uint8Array(raw.memory.buffer).set(bytes, input)
      expect(raw.push(stream, 0)).toBeGreaterThan(0)
      expect(raw.push(stream, bytes.length)).toBeGreaterThan(0)
      expect(raw.flush(stream, 2)).toBe(1)
      expect(raw.hashUpdate(hash, bytes.length)).toBe(1)
      raw.hashFinish(hash)
      expect(Buffer.from(new Uint8Array(raw.memory.buffer, input, 32)).toString('hex')).toBe(
        createHash('sha256').update(bytes).digest('hex'),
      )
    })

    // Not a line's end in all of it, so nothing that waits for one is ever let go by it.
    const megabytes = async (count: number): Promise<void> => {
      const units: Readonly<Record<string, string>> = {
        letters: 'a',
        digits: '4 ',
        'a key': '-----BEGIN PRIVATE KEY----- ',
        tokens: 'eyJhbGciOi.',
        'any bytes': String.fromCharCode(
          ...Array.from({ length: 251 }, (_, index) => (index * 7919 + 11) & 255).filter(
            (byte) => byte !== 10 && byte !== 13,
          ),
        ),
      }
      // One stream, of one kind after the other.
      const share = Math.ceil(count / Object.keys(units).length) * 2 ** 20
      const stream = engine.open('length')
      let given = 0
      let came = 0
      let before = 0
      for (const [name, unit] of Object.entries(units)) {
        const chunk = latin1(unit.repeat(Math.ceil(65_536 / unit.length)).slice(0, 65_536))
        for (const end = given + share; given < end; ) {
          came += stream.push(chunk).bytes.length
          given += chunk.length
          if (stream.held > 4096) throw new Error(`${name}: ${stream.held} bytes are held`)
          if (came + stream.held !== given) throw new Error(`${name}: bytes are lost`)
        }
        // What a stream needs it has by then.
        if (before === 0) before = engine.memory_bytes
      }
      stream.close()
      expect(given).toBeGreaterThanOrEqual(count * 2 ** 20)
      expect(engine.memory_bytes).toBe(before)
    }
    test('megabytes without the end of a line', () => megabytes(rounds(20)))
    if (build === 'release')
      testSlow([], 'a gigabyte without the end of a line', () => megabytes(1024), 900_000)
  })
