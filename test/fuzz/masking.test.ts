/**
 * The fuzzer in small, whatever it found before, and whether it would find anything: a masker that is broken in one way must
 * not pass.
 */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Masked, MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { engineOf, latin1 } from '../../masking-wasm/host/fixture.ts'
import { Oracle as RegExpOracle } from '../../masking-wasm/host/oracle.ts'
import { betweenSeams } from '../../masking-wasm/host/oracle-screen.ts'
import { packs, rulesOf } from '../../masking-wasm/rules/index.ts'
import { Fragments, fragment_bytes_min } from './fragment.ts'
import { type Case, type Find, Fuzzer, type Masker } from './masking.ts'
import { Oracle, spansOf } from './oracle.ts'
import { Random } from './random.ts'
import { openOn, type Screen, type ScreenCase, ScreenFuzzer, seenBy } from './screen.ts'

setDefaultTimeout(60_000)

const rules = rulesOf(packs)
const engine = engineOf(rules)
const oracle = new Oracle(rules)
const seed = 20_261_127
const screensOver = (open: (screen: Screen) => Masker): ScreenFuzzer =>
  new ScreenFuzzer(rules, oracle, open, new Random(seed, 5000))

describe('masking', () => {
  test('twenty thousand hostile fragments: no difference, and no leak', () => {
    const fuzzer = new Fuzzer(rules, oracle, () => engine.open('length'), new Random(seed, 1000))
    while (fuzzer.tally.fragments < 20_000) expect(fuzzer.next()).toBeUndefined()
    expect(fuzzer.tally.spans).toBeGreaterThan(5_000)
  })

  test('five thousand on terminals, cut by escapes and corrections', () => {
    const screens = screensOver((screen) => openOn(engine, screen))
    while (screens.tally.fragments < 5_000) expect(screens.next()).toBeUndefined()
    expect(screens.tally.spans).toBeGreaterThan(2_000)
    expect(screens.tally.exact).toBeGreaterThan(500)
  })

  test('what was found before', () => {
    const dir = join(import.meta.dir, 'corpus')
    const files = [...new Bun.Glob('*.json').scanSync(dir)]
    // The canary: the folder is read.
    expect(files.length).toBeGreaterThan(0)
    const fuzzer = new Fuzzer(rules, oracle, () => engine.open('length'), new Random(seed, 0))
    const screens = screensOver((screen) => openOn(engine, screen))
    for (const file of files) {
      const { stream, parts, screen }: Case & Partial<ScreenCase> = JSON.parse(
        readFileSync(join(dir, file), 'utf8'),
      )
      const bytes = new Uint8Array(Buffer.from(stream, 'base64'))
      for (const cut of [parts, [1], [7], [bytes.length]]) {
        const find =
          screen === undefined ? fuzzer.check(bytes, cut) : screens.check(bytes, cut, screen)
        expect({ file, find }).toEqual({ file, find: undefined })
      }
    }
  })
})

describe('canary: a masker that', () => {
  /** Masks as the engine does, but for what `broken` makes of it. */
  const found = (open: () => Masker): Find | undefined => {
    const fuzzer = new Fuzzer(rules, oracle, open, new Random(seed, 2000))
    while (fuzzer.tally.fragments < 20_000) {
      const find = fuzzer.next()
      if (find !== undefined) return find
    }
    return undefined
  }
  const over = (of: MaskingEngine, change: (masked: Masked) => Masked): (() => Masker) => {
    return () => {
      const stream = of.open('length')
      return {
        push: (bytes) => change(stream.push(bytes)),
        flush: (event) => change(stream.flush(event)),
        close: () => stream.close(),
      }
    }
  }

  test('is not broken passes', () => {
    expect(found(over(engine, (masked) => masked))).toBeUndefined()
  })
  test('knows one rule less is found', () => {
    const less = engineOf(rules.filter(({ name }) => name !== 'npm-token'))
    expect(rules.some(({ name }) => name === 'npm-token')).toBe(true)
    expect(found(over(less, (masked) => masked))?.reason).toContain('npm-token')
  })
  test('forgets what it held where a part ends is found', () => {
    const forgetful = (): Masker => {
      let stream = engine.open('length')
      let offset = 0
      const settled = (masked: Masked): Masked => {
        const moved = {
          ...masked,
          raw_offset: offset,
          bytes: masked.bytes.slice(),
          spans: masked.spans.map((span) => ({ ...span, raw_offset: offset + span.raw_offset })),
        }
        offset += masked.raw_length
        return moved
      }
      return {
        push: (bytes) => {
          stream.close()
          stream = engine.open('length')
          const first = stream.push(bytes)
          const shown = first.bytes.slice()
          const spans = [...first.spans]
          const last = stream.flush('end')
          return settled({
            bytes: new Uint8Array(Buffer.concat([shown, last.bytes])),
            raw_offset: 0,
            raw_length: bytes.length,
            spans: [...spans, ...last.spans],
          })
        },
        flush: (event) => settled(stream.flush(event)),
        close: () => stream.close(),
      }
    }
    expect(found(forgetful)?.reason).toMatch(/leak|difference/)
  })
  test('shows the last byte of a span is found', () => {
    const leaky = over(engine, (masked) => {
      const [span] = masked.spans
      if (span === undefined || span.length < 2) return masked
      const bytes = masked.bytes.slice()
      bytes[span.offset + span.length - 1] = span.raw[span.raw_length - 1] ?? 0
      return { ...masked, bytes }
    })
    expect(found(leaky)?.reason).toMatch(/leak/)
  })
  test('masks a byte too many is found', () => {
    const greedy = over(engine, (masked) => {
      const [span] = masked.spans
      const after = (span?.offset ?? 0) + (span?.length ?? 0)
      if (span === undefined || after >= masked.bytes.length) return masked
      const bytes = masked.bytes.slice()
      bytes[after] = 0x2a
      return { ...masked, bytes }
    })
    expect(found(greedy)?.reason).toMatch(/another, outside of any span|difference/)
  })
  test('names another rule is found', () => {
    const other = over(engine, (masked) => ({
      ...masked,
      spans: masked.spans.map((span) => ({ ...span, rule: 'jwt' })),
    }))
    expect(found(other)?.reason).toMatch(/difference/)
  })
})

