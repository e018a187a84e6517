/**
 * Whom an envelope says it is sealed to: public, and read without any key.
 *
 * @module
 */
import { isObject, parseObject } from './bytes.ts'
import { auditors_max, envelope_bytes_max } from './limits.ts'

/** The thumbprints that an envelope names as its readers; undefined when it is not one. Public. */
export function envelopeRecipients(sealed: Uint8Array): readonly string[] | undefined {
  const jwe = sealed.length > envelope_bytes_max ? undefined : parseObject(sealed)
  const recipients = jwe?.['recipients']
  if (!Array.isArray(recipients) || recipients.length > auditors_max) return undefined
  const kids: string[] = []
  for (const recipient of recipients as unknown[]) {
    const header = isObject(recipient) ? recipient['header'] : undefined
    const kid = isObject(header) ? header['kid'] : undefined
    if (typeof kid !== 'string') return undefined
    kids.push(kid)
  }
  return kids
}
