/**
 * Bodies of made-up secrets for the examples. No token stands in these files as a whole, so a forge's
 * secret scanner has nothing to take for a live one.
 *
 * @module
 */

const letters = 'q7WmZ2xKfB9tLpRn4vYdHs6GcJa3TkEu8NbXoQ5iVwMz1FgPrSyDhC0jUeAlIO'

export function alnum(length: number): string {
  return letters.repeat(Math.ceil(length / letters.length)).slice(0, length)
}

export function hex(length: number): string {
  return '3f9a07c5e1d8b264'.repeat(Math.ceil(length / 16)).slice(0, length)
}

export function upper(length: number): string {
  return 'Q7WMZ2XKFB4TLPRN'.repeat(Math.ceil(length / 16)).slice(0, length)
}

export function digits(length: number): string {
  return '7302918465'.repeat(Math.ceil(length / 10)).slice(0, length)
}
