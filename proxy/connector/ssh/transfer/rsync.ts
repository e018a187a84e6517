/**
 * rsync's own protocol, which is not read: both streams pass as they are, each counted and hashed as a whole.
 * Error output is no part of it, and is masked.
 *
 * @module
 */
import type { Codec, Decoded, Direction, Frame, Stream, Wire } from '../../../core/connector.ts'
import type { GrantedTransfer, TransferDirection } from '../../../core/transfer.ts'
import { path_bytes_max } from './limits.ts'

const moved: readonly (readonly [TransferDirection, number])[] = [
  ['upload', 1],
  ['download', 2],
]

/** Both directions carry something whatever is copied: the policy of either counts for both. */
export function rsyncCodecs({
  argv,
  choices,
}: GrantedTransfer): Readonly<Record<Direction, Codec>> {
  const scan = choices.upload === 'scan' || choices.download === 'scan'
  // rsync/options.c: the operands follow a single dot.
  const operands = argv.slice(argv.indexOf('.') + 1).join(' ')
  const path = new TextEncoder().encode(operands).subarray(0, path_bytes_max)
  let phase: 'new' | 'open' | 'over' = 'new'

  const begin = (): Frame[] => {
    if (phase !== 'new') return []
    phase = 'open'
    return moved.map(([direction, transfer]) => ({
      kind: 'fact',
      fact: { kind: 'transfer_start', transfer, tool: 'rsync', direction, path, scan },
    }))
  }
  const end = (outcome: 'complete' | 'incomplete'): Frame[] => {
    if (phase !== 'open') return []
    phase = 'over'
    return moved.map(([, transfer]) => ({
      kind: 'fact',
      fact: { kind: 'transfer', transfer, outcome, offset: 0, in_order: true },
    }))
  }
  const codec = (stream: Stream, transfer: number): Codec => ({
    decode(wire: Wire): Decoded {
      if (wire.kind === 'control') {
        const { event } = wire
        const is_end = event.kind === 'exit' || event.kind === 'exit_signal'
        const well = event.kind === 'exit' && event.code === 0
        return {
          ok: true,
          frames: [...(is_end ? end(well ? 'complete' : 'incomplete') : []), wire],
        }
      }
      if (wire.stream !== stream) return { ok: true, frames: [wire] }
      // Nobody is there who would read it.
      if (phase === 'over') return { ok: true, frames: [] }
      const content = { transfer, start: 0, end: wire.bytes.length }
      return { ok: true, frames: [...begin(), { ...wire, content }] }
    },
    encode: (wire: Wire): Wire => wire,
    flush: (): Decoded => ({ ok: true, frames: [] }),
  })
  return { to_target: codec(0, 1), to_client: codec(1, 2) }
}
