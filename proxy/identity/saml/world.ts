/**
 * For tests: a gateway's side of one SAML provider, with the provider that it knows, and one that only says that it is it.
 *
 * @module
 */
import { type About, type FakeIdp, makeIdp } from './fixture.ts'
import { createSamlProvider, type SamlProvider, type SamlSettings } from './provider.ts'
import { createRequestIds } from './request-id.ts'

const tmp = process.env['TMPDIR'] ?? '/tmp'
const entity_id = 'https://idp.example.com/metadata'
export const idp: FakeIdp = makeIdp(entity_id, tmp)
export const evil: FakeIdp = makeIdp(entity_id, tmp)
const origin = 'https://gateway.example.com'
export const acs: string = `${origin}/saml/corp/acs`
export const audience: string = `${origin}/saml/corp/metadata`

const request_ids = createRequestIds(() => Date.now() * 1000)
export const create = (changes: Partial<SamlSettings> = {}): SamlProvider =>
  createSamlProvider(
    {
      name: 'corp',
      idp: { ...idp, certificates: [idp.certificate] },
      groups_attribute: 'groups',
      page_session_s: 3600,
      subject_attribute: undefined,
      roles: { approver: ['leads'] },
      ...changes,
    },
    { origin: () => origin, now_us: () => Date.now() * 1000, request_ids },
  )
export const encode = (xml: string): string => Buffer.from(xml).toString('base64')
export const about = (provider: SamlProvider, changes: Partial<About> = {}): Promise<About> =>
  provider
    .request()
    .then(({ request_id }) => ({ request_id, acs, audience, now_ms: Date.now(), ...changes }))

/** `ok WHO`, or the word for why not, of a response that was changed after it was signed. */
export const outcome = async (
  change: (xml: string) => string,
  said: Partial<About> = {},
  settings: Partial<SamlSettings> = {},
): Promise<string> => {
  const provider = create(settings)
  const accepted = await provider.accept(encode(change(idp.respond(await about(provider, said)))))
  if (!accepted.ok && /\bann\b|_assertion|xmlns|https?:/.test(accepted.reason))
    throw new Error(`this repeats something of the response: ${accepted.reason}`)
  return accepted.ok ? `ok ${accepted.signed_in.identity.subject}` : accepted.code
}
export const asItIs = (xml: string): string => xml
/** An element with all that is in it. */
export const part = (xml: string, name: string): string =>
  new RegExp(`<(\\w+:)?${name}[ >][^]*</(\\w+:)?${name}>`).exec(xml)?.[0] ?? ''
