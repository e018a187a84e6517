/**
 * SSH frames its channels itself: what arrives is a run of bytes of one stream, or an event. Inside of a channel
 * that policy knows as a transfer the wire of that transfer is read.
 *
 * @module
 */
import type { Codec, Decoded, Direction, Wire } from '../../core/connector.ts'
import type { Grant } from '../../core/verdict.ts'
import { rsyncCodecs } from './transfer/rsync.ts'
import { scpCodecs } from './transfer/scp.ts'
import { sftpCodecs } from './transfer/sftp.ts'

const nothing: Decoded = { ok: true, frames: [] }

/** Stateless, therefore shared. */
const identity: Codec = {
  decode: (wire: Wire): Decoded => ({ ok: true, frames: [wire] }),
  encode: (wire: Wire): Wire => wire,
  flush: (): Decoded => nothing,
}

export const codecs: Readonly<Record<Direction, Codec>> = {
  to_target: identity,
  to_client: identity,
}

export function codecsFor({ transfer }: Grant): Readonly<Record<Direction, Codec>> {
  switch (transfer?.tool) {
    case 'sftp':
      return sftpCodecs(transfer)
    case 'scp':
      return scpCodecs(transfer)
    case 'rsync':
      return rsyncCodecs(transfer)
    case undefined:
      return codecs
  }
}
