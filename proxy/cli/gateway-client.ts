/**
 * A gateway's API as a command line asks it for credentials. What it answers goes into files that ssh obeys, so nothing
 * of it is taken that is not of its form.
 *
 * @module
 */
import { VerbError } from './verb.ts'

export interface GatewayClient {
  /** RFC 8628: where to sign in, then the token of who did. */
  signIn(provider: string | undefined, show: (url: string, code: string) => void): Promise<string>
  /** RFC 8693: a password for databases. */
  /** `certificate`: what it is bound to, if anything. */
  databaseToken(
    token: string,
    certificate?: string,
  ): Promise<{ readonly token: string; readonly expires_s: number }>
  certify(
    token: string,
    public_key: string,
    lifetime_s: number | undefined,
  ): Promise<CertifiedAnswer>
}

export interface CertifiedAnswer {
  /** `ALGORITHM BASE64` */
  readonly certificate: string
  readonly serial: string
  readonly key_id: string
  readonly valid_before: string
  readonly gateway: string
  readonly port: number | undefined
  readonly host_keys: readonly string[]
  readonly host_authority: string
  readonly targets: readonly { readonly name: string; readonly accounts: readonly string[] }[]
}

/** A sign-in begins at the provider, and what is recorded waits for a disk. */
const answer_ms = 30_000
/** A thousand targets with their accounts. */
const answer_bytes_max = 4 * 1024 * 1024
const poll_s_max = 30
/** Answers that did not come while somebody signs in; each poll may be lost. */
const lost_polls_max = 5

const grant = 'urn:ietf:params:oauth:grant-type:'
type Json = Readonly<Record<string, unknown>>

