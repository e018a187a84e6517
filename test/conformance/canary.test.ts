/**
 * The suite notices what it is for: connectors that are wrong in one way each fail the case that is about it, and
 * the one that they are made of passes it.
 */
import { describe, expect, test } from 'bun:test'
import { isSlow } from '../fixture/require.ts'
import { withPatience } from './collected.ts'
import { conformance_cases } from './connector.ts'
import { openEchoWorld } from './echo-world.ts'
import { mutants } from './mutant.ts'

describe('the conformance suite notices', () => {
  // Where time is short each fourth. Those that hang do so at once.
  const tried = mutants.filter((_, at) => isSlow || at % 4 === 0)
  for (const { name, breaks, change } of tried)
    test.concurrent(`a connector that ${name}`, async () => {
      const wanted = conformance_cases.find((each) => each.name === breaks)
      if (wanted === undefined) throw new Error(`no case is called "${breaks}"`)
      await using world = await openEchoWorld()
      await wanted.run(world)
      // What the right one does at once: a hang is told from it soon enough.
      const failed = await withPatience(2_000, () => wanted.run(change(world))).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(failed).toBeInstanceOf(Error)
    }, 60_000)

  test('every mutant has a name of its own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
    expect(mutants.length).toBeGreaterThan(25)
  })
})
