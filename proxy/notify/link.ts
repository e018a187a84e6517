/**
 * The links in messages: signed, for one request, to be used once. A link opens a request for somebody who is signed
 * in; it decides nothing, and following it with GET changes nothing, as programs that scan messages do that too.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { links_max } from './limits.ts'

export interface Links {
  /** Undefined when too many are about. `expires_us`: UTC. */
  mint(request: string, expires_us: number): string | undefined
  /** What a link is for, without using it up. */
  read(link: string): LinkRead
  /** Whether it was still to be used; it is not any more. */
  use(link: string): boolean
  /** It was not used after all. */
  giveBack(link: string): void
}

export type LinkRead =
  | { readonly ok: true; readonly request: string }
  | { readonly ok: false; readonly reason: LinkRefusal }

export type LinkRefusal = 'forged' | 'expired' | 'used'

const link_form = /^([0-9a-z]{1,32})\.([0-9]{1,16})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/

/** Of this process alone: requests do not outlive it either. */
export function createLinks(now_us: () => number): Links {
  const key = crypto.getRandomValues(new Uint8Array(32))
  /** Those about that were not used, by their random part, and when they end. */
  const open = new Map<string, number>()

  const macOf = (request: string, expires_us: number, random: string): Buffer =>
    createHmac('sha256', key).update(`sluice-link-v1 ${request} ${expires_us} ${random}`).digest()

  /** Undefined where this process did not make it. */
  const parse = (
    link: string,
  ): { request: string; expires_us: number; random: string } | undefined => {
    const [, request = '', expires = '', random = '', mac = ''] = link_form.exec(link) ?? []
    const expires_us = Number(expires)
    // As text: there are other texts of the same bytes, and of the same number, and a link is one alone.
    const known = Buffer.from(macOf(request, expires_us, random).toString('base64url'))
    const given = Buffer.from(mac)
    const is_ours =
      String(expires_us) === expires &&
      given.length === known.length &&
      timingSafeEqual(given, known)
    return is_ours ? { request, expires_us, random } : undefined
  }

  return {
    mint(request, expires_us) {
      if (open.size >= links_max)
        for (const [random, ends_us] of open) if (ends_us <= now_us()) open.delete(random)
      if (open.size >= links_max) return undefined
      const random = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url')
      open.set(random, expires_us)
      const mac = macOf(request, expires_us, random).toString('base64url')
      return `${request}.${expires_us}.${random}.${mac}`
    },
    read(link) {
      const parsed = parse(link)
      if (parsed === undefined) return { ok: false, reason: 'forged' }
      const { request, expires_us, random } = parsed
      if (expires_us <= now_us()) return { ok: false, reason: 'expired' }
      return open.has(random) ? { ok: true, request } : { ok: false, reason: 'used' }
    },
    use(link) {
      const parsed = parse(link)
      return parsed !== undefined && open.delete(parsed.random)
    },
    giveBack(link) {
      const parsed = parse(link)
      if (parsed !== undefined) open.set(parsed.random, parsed.expires_us)
    },
  }
}
