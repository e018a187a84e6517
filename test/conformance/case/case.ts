/**
 * One promise of proxy/core/connector.ts, and how to see whether a connector keeps it.
 *
 * @module
 */
import type { Power, World } from '../world.ts'

export interface Case {
  /** What holds, as a sentence. */
  readonly name: string
  /** Skipped, with the reason that is given, where the protocol lacks one of these. */
  readonly needs?: readonly Power[]
  run(world: World): Promise<void>
}
