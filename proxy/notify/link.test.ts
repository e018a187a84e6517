/** Links in messages: of this process, for one request, once. */
import { describe, expect, test } from 'bun:test'
import { links_max } from './limits.ts'
import { createLinks } from './link.ts'

const made = (): { links: ReturnType<typeof createLinks>; pass: (us: number) => void } => {
  let now_us = 1_000
  return { links: createLinks(() => now_us), pass: (us) => void (now_us += us) }
}

describe('a link', () => {
  test('is for its request, as often as it is read, and used once', () => {
    const { links } = made()
    const link = links.mint('abc', 5_000) ?? ''
    expect(link).toMatch(/^[A-Za-z0-9._-]+$/)
    for (let read = 0; read < 3; read++)
      expect(links.read(link)).toEqual({ ok: true, request: 'abc' })
    expect([links.use(link), links.use(link)]).toEqual([true, false])
    expect(links.read(link)).toEqual({ ok: false, reason: 'used' })
    links.giveBack(link)
    expect(links.use(link)).toBe(true)
  })
  test('expires', () => {
    const { links, pass } = made()
    const link = links.mint('abc', 5_000) ?? ''
    pass(4_000)
    expect(links.read(link)).toEqual({ ok: false, reason: 'expired' })
  })
  test('is refused with any part of it changed, and by another process', () => {
    const { links } = made()
    const link = links.mint('abc', 5_000) ?? ''
    const parts = link.split('.')
    const others = parts.map((part, at) => {
      const last = part.slice(0, -1)
      const other = ['x', '1', 'A', 'A'][at] ?? ''
      const changed = part.endsWith(other) ? `${last}${at === 1 ? '2' : 'B'}` : `${last}${other}`
      return parts.with(at, changed).join('.')
    })
    // The last character of 32 bytes has two bits that nobody reads.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const next = alphabet[alphabet.indexOf(link.at(-1) ?? '') + 1] ?? ''
    others.push(`${link.slice(0, -1)}${next}`, link.replace('.5000.', '.05000.'))
    for (const other of [...others, '', `${link}.`, link.toUpperCase(), 'a'.repeat(300)]) {
      expect([other, links.read(other)]).toEqual([other, { ok: false, reason: 'forged' }])
      expect(links.use(other)).toBe(false)
    }
    expect(made().links.read(link)).toEqual({ ok: false, reason: 'forged' })
    expect(links.use(link)).toBe(true)
  })
  test('is not made where too many are about, until some are over', () => {
    const { links, pass } = made()
    for (let n = 0; n < links_max; n++) links.mint('abc', 5_000)
    expect(links.mint('abc', 9_000)).toBeUndefined()
    pass(4_000)
    expect(links.mint('abc', 9_000)).toBeString()
  })
})
