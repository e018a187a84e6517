/**
 * File transfers, as every protocol that carries files tells of them: what policy allows of one, and what goes on
 * record beside its bytes.
 *
 * @module
 */
import type { Verdict } from './verdict.ts'

export type TransferTool = 'sftp' | 'scp' | 'rsync'

/** Seen from the client. */
export type TransferDirection = 'upload' | 'download'

/** `scan`: the content is looked through as it passes, and the first finding ends the channel. */
export type TransferChoice = 'allow' | 'deny' | 'scan'

/** A transfer whose wire is known, so that the content of files can be told from everything else. */
export interface GrantedTransfer {
  readonly tool: TransferTool
  /** The words of the command; empty for a subsystem. */
  readonly argv: readonly string[]
  readonly choices: Readonly<Record<TransferDirection, TransferChoice>>
}

/**
 * `complete`: to its end, as the protocol tells. `incomplete`: it broke off, or only a part was wanted.
 * `failed`: the file was not opened. `stopped`: by a finding of `scan`.
 */
export type TransferOutcome = 'complete' | 'incomplete' | 'failed' | 'stopped'

/** Paths are as they came over the wire; the recorder masks them. `transfer` is unique in its channel. */
export type TransferFact =
  | {
      readonly kind: 'transfer_start'
      readonly transfer: number
      readonly tool: TransferTool
      readonly direction: TransferDirection
      readonly path: Uint8Array
      readonly scan: boolean
    }
  | {
      readonly kind: 'transfer'
      readonly transfer: number
      readonly outcome: Exclude<TransferOutcome, 'stopped'>
      /** Where in the file the first byte belongs, and whether each piece followed the one before it. */
      readonly offset: number
      readonly in_order: boolean
    }
  | {
      readonly kind: 'change'
      readonly tool: TransferTool
      readonly operation: string
      readonly path: Uint8Array
      /** Of a rename or a link: the other name. */
      readonly to?: Uint8Array
    }
  | { readonly kind: 'verdict'; readonly verdict: Verdict; readonly asked: string }

/** Which bytes of a frame are a file's: they pass unmasked, counted and hashed. */
export interface Content {
  readonly transfer: number
  readonly start: number
  readonly end: number
}
