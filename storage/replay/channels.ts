/**
 * The channels of a session, as its records tell them.
 *
 * @module
 */
import type { RequestKind } from '../evidence/record.ts'
import type { TimelineItem } from './timeline.ts'

export interface RecordedChannel {
  readonly channel: number
  readonly request: RequestKind
  readonly started_us: number
  readonly pty?: { readonly term: string; readonly columns: number; readonly rows: number }
}

/**
 * The channel to show: the wanted one, or else the first terminal, the first program, the first of all.
 * Reads on only until it is found.
 */
export async function findChannel(
  items: AsyncIterable<TimelineItem>,
  wanted?: number,
): Promise<RecordedChannel | undefined> {
  let first: RecordedChannel | undefined
  let program: RecordedChannel | undefined
  for await (const item of items) {
    if (item.kind !== 'record' || item.header.kind !== 'channel') continue
    const { channel, request, t_us, pty } = item.header
    const found = { channel, request, started_us: t_us, ...(pty === undefined ? {} : { pty }) }
    if (wanted === undefined ? pty !== undefined : channel === wanted) return found
    first ??= found
    if (isProgram(request)) program ??= found
  }
  return wanted === undefined ? (program ?? first) : undefined
}

const isProgram = (request: RequestKind): boolean =>
  request === 'exec' || request === 'shell' || request === 'subsystem' || request === 'database'
