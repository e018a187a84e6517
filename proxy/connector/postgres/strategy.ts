/**
 * Values of protected columns that show something all the same: some characters at their ends, or whether two are equal.
 *
 * @module
 */
import { createHmac } from 'node:crypto'
import type { Field } from '../../core/connector.ts'

/** What a value becomes: masks over parts of it, other bytes in its place, or NULL. */
export type Shown =
  | { readonly kind: 'fields'; readonly fields: readonly Field[] }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'null' }

export type ShowingStrategy =
  | { readonly kind: 'partial'; readonly first: number; readonly last: number }
  | { readonly kind: 'hash' }

/** Of a digest: enough that no two values of a session look equal by chance. */
const digest_digits = 16

/** Equal values are equal, in whatever column; nobody without the key can try any. `key`: of one session. */
export function digestOf(value: Uint8Array, key: Uint8Array): Uint8Array {
  const hmac = createHmac('sha256', key).update('sluice-column-v1\0').update(value)
  return new TextEncoder().encode(`hash:${hmac.digest('hex').slice(0, digest_digits)}`)
}

/** The masks over the text from `start` to `end`; what is left of it is looked through as any text is. */
export function partFields(
  bytes: Uint8Array,
  { start, end }: Pick<Field, 'start' | 'end'>,
  { first, last }: { readonly first: number; readonly last: number },
  rule: string,
): readonly Field[] {
  let characters = 0
  for (let at = start; at < end; at++) if (begins(bytes[at])) characters += 1
  if (2 * (first + last) > characters) return [{ start, end, rule }]
  const from = after(bytes, start, first)
  const to = after(bytes, from, characters - first - last)
  const ends = [
    { start, end: from },
    { start: to, end },
  ]
  return [{ start: from, end: to, rule }, ...ends]
    .filter((field) => field.end > field.start)
    .toSorted((one, other) => one.start - other.start)
}

/** Whether a character of UTF-8 begins with it. */
const begins = (byte = 0): boolean => (byte & 0xc0) !== 0x80

/** Where the text goes on behind so many characters from `at` on. */
function after(bytes: Uint8Array, at: number, characters: number): number {
  let left = characters
  let place = at
  for (; left > 0; left--) {
    place += 1
    while (place < bytes.length && !begins(bytes[place])) place += 1
  }
  return place
}

/** How one text is shown. `bytes` from `start` to `end`. */
export function showText(
  bytes: Uint8Array,
  start: number,
  end: number,
  strategy: ShowingStrategy,
  rule: string,
  key: Uint8Array,
): Shown {
  if (strategy.kind === 'hash')
    return { kind: 'bytes', bytes: digestOf(bytes.subarray(start, end), key) }
  return { kind: 'fields', fields: partFields(bytes, { start, end }, strategy, rule) }
}
