/**
 * IDs of authentication requests that say by themselves that this process made them, for whom and until when: who begins
 * sign-ins without an end takes no memory here. What was answered is remembered until it would have ended.
 *
 * @module
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { browser_login_s, saml_answered_max } from '../limits.ts'

export interface RequestIds {
  /** An NCName, as an ID has to be (SAML 2.0 Core, section 1.3.4). */
  make(provider: string): string
  /** When it was made, in UTC microseconds; nothing for an ID of somebody else's, for another provider, or too old. */
  made(id: string, provider: string): number | undefined
  /** Whether this is the first answer to it. An ID that was answered is not answered again. */
  answer(id: string): 'first' | 'again' | 'full'
}

const random_bytes = 15
const tag_bytes = 18

/** `now_us`: UTC in microseconds. */
export function createRequestIds(now_us: () => number): RequestIds {
  const key = randomBytes(32)
  /** By ID, until when. In the order of their answers. */
  const answered = new Map<string, number>()
  const tag = (text: string, provider: string): Buffer =>
    createHmac('sha256', key).update(`${provider}\n${text}`).digest().subarray(0, tag_bytes)
  return {
    make(provider) {
      const seconds = Math.floor(now_us() / 1e6).toString(36)
      const text = `_${seconds}.${randomBytes(random_bytes).toString('hex')}`
      return `${text}.${tag(text, provider).toString('hex')}`
    },
    made(id, provider) {
      const [, text = '', seconds = '', given = ''] =
        /^(_([0-9a-z]{1,10})\.[0-9a-f]{30})\.([0-9a-f]{36})$/.exec(id) ?? []
      if (text === '' || !timingSafeEqual(Buffer.from(given, 'hex'), tag(text, provider)))
        return undefined
      const made_us = Number.parseInt(seconds, 36) * 1e6
      return now_us() < made_us + browser_login_s * 1e6 ? made_us : undefined
    },
    answer(id) {
      const now = now_us()
      for (const [old, until_us] of answered) {
        if (until_us > now) break
        answered.delete(old)
      }
      if (answered.has(id)) return 'again'
      if (answered.size >= saml_answered_max) return 'full'
      answered.set(id, now + browser_login_s * 1e6)
      return 'first'
    },
  }
}
