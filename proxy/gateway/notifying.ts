/**
 * Tells webhooks of requests, and opens a request for who comes by the link of a message.
 *
 * @module
 */
import type { ApiCaller, LinkOpened } from '../api/ports.ts'
import type { Config } from '../config.ts'
import type { ApprovalRequest, DeskChange } from '../core/approval.ts'
import { createClock } from '../core/clock.ts'
import { mayBeSame } from '../core/identity.ts'
import type { Log } from '../log.ts'
import { createDelivery } from '../notify/delivery.ts'
import { createLinks } from '../notify/link.ts'
import { endMessage, requestMessage } from '../notify/message.ts'
import type { RecorderClient } from '../recorder/client.ts'

export interface NotifyingOptions {
  readonly webhooks: Config['policy']['approvals']['webhooks']
  readonly public_url: string | undefined
  readonly recorder: Pick<RecorderClient, 'note'>
  /** All that wait. */
  requests(): Promise<readonly ApprovalRequest[]>
  readonly log: Log
}

export interface Notifying {
  changed(change: DeskChange): void
  open(link: string, caller: ApiCaller): Promise<LinkOpened>
  stop(): void
}

export function startNotifying(options: NotifyingOptions): Notifying {
  const { public_url, recorder, log } = options
  const { now_us } = createClock(Date.now, () => performance.now())
  const links = createLinks(now_us)
  /** What was told of, and is not over. */
  const told = new Set<string>()
  const deliveries = options.webhooks.map(({ name, url, secret }) =>
    createDelivery(
      { name, url: url.reveal(), secret: secret?.reveal() },
      {
        fetch,
        now_ms: Date.now,
        sleep: Bun.sleep,
        lost: (webhook, message, why) => log('error', 'webhook_failed', { webhook, message, why }),
      },
    ),
  )

  const requested = (request: ApprovalRequest): void => {
    if (public_url === undefined || told.has(request.id)) return
    told.add(request.id)
    for (const delivery of deliveries) {
      const link = links.mint(request.id, request.expires_us)
      const url = `${public_url}/approvals${link === undefined ? '' : `?link=${link}`}`
      delivery.send(`${request.id}.requested`, JSON.stringify(requestMessage(request, url)), () =>
        told.has(request.id),
      )
    }
  }

  const open = async (link: string, caller: ApiCaller): Promise<LinkOpened> => {
    const read = links.read(link)
    const request = read.ok
      ? (await options.requests()).find(({ id }) => id === read.request)
      : undefined
    const facts = {
      request: read.ok ? read.request : '',
      decision: 'open',
      subject: caller.subject,
      issuer: caller.issuer ?? '',
    }
    const refuse = async (reason: keyof typeof refusals): Promise<LinkOpened> => {
      await recorder.note('approval.refused', { ...facts, reason: `link_${reason}` })
      return { ok: false, ...refusals[reason] }
    }
    if (!read.ok) return refuse(read.reason)
    if (request === undefined) return refuse('over')
    if (mayBeSame(request.subject, caller.subject)) return refuse('own')
    if (!caller.roles.includes('approver')) return refuse('role')
    // Before anything is waited for: of two at once one is the first.
    if (!links.use(link)) return refuse('used')
    try {
      await recorder.note('approval.opened', { ...facts, digest: request.digest })
    } catch (error) {
      links.giveBack(link)
      throw error
    }
    return { ok: true, id: request.id }
  }

  return {
    changed(change) {
      if (deliveries.length === 0) return
      if (change.kind === 'waiting') requested(change.request)
      else if (told.delete(change.request.id)) {
        const { request, outcome } = change
        const body = JSON.stringify(endMessage(request, outcome))
        for (const delivery of deliveries) delivery.send(`${request.id}.ended`, body, () => true)
      }
    },
    open,
    stop() {
      for (const delivery of deliveries) delivery.stop()
    },
  }
}

const refusals = {
  forged: { status: 403, detail: 'this link is not one of this gateway, or of before its restart' },
  expired: { status: 410, detail: 'this link has expired, with its request' },
  used: {
    status: 410,
    detail: 'this link was used already, and is good for once; the list below has what waits',
  },
  over: { status: 410, detail: 'the request of this link waits no more' },
  own: { status: 403, detail: 'a request is decided by somebody else than who made it' },
  role: { status: 403, detail: 'this needs the role approver' },
} as const