describe('canary: a terminal that', () => {
  const found = (open: (screen: Screen) => Masker): string | undefined => {
    const screens = screensOver(open)
    for (;;) {
      const find = screens.next()
      if (find !== undefined || screens.tally.fragments > 5_000) return find?.reason
    }
  }
  test('is taken for bytes is found', () => {
    const open = (screen: Screen): Masker => openOn(engine, { ...screen, reading: 'bytes' })
    expect(found(open)).toMatch(/leak/)
  })
  test('is not told its width is found', () => {
    const open = (screen: Screen): Masker => openOn(engine, { ...screen, columns: 0 })
    expect(found(open)).toMatch(/leak/)
  })
  test('forgets in each part what came before is found', () => {
    const open = (screen: Screen): Masker => {
      const stream = openOn(engine, screen)
      return {
        push: (bytes) => stream.push(bytes.length > 20 ? bytes : bytes.slice().fill(0x61)),
        flush: (event) => stream.flush(event),
        close: () => stream.close(),
      }
    }
    expect(found(open)).toMatch(/split/)
  })
})

describe('the oracle', () => {
  test('sees between seams what is seen when each two of them are tried as ends', () => {
    const each = betweenSeams(new RegExpOracle(rules))
    const at_once = seenBy(oracle, rules)
    const random = new Random(seed, 6000)
    const fragments = new Fragments(rules, random)
    let spans = 0
    for (let i = 0; i < 60; i++) {
      const text = fragments.fragment().slice(0, 150)
      const seams = [...new Set([random.below(40), random.below(text.length), text.length])].sort(
        (a, b) => a - b,
      )
      const plain = ({ start, end }: { start: number; end: number }): string => `${start}-${end}`
      const ours = at_once(text, seams).map(plain)
      // What is seen from several ends overlaps.
      const theirs = spansOf(
        each(text, seams).map(({ start, end }) => ({ start, end, order: 0 })),
      ).map(plain)
      expect({ text, seams, ours }).toEqual({ text, seams, ours: theirs })
      spans += ours.length
    }
    expect(spans).toBeGreaterThan(20)
  })
  test("agrees with JavaScript's regular expressions", () => {
    const other = new RegExpOracle(rules)
    const fragments = new Fragments(rules, new Random(seed, 3000))
    let spans = 0
    for (let i = 0; i < 1500; i++) {
      const text = fragments.fragment() + fragments.fragment()
      const ours = spansOf(oracle.matches(latin1(text))).map(
        ({ start, end, order }) => `${start}-${end}:${rules[order]?.name}`,
      )
      const theirs = other.spans(text).map(({ start, end, rule }) => `${start}-${end}:${rule}`)
      expect({ text, ours }).toEqual({ text, ours: theirs })
      spans += ours.length
    }
    expect(spans).toBeGreaterThan(500)
  })
})

describe('fragments', () => {
  test('are long enough, each begins with a prefix of a secret, and all rules have their turn', () => {
    const fragments = new Fragments(rules, new Random(seed, 4000))
    const examples = rules.flatMap((rule) =>
      rule.examples.map((example) =>
        Buffer.from(example.replaceAll(/[«»]/g, '')).toString('latin1'),
      ),
    )
    const begun = new Set<string>()
    for (let i = 0; i < examples.length * 8; i++) {
      const text = fragments.fragment()
      expect(text.length).toBeGreaterThanOrEqual(fragment_bytes_min)
      const of = examples.filter((example) =>
        [0, 1, 2, 3].some((at) =>
          text.startsWith(example.slice(0, Math.min(4, example.length)), at),
        ),
      )
      expect(of.length).toBeGreaterThan(0)
      for (const example of of) begun.add(example)
    }
    expect(begun.size).toBe(new Set(examples).size)
  })
  test('are the same for the same seed, and others for another worker', () => {
    const some = (stream: number): readonly string[] => {
      const fragments = new Fragments(rules, new Random(seed, stream))
      return Array.from({ length: 20 }, () => fragments.fragment())
    }
    expect(some(1)).toEqual(some(1))
    expect(some(2)).not.toEqual(some(1))
  })
})