/** Throws a {@link VerbError} for an address at which a token could be read by others. */
export function createGatewayClient(url: string): GatewayClient {
  const base = URL.parse(url)
  const is_loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(base?.hostname ?? '')
  if (base === null || !(base.protocol === 'https:' || (base.protocol === 'http:' && is_loopback)))
    throw new VerbError('--gateway: expected https://HOST, or http:// on loopback')

  const post = async (
    path: string,
    body: URLSearchParams | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly is_ok: boolean; readonly json: Json }> => {
    let reply: Response
    let text: string
    try {
      reply = await fetch(new URL(path, base), {
        ...{ method: 'POST', body, headers, redirect: 'manual' },
        signal: AbortSignal.timeout(answer_ms),
      })
      text = await textOfReply(reply)
    } catch (cause) {
      throw new VerbError(`${base.origin} does not answer`, { cause })
    }
    if (text.length >= answer_bytes_max) throw unexpected()
    const json: unknown = ((): unknown => {
      try {
        return JSON.parse(text)
      } catch {
        throw unexpected()
      }
    })()
    if (typeof json !== 'object' || json === null) throw unexpected()
    return { is_ok: reply.ok, json: json as Json }
  }
  const unexpected = (): VerbError =>
    new VerbError(`${base.origin} answers otherwise than a gateway: is this its API?`)
  const refused = (json: Json): VerbError => {
    const why = json['error_description'] ?? json['detail'] ?? json['error'] ?? json['title']
    return new VerbError(typeof why === 'string' ? visible(why) : unexpected().message)
  }
  const textOf = (json: Json, name: string, form: RegExp): string => {
    const value = json[name]
    if (typeof value !== 'string' || !form.test(value)) throw unexpected()
    return value
  }
  const listOf = <T>(value: unknown, read: (item: Json) => T): readonly T[] => {
    if (!Array.isArray(value)) throw unexpected()
    return value.map((item: unknown) => {
      if (typeof item !== 'object' || item === null) throw unexpected()
      return read(item as Json)
    })
  }
  const texts = (value: unknown, form: RegExp): readonly string[] => {
    if (!Array.isArray(value)) throw unexpected()
    return value.map((item: unknown) => textOf({ item }, 'item', form))
  }

  return {
    async signIn(provider, show) {
      const begun = await post(
        '/api/device_authorization',
        new URLSearchParams(provider === undefined ? {} : { client_id: provider }),
      )
      if (!begun.is_ok) throw refused(begun.json)
      const device_code = textOf(begun.json, 'device_code', is_token)
      const shown = URL.parse(textOf(begun.json, 'verification_uri', /^https?:\/\/[!-~]{1,2048}$/))
      if (shown === null) throw unexpected()
      show(shown.href, textOf(begun.json, 'user_code', /^[!-~]+( [!-~]+)*$/))
      const { interval, expires_in } = begun.json
      let wait_s = typeof interval === 'number' ? Math.min(Math.max(interval, 1), poll_s_max) : 5
      const until_ms =
        performance.now() + 1000 * (typeof expires_in === 'number' ? expires_in : 300)
      const form = { grant_type: `${grant}device_code`, device_code }
      for (let lost = 0; performance.now() < until_ms; ) {
        await Bun.sleep(wait_s * 1000)
        const polled = await post('/api/token', new URLSearchParams(form)).catch((error) => {
          lost += 1
          if (lost >= lost_polls_max) throw error
          return undefined
        })
        if (polled === undefined) continue
        if (polled.is_ok) return textOf(polled.json, 'access_token', is_token)
        const { error } = polled.json
        // RFC 8628, section 3.5.
        if (error === 'slow_down') wait_s = Math.min(wait_s + 5, poll_s_max)
        else if (error !== 'authorization_pending') throw refused(polled.json)
      }
      throw new VerbError('nobody signed in, in time')
    },
    async databaseToken(token, certificate) {
      const { is_ok, json } = await post(
        '/api/token',
        new URLSearchParams({
          grant_type: `${grant}token-exchange`,
          audience: 'sluice-database',
          subject_token: token,
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          ...(certificate === undefined ? {} : { certificate }),
        }),
      )
      if (!is_ok) throw refused(json)
      const { expires_in } = json
      if (typeof expires_in !== 'number') throw unexpected()
      return { token: textOf(json, 'access_token', is_token), expires_s: expires_in }
    },
    async certify(token, public_key, lifetime_s) {
      const { is_ok, json } = await post(
        '/api/certificates',
        JSON.stringify({ public_key, ...(lifetime_s === undefined ? {} : { lifetime_s }) }),
        { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      )
      if (!is_ok) throw refused(json)
      const { ssh } = json
      if (typeof ssh !== 'object' || ssh === null) throw unexpected()
      const { port, host_keys, targets } = ssh as Json
      return {
        certificate: textOf(json, 'certificate', is_key),
        serial: textOf(json, 'serial', /^\d{1,20}$/),
        key_id: textOf(json, 'key_id', /^[^\s\p{C}]{1,255}$/u),
        valid_before: textOf(json, 'valid_before', /^[0-9TZ:.-]{10,40}$/),
        gateway: textOf(ssh as Json, 'gateway', is_name),
        port: typeof port === 'number' ? port : undefined,
        host_keys: texts(host_keys, is_key),
        host_authority: textOf(ssh as Json, 'host_authority', is_key),
        targets: listOf(targets, (item) => ({
          name: textOf(item, 'name', is_name),
          accounts: texts(item['accounts'], /^[A-Za-z0-9_][A-Za-z0-9._@+$-]{0,63}$/),
        })),
      }
    },
  }
}

/** No more than an answer of a gateway has. */
async function textOfReply(reply: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of reply.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length >= answer_bytes_max) break
  }
  return text
}

/** No pattern of ssh_config, and no second word. */
const is_name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const is_key = /^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,32768}={0,2}$/
const is_token = /^[A-Za-z0-9._~+/=-]{16,32768}$/

const visible = (text: string): string => text.replace(/\p{C}/gu, '?').slice(0, 500)
