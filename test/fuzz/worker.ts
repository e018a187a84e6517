/**
 * One thread of a run: it fuzzes until it is ended, and tells how far it is.
 *
 * @module
 */
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { packs, rulesOf } from '../../masking-wasm/rules/index.ts'
import { type Find, Fuzzer, type Tally } from './masking.ts'
import { Oracle } from './oracle.ts'
import { Random } from './random.ts'
import { openOn, type ScreenFind, ScreenFuzzer, type ScreenTally } from './screen.ts'

declare const self: Worker

export interface Begin {
  readonly seed: number
  /** The worker's number in the run. */
  readonly stream: number
}
export interface Progress {
  readonly tally: Tally
  readonly screens: ScreenTally
  readonly finds: readonly (Find | ScreenFind)[]
}

/** So that the main thread hears of it about ten times a second, and ends when there are enough. */
const streams_each = 400
/** One stream in so many is a terminal's. */
const screen_every = 8
/** Something is badly wrong then, and the rest says nothing new. */
const finds_max = 20

self.onmessage = async ({ data: { seed, stream } }: MessageEvent<Begin>) => {
  const rules = rulesOf(packs)
  const compiled = rulesetOf(rules)
  if (!compiled.ok) throw new Error(compiled.reason)
  const engine = MaskingEngine.load(compiled.ruleset)
  const oracle = new Oracle(rules)
  const random = new Random(seed, stream)
  const fuzzer = new Fuzzer(rules, oracle, () => engine.open('length'), random)
  const screens = new ScreenFuzzer(rules, oracle, (screen) => openOn(engine, screen), random)
  for (;;) {
    const finds: (Find | ScreenFind)[] = []
    for (let i = 0; i < streams_each && finds.length < finds_max; i++) {
      const find = i % screen_every === 0 ? screens.next() : fuzzer.next()
      if (find !== undefined) finds.push(find)
    }
    const progress: Progress = {
      tally: { ...fuzzer.tally },
      screens: { ...screens.tally },
      finds,
    }
    self.postMessage(progress)
    if (finds.length >= finds_max) return
    // Lets the thread be ended.
    await Bun.sleep(0)
  }
}
