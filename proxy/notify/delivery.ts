/**
 * Brings messages to a webhook, one after the other, again where that may help, and not for ever. Where it leads is
 * said by the configuration alone, and no answer leads it elsewhere.
 *
 * A message is signed as Standard Webhooks (standardwebhooks.com, 1.0.0) has it, where there is a secret.
 *
 * @module
 */
import { createHmac } from 'node:crypto'
import {
  answer_bytes_max,
  answer_ms,
  queue_max,
  retry_ms,
  retry_ms_max,
  tries_max,
} from './limits.ts'

export interface Webhook {
  /** For people: never its address, which may be its secret. */
  readonly name: string
  readonly url: string
  readonly secret: string | undefined
}

export interface DeliveryPorts {
  fetch(url: string, init: RequestInit): Promise<Response>
  now_ms(): number
  sleep(ms: number): Promise<void>
  /** It will not arrive; `why` repeats nothing of the message or the address. */
  lost(webhook: string, id: string, why: string): void
}

export interface Delivery {
  /**
   * @param id stays the same when it is sent again
   * @param isWanted asked before each try
   */
  send(id: string, body: string, isWanted: () => boolean): void
  stop(): void
}

interface Waiting {
  readonly id: string
  readonly body: string
  readonly isWanted: () => boolean
}

type Answer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly why: string }
  | Later
interface Later {
  readonly kind: 'later'
  readonly why: string
  readonly after_ms: number
}

export function createDelivery(webhook: Webhook, ports: DeliveryPorts): Delivery {
  const queue: Waiting[] = []
  let is_busy = false
  let is_stopped = false

  const run = async (): Promise<void> => {
    is_busy = true
    for (let next = queue.shift(); next !== undefined && !is_stopped; next = queue.shift())
      await deliver(next)
    is_busy = false
  }

  const deliver = async (message: Waiting): Promise<void> => {
    let pause_ms = retry_ms
    let why = ''
    for (let tried = 0; tried < tries_max && !is_stopped; tried++) {
      if (!message.isWanted()) return
      const answer = await attempt(message)
      if (answer.kind === 'taken') return
      why = answer.why
      if (answer.kind === 'refused') break
      await ports.sleep(Math.min(Math.max(pause_ms, answer.after_ms), retry_ms_max))
      pause_ms *= 2
    }
    if (!is_stopped) ports.lost(webhook.name, message.id, why)
  }

  const attempt = async ({ id, body }: Waiting): Promise<Answer> => {
    try {
      const response = await ports.fetch(webhook.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...signature(id, body) },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(answer_ms),
      })
      await drain(response)
      const { status } = response
      if (response.ok) return { kind: 'taken' }
      const why = `it answered ${status}`
      // RFC 6585, section 4; RFC 9110, section 10.2.3.
      if (status !== 408 && status !== 429 && status < 500) return { kind: 'refused', why }
      const after_s = Number(response.headers.get('retry-after') ?? 0)
      return { kind: 'later', why, after_ms: Number.isFinite(after_s) ? after_s * 1_000 : 0 }
    } catch {
      return { kind: 'later', why: 'it did not answer', after_ms: 0 }
    }
  }

  const signature = (id: string, body: string): Record<string, string> => {
    const timestamp = String(Math.floor(ports.now_ms() / 1_000))
    const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp }
    if (webhook.secret === undefined) return headers
    const mac = createHmac('sha256', keyOf(webhook.secret))
      .update(`${id}.${timestamp}.${body}`)
      .digest('base64')
    return { ...headers, 'webhook-signature': `v1,${mac}` }
  }

  return {
    send(id, body, isWanted) {
      if (queue.length >= queue_max) {
        ports.lost(webhook.name, id, 'too many messages wait for it')
        return
      }
      queue.push({ id, body, isWanted })
      if (!is_busy) void run()
    },
    stop() {
      is_stopped = true
      queue.length = 0
    },
  }
}

/** A secret with the prefix of the standard is base64; another is as it is. */
const keyOf = (secret: string): Uint8Array =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret)

/** What it says is nobody's business, but a connection is used again only when it has been read. */
async function drain(response: Response): Promise<void> {
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > answer_bytes_max) return
  }
}
