/**
 * The webhooks that are told of requests. Where they lead is said here and nowhere else.
 *
 * @module
 */
import { isLoopback } from './address.ts'
import { expand, namedLine, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { Webhook } from './model.ts'
import type { WebhookFile } from './schema.ts'
import { Secret } from './secret.ts'

export function webhooks(
  given: readonly WebhookFile[] | undefined,
  public_url: string | undefined,
  around: Surroundings,
): readonly Webhook[] {
  const { findings } = around
  const listed = given ?? []
  const names = new Set<string>()
  if (listed.length > 0 && public_url === undefined)
    findings.error(
      ['policy', 'approvals', 'webhooks'],
      'needs gateway.public_url: the link in a message leads there',
    )
  return listed.flatMap((webhook, index) => {
    const at: Path = ['policy', 'approvals', 'webhooks', index]
    const { name, url: shown } = webhook
    if (names.has(name)) findings.error([...at, 'name'], 'another webhook has this name')
    names.add(name)
    const is_plain = shown !== undefined && webhook.url_file === undefined
    const url = is_plain
      ? new Secret(expand(shown, [...at, 'url'], around))
      : namedLine('url', { ...webhook }, at, around)
    const has_secret = webhook.secret !== undefined || webhook.secret_file !== undefined
    const secret = has_secret ? namedLine('secret', { ...webhook }, at, around) : undefined
    if (url === undefined) return []
    const url_at: Path = [...at, is_plain ? 'url' : 'url_file']
    const refusal = refusalOf(url.reveal())
    if (refusal !== undefined) findings.error(url_at, refusal)
    return [{ name, url, secret }]
  })
}

/** What is sent says who does what where: nobody on the way may read it. */
function refusalOf(text: string): string | undefined {
  const url = URL.parse(text)
  const is_loopback = url !== null && isLoopback(url.hostname.replace(/^\[|\]$/g, ''))
  if (url === null || (url.protocol !== 'https:' && !(url.protocol === 'http:' && is_loopback)))
    return 'expected an address with https://; http:// is possible on loopback only'
  return url.username === '' && url.password === '' && url.hash === ''
    ? undefined
    : 'expected no user and no fragment in the address'
}
