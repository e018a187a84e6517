/**
 * New keys for long connections: the library answers a key exchange, and never starts one.
 *
 * @module
 */
import type { LibraryProtocol } from './library.ts'
import { rekey_bytes, rekey_check_ms, rekey_ms } from './limits.ts'
import type { Transport } from './transport.ts'

export interface RekeyLimits {
  readonly bytes: number
  readonly ms: number
  readonly check_ms: number
}

const defaults: RekeyLimits = { bytes: rekey_bytes, ms: rekey_ms, check_ms: rekey_check_ms }

/** Rekeys after a number of bytes or a time, until the socket closes. */
export function rekeyOften(
  protocol: LibraryProtocol,
  socket: Transport,
  limits: RekeyLimits = defaults,
): void {
  let bytes = bytesOf(socket)
  let waited_ms = 0
  const timer = setInterval(() => {
    waited_ms += limits.check_ms
    const now = bytesOf(socket)
    if (now - bytes < limits.bytes && waited_ms < limits.ms) return
    bytes = now
    waited_ms = 0
    protocol.rekey()
  }, limits.check_ms)
  timer.unref()
  socket.once('close', () => clearInterval(timer))
}

/** A stream inside the process has no counters: time alone rekeys it. */
function bytesOf(socket: Transport): number {
  const { bytesRead = 0, bytesWritten = 0 } = socket
  return bytesRead + bytesWritten
}
