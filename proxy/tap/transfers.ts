/**
 * The files that pass through one channel: counted and hashed as they pass, scanned where policy says so, and on
 * record when they begin and when they end. Their content is never stored.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { MaskStream } from '../../masking-wasm/host/engine.ts'
import { transferDigest } from '../../storage/evidence/commitment.ts'
import type { Content, TransferFact, TransferOutcome } from '../core/transfer.ts'
import { type MaskerSource, maskPlain, type TapSink } from './sink.ts'

type Start = Extract<TransferFact, { kind: 'transfer_start' }>

interface Open {
  readonly start: Omit<Start, 'path'> & { readonly path: string }
  readonly digest: ReturnType<typeof createHash>
  readonly scanner: MaskStream | undefined
  bytes: number
}

export interface TransfersOptions {
  readonly channel: number
  readonly maskers: MaskerSource
  readonly sink: TapSink
  /** The session's. */
  readonly hmac_key: Uint8Array
  /** Seals a value into a record of its own. */
  seal(what: string, value: object): void
}

export class Transfers {
  readonly #to: TransfersOptions
  readonly #open = new Map<number, Open>()

  constructor(options: TransfersOptions) {
    this.#to = options
  }

  begin(fact: Start): void {
    const { maskers, sink, channel } = this.#to
    const start = { ...fact, path: this.#path(fact.path) }
    const { transfer, tool, direction, path, scan } = start
    this.#open.set(transfer, {
      start,
      digest: createHash('sha256'),
      scanner: scan ? maskers.open('length') : undefined,
      bytes: 0,
    })
    sink.record({ kind: 'transfer_start', channel, transfer, tool, direction, path })
  }

  /**
   * Pieces pass, in the order of the wire. Tells why they must not: a finding, with its rule and the path, or a
   * piece that belongs to no transfer. What passed before is the client's already.
   */
  pass(bytes: Uint8Array, pieces: readonly Content[]): string | undefined {
    for (const { transfer, start, end } of pieces) {
      const open = this.#open.get(transfer)
      if (open === undefined) return 'content came that belongs to no transfer'
      const piece = bytes.subarray(start, end)
      const rule = open.scanner?.push(piece).spans[0]?.rule
      if (rule !== undefined) return this.#stop(open, rule)
      open.digest.update(piece)
      open.bytes += piece.length
    }
    return undefined
  }

  /** A transfer is over. Tells of a finding in the end of its content, which was held as a would-be secret. */
  end(fact: Extract<TransferFact, { kind: 'transfer' }>): string | undefined {
    const open = this.#open.get(fact.transfer)
    if (open === undefined) return undefined
    const rule = open.scanner?.flush('end').spans[0]?.rule
    if (rule !== undefined) return this.#stop(open, rule)
    this.#record(open, fact.outcome, fact)
    return undefined
  }

  change(fact: Extract<TransferFact, { kind: 'change' }>): void {
    const { tool, operation, path, to } = fact
    this.#to.sink.record({
      ...{ kind: 'change', channel: this.#to.channel, tool, operation, path: this.#path(path) },
      ...(to === undefined ? {} : { to: this.#path(to) }),
    })
  }

  /** The channel is over: what is still open broke off. */
  close(): void {
    for (const open of this.#open.values()) {
      const rule = open.scanner?.flush('end').spans[0]?.rule
      if (rule === undefined) this.#record(open, 'incomplete')
      else this.#record(open, 'stopped', { rule })
    }
  }

  /** Frees the scanners without a record. */
  abandon(): void {
    for (const { scanner } of this.#open.values()) scanner?.close()
    this.#open.clear()
  }

  #stop(open: Open, rule: string): string {
    this.#record(open, 'stopped', { rule })
    const { direction, path } = open.start
    return `${direction} of ${path} was stopped: it holds what the rule ${rule} names`
  }

  #record(
    { start, digest, scanner, bytes }: Open,
    outcome: TransferOutcome,
    more: { readonly offset?: number; readonly in_order?: boolean; readonly rule?: string } = {},
  ): void {
    const { sink, channel, hmac_key, seal } = this.#to
    const { transfer, tool, direction, path } = start
    const { offset = 0, in_order = true, rule } = more
    const sha256 = digest.digest()
    scanner?.close()
    this.#open.delete(transfer)
    seal('transfer_sha256', { transfer, sha256: sha256.toString('hex') })
    sink.record({
      ...{ kind: 'transfer', channel, transfer, tool, direction, path, outcome },
      ...{ offset, length: bytes, in_order, digest: transferDigest(hmac_key, sha256) },
      ...(rule === undefined ? {} : { rule }),
    })
  }

  /** Paths need not be UTF-8: what is not is shown as such. */
  #path(path: Uint8Array): string {
    return maskPlain(this.#to.maskers, new TextDecoder().decode(path))
  }
}
