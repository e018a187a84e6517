/**
 * What becomes of a value that is masked for where it stands, a column or a member, whatever it looks like.
 *
 * @module
 */
import { createHmac } from 'node:crypto'

export type Strategy =
  /** A star for each character. */
  | { readonly kind: 'mask' }
  /** The same, but for so many characters at either end. Never more than half of them are shown. */
  | { readonly kind: 'partial'; readonly first: number; readonly last: number }
  /** A keyed digest: equal values look equal under one key, and nobody without it can try values. */
  | { readonly kind: 'hash' }
  /** No value. */
  | { readonly kind: 'null' }

/** Of a digest: enough that no two values of a session look equal by chance (2^32 of them: one in two). */
const digest_digits = 16
const shown_max = 64

/** `mask`, `partial(FIRST,LAST)`, `hash` or `null`. */
export function parseStrategy(text: string): Strategy | undefined {
  if (text === 'mask' || text === 'hash' || text === 'null') return { kind: text }
  const parts = /^partial\((\d{1,2}),\s*(\d{1,2})\)$/.exec(text)
  if (parts === null) return undefined
  const [first, last] = [Number(parts[1]), Number(parts[2])]
  return first <= shown_max && last <= shown_max ? { kind: 'partial', first, last } : undefined
}

/**
 * `value` as it is shown; nothing when there is none. `key`: 32 bytes, random, of one session. `hides`: characters that
 * are not shown whatever the strategy says, by index.
 */
export function applyStrategy(
  strategy: Strategy,
  value: string,
  key: Uint8Array,
  hides: (index: number) => boolean,
): string | undefined {
  switch (strategy.kind) {
    case 'null':
      return undefined
    case 'hash':
      return `hash:${digestOf(value, key)}`
    case 'mask':
      return '*'.repeat([...value].length)
    case 'partial': {
      const characters = [...value]
      const { first, last } = strategy
      const end = characters.length - last
      if (2 * (first + last) > characters.length) return '*'.repeat(characters.length)
      return characters
        .map((character, at) => ((at < first || at >= end) && !hides(at) ? character : '*'))
        .join('')
    }
  }
}

function digestOf(value: string, key: Uint8Array): string {
  const hmac = createHmac('sha256', key).update('sluice-field-v1\0').update(value)
  return hmac.digest('hex').slice(0, digest_digits)
}
