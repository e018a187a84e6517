/**
 * The one suite that every connector passes: what proxy/core/connector.ts promises to the session pipeline. A
 * connector brings a {@link Conformer}; what its protocol cannot do is skipped by name, with the reason.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { testWith } from '../fixture/require.ts'
import { bytes_cases } from './case/bytes.ts'
import type { Case } from './case/case.ts'
import { channel_cases } from './case/channel.ts'
import { codec_cases } from './case/codec.ts'
import { ending_cases } from './case/ending.ts'
import { greeting_cases } from './case/greeting.ts'
import type { Conformer, Power, World } from './world.ts'

export const conformance_cases: readonly Case[] = [
  ...greeting_cases,
  ...channel_cases,
  ...bytes_cases,
  ...ending_cases,
  ...codec_cases,
]

/** What no protocol is excused from: fewer cases than this prove nothing. */
const cases_min = 40

export function runConnectorConformance(name: string, conformer: Conformer): void {
  const { components, lacks } = conformer
  describe(`connector ${name}`, () => {
    let world: World | undefined
    beforeAll(async () => {
      world = await conformer.open()
    }, 60_000)
    afterAll(async () => {
      await world?.[Symbol.asyncDispose]()
    }, 30_000)

    for (const each of conformance_cases) {
      const reason = reasonToSkip(each, lacks)
      const run = async (): Promise<void> => {
        if (world === undefined) throw new Error('the world did not open')
        await each.run(world)
      }
      if (reason === undefined) testWith(components, each.name, run, 60_000)
      else test.skip(`${each.name} (${reason})`, run)
    }

    test('the suite has run', () => {
      const names = conformance_cases.map((each) => each.name)
      expect(new Set(names).size).toBe(names.length)
      for (const reason of Object.values(lacks)) expect(reason.length).toBeGreaterThan(10)
      const ran = conformance_cases.filter((each) => reasonToSkip(each, lacks) === undefined)
      expect(ran.length).toBeGreaterThanOrEqual(cases_min)
    })
  })
}

function reasonToSkip(
  each: Case,
  lacks: Readonly<Partial<Record<Power, string>>>,
): string | undefined {
  return each.needs?.map((power) => lacks[power]).find((reason) => reason !== undefined)
}
