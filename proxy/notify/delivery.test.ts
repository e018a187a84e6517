/** Messages on their way: in order, again where that may help, and not for ever. */
import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { createDelivery, type DeliveryPorts } from './delivery.ts'
import { queue_max, tries_max } from './limits.ts'

type Reply = () => Response | Promise<Response>
const ok: Reply = () => new Response('ok')
const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  () =>
    new Response('', { status: code, headers })

function play(...replies: readonly Reply[]) {
  const asked: { url: string; init: RequestInit }[] = []
  const pauses: number[] = []
  const lost: string[] = []
  const { promise: quiet, resolve } = Promise.withResolvers<void>()
  const ports: DeliveryPorts = {
    async fetch(url, init) {
      asked.push({ url, init })
      if (asked.length === replies.length) setTimeout(resolve, 5)
      return (replies[asked.length - 1] ?? ok)()
    },
    now_ms: () => 1_700_000_000_000,
    sleep: async (ms) => void pauses.push(ms),
    lost: (webhook, id, why) => lost.push(`${webhook} ${id} ${why}`),
  }
  const webhook = { name: 'chat', url: 'https://hook.example.com/T/B', secret: 's3cret' }
  return { delivery: createDelivery(webhook, ports), asked, pauses, lost, quiet }
}
const wanted = (): boolean => true

describe('a message', () => {
  test('is sent again after failures, later each time, and then the next one', async () => {
    const down: Reply = () => Promise.reject(new Error('connection refused'))
    const late = status(429, { 'retry-after': '30' })
    const { delivery, asked, pauses, lost, quiet } = play(down, status(503), late, ok, ok)
    delivery.send('a', '{"a":1}', wanted)
    delivery.send('b', '{"b":1}', wanted)
    await quiet
    const ids = asked.map(({ init }) => new Headers(init.headers).get('webhook-id'))
    expect(ids).toEqual(['a', 'a', 'a', 'a', 'b'])
    expect(pauses).toEqual([1_000, 2_000, 30_000])
    expect(lost).toEqual([])
  })
  test('is signed as Standard Webhooks has it', async () => {
    const { delivery, asked, quiet } = play(ok)
    delivery.send('a', '{"a":1}', wanted)
    await quiet
    const headers = new Headers(asked[0]?.init.headers)
    const mac = createHmac('sha256', 's3cret').update('a.1700000000.{"a":1}').digest('base64')
    expect(headers.get('webhook-timestamp')).toBe('1700000000')
    expect(headers.get('webhook-signature')).toBe(`v1,${mac}`)
  })
  test('that is refused, or led elsewhere, is not sent again', async () => {
    for (const code of [400, 404, 302, 307]) {
      const { delivery, asked, lost, quiet } = play(
        status(code, { location: 'http://169.254.169.254/' }),
      )
      delivery.send('a', '{}', wanted)
      await quiet
      expect([asked.length, lost]).toEqual([1, [`chat a it answered ${code}`]])
      expect(asked[0]?.init.redirect).toBe('manual')
    }
  })
  test('is given up in the end', async () => {
    const { delivery, asked, pauses, lost, quiet } = play(
      ...Array.from({ length: tries_max }, () => status(500)),
    )
    delivery.send('a', '{}', wanted)
    await quiet
    expect([asked.length, lost]).toEqual([tries_max, ['chat a it answered 500']])
    expect(Math.max(...pauses)).toBe(60_000)
  })
  test('of a request that is over is not sent', async () => {
    const { delivery, asked, quiet } = play(ok)
    delivery.send('a', '{}', () => false)
    delivery.send('b', '{}', wanted)
    await quiet
    expect(asked.map(({ init }) => new Headers(init.headers).get('webhook-id'))).toEqual(['b'])
  })
  test('that is one too many is lost at once, and said so', () => {
    const { delivery, lost } = play(() => new Promise(() => {}))
    for (let n = 0; n < queue_max + 2; n++) delivery.send(String(n), '{}', wanted)
    expect(lost).toEqual([`chat ${queue_max + 1} too many messages wait for it`])
    delivery.stop()
  })
})
