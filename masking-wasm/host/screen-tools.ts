/**
 * What a stretch that is read as a screen needs of the stream that it belongs to.
 *
 * @module
 */
import type { Controls } from './controls.ts'
import type { Fates } from './fates.ts'
import type { Line } from './line.ts'
import type { Rewrites } from './rewrites.ts'
import type { Stream } from './stream.ts'

/** What outlives a stretch: it belongs to the stream. */
export interface ScreenState {
  readonly controls: Controls
  readonly line: Line
  readonly rewrites: Rewrites
  readonly fates: Fates
  /** 0 when they are not known. */
  columns: number
}

export interface ScreenTools {
  /** A stream in the state of `twin`, or at its beginning. */
  open(twin?: Stream): Stream
  /** The mask of `raw`, borrowed until the next call. */
  cover(raw: Uint8Array): Uint8Array
  /** The name of what is masked because there was too much. */
  readonly crowded: string
  readonly is_terminal: boolean
}
