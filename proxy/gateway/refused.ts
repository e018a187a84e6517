/**
 * Credentials that were refused: each is told to the operator, and recorded in the gateway's log as evidence, up to a
 * rate: anybody may show bad ones, and the log stays for ever.
 *
 * @module
 */
import { fingerprint } from '../core/fingerprint.ts'
import type { Claim } from '../core/identity.ts'
import type { Log } from '../log.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { refusals_recorded_max, refusals_window_ms } from './limits.ts'

export interface Refused {
  /** Which of them: `identity.certificate.expired`. */
  readonly rule: string
  readonly protocol: 'ssh' | 'postgres' | 'api'
  /** `IP:PORT` of the client, where it is known. */
  readonly source?: string
  /** Of a certificate, by which its owner finds it. */
  readonly key?: string
  readonly serial?: string
  readonly authority?: string
}

export interface RefusedPorts {
  readonly recorder: Pick<RecorderClient, 'note'>
  readonly log: Log
  readonly monotonic_ms: () => number
}

/** Never throws: what is refused stays refused, recorded or not. */
export function createRefused(ports: RefusedPorts): (refused: Refused) => void {
  let began_ms = Number.NEGATIVE_INFINITY
  let recorded = 0
  let unrecorded = 0
  return (refused) => {
    ports.log('warn', 'identity_refused', { ...refused })
    const now_ms = ports.monotonic_ms()
    if (now_ms - began_ms >= refusals_window_ms) {
      began_ms = now_ms
      recorded = 0
    }
    if (recorded >= refusals_recorded_max) {
      unrecorded += 1
      return
    }
    recorded += 1
    const before = unrecorded === 0 ? {} : { unrecorded }
    unrecorded = 0
    // A recorder that fails ends sessions, and says so itself.
    ports.recorder.note('identity.refused', { ...refused, ...before }).catch(() => {})
  }
}

/** Names by which a certificate is found again, and none that whoever made it up could choose. */
export function refusedClaim(
  claim: Claim,
): Pick<Refused, 'source' | 'key' | 'serial' | 'authority'> {
  if (claim.kind !== 'certificate') return {}
  const { certificate, source } = claim
  return {
    source,
    key: fingerprint(certificate.key),
    serial: certificate.serial.toString(),
    authority: fingerprint(certificate.authority),
  }
}
