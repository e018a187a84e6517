/**
 * What both directions of an SFTP channel know together: the requests that wait, the files that are open, and
 * what is being moved.
 *
 * @module
 */
import type { Frame } from '../../../core/connector.ts'
import type {
  GrantedTransfer,
  TransferDirection,
  TransferFact,
  TransferOutcome,
} from '../../../core/transfer.ts'
import { sftp_handles_max, sftp_pending_max } from './limits.ts'

/** One direction of an open file. */
export interface Moving {
  readonly transfer: number
  readonly direction: TransferDirection
  offset: number
  next: number | undefined
  in_order: boolean
  /** A download reached the end of the file. */
  reached_end: boolean
  /** Something of it went wrong. */
  broken: boolean
}

export interface OpenFile {
  readonly path: Uint8Array
  readonly moving: readonly Moving[]
  over: boolean
}

/** What a reply may be, and what it means. */
export type Pending =
  | { readonly kind: 'status' | 'attributes' | 'names' | 'statvfs' | 'limits' | 'groups' }
  | { readonly kind: 'open'; readonly file: OpenFile }
  | {
      readonly kind: 'read'
      readonly file: OpenFile
      readonly offset: number
      readonly length: number
    }
  | { readonly kind: 'write'; readonly file: OpenFile }
  | { readonly kind: 'close'; readonly file: OpenFile }

export class SftpState {
  readonly granted: GrantedTransfer
  greeted: 'no' | 'asked' | 'yes' = 'no'
  readonly #pending = new Map<number, Pending>()
  /** By handle, as latin1. */
  readonly #files = new Map<string, OpenFile>()
  readonly #told = new Set<TransferDirection>()
  #transfers = 0

  constructor(granted: GrantedTransfer) {
    this.granted = granted
  }

  allows(direction: TransferDirection): boolean {
    return this.granted.choices[direction] !== 'deny'
  }

  /** Whether the client was not told yet that this direction is denied. */
  tell(direction: TransferDirection): boolean {
    if (this.#told.has(direction)) return false
    this.#told.add(direction)
    return true
  }

  /** Why a request cannot wait for its reply, if so. */
  expect(id: number, pending: Pending): string | undefined {
    if (this.#pending.has(id)) return 'an SFTP request has the id of another that waits'
    if (this.#pending.size >= sftp_pending_max) return 'too many SFTP requests wait for replies'
    this.#pending.set(id, pending)
    return undefined
  }

  answered(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }

  file(handle: Uint8Array): OpenFile | undefined {
    return this.#files.get(keyOf(handle))
  }

  /** Why a handle cannot be one, if so. */
  opened(handle: Uint8Array, file: OpenFile): string | undefined {
    const key = keyOf(handle)
    if (this.#files.has(key)) return 'an SFTP handle is given a second time'
    if (this.#files.size >= sftp_handles_max) return 'too many SFTP handles are open'
    this.#files.set(key, file)
    return undefined
  }

  /** No request may name the handle any more. */
  closing(handle: Uint8Array): void {
    this.#files.delete(keyOf(handle))
  }

  begin(direction: TransferDirection, path: Uint8Array): { moving: Moving; fact: TransferFact } {
    this.#transfers += 1
    const transfer = this.#transfers
    return {
      moving: {
        ...{ transfer, direction, offset: 0, next: undefined },
        ...{ in_order: true, reached_end: false, broken: false },
      },
      fact: {
        ...{ kind: 'transfer_start', transfer, tool: 'sftp', direction },
        ...{ path, scan: this.granted.choices[direction] === 'scan' },
      },
    }
  }

  /** A piece passes: notes whether it follows the one before. */
  moved(moving: Moving, offset: number, length: number): void {
    if (moving.next === undefined) moving.offset = offset
    else if (moving.next !== offset) moving.in_order = false
    moving.next = offset + length
  }

  /** What goes on record when a file is closed, or was never opened. */
  end(file: OpenFile, how: 'closed' | 'failed'): Frame[] {
    file.over = true
    return file.moving.map((moving) => {
      const { transfer, offset, in_order } = moving
      const outcome = how === 'failed' ? 'failed' : outcomeOf(moving)
      return { kind: 'fact', fact: { kind: 'transfer', transfer, outcome, offset, in_order } }
    })
  }
}

/** An upload has no end of its own: it is complete when nothing of it was refused and the file was closed. */
function outcomeOf({
  direction,
  reached_end,
  broken,
}: Moving): Exclude<TransferOutcome, 'stopped'> {
  const is_whole = !broken && (direction === 'upload' || reached_end)
  return is_whole ? 'complete' : 'incomplete'
}

const keyOf = (handle: Uint8Array): string =>
  Buffer.from(handle.buffer, handle.byteOffset, handle.byteLength).toString('latin1')
