/**
 * The trust file that `--trust` names.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { trust_bytes_max } from '../../storage/evidence/limits.ts'
import { parseAuthority } from '../../storage/evidence/timestamp.ts'
import { parseTrust, type Trust } from '../../storage/evidence/trust.ts'
import { type Call, VerbError } from './verb.ts'

/** Undefined without one. Throws a {@link VerbError} that says in one line what is wrong with it. */
export function readTrust(call: Call): Trust | undefined {
  const file = call.text('trust')
  if (file === undefined) return undefined
  if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
  if (statSync(file).size > trust_bytes_max)
    throw new VerbError(`${file}: too large for a trust file`)
  const parsed = parseTrust(readFileSync(file))
  if (!parsed.ok) throw new VerbError(`${file}: ${parsed.reason}`)
  const wrong = parsed.trust.authorities.findIndex((each) => parseAuthority(each) === undefined)
  if (wrong >= 0) throw new VerbError(`${file}: authorities[${wrong}]: not a certificate`)
  return parsed.trust
}
