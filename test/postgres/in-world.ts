/**
 * The world that all tests of a file share.
 *
 * @module
 */
import { afterAll, beforeAll } from 'bun:test'
import { testWith } from '../fixture/require.ts'
import { components, openWorld, type PostgresWorld, type WorldOptions } from './world.ts'

/** A test that needs what a world is made of. */
type Holds = (name: string, body: () => Promise<void>, timeout_ms?: number) => void

/** Opens one before them, where its components are, and disposes of it behind them. */
export function inWorld(
  options: WorldOptions,
  opened: (world: PostgresWorld) => void | Promise<void>,
  ready_ms = 60_000,
): Holds {
  let world: PostgresWorld | undefined
  beforeAll(async () => {
    if (!components.every((path) => Bun.file(path).size > 0)) return
    world = await openWorld(options)
    await opened(world)
  }, ready_ms)
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]()
  }, 30_000)
  return (name, body, timeout_ms = 60_000) => testWith(components, name, body, timeout_ms)
}
