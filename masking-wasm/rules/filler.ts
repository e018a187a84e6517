/**
 * Bodies of made-up secrets for the examples. No token stands in these files as a whole, so a forge's
 * secret scanner has nothing to take for a live one.
 *
 * @module
 */

const letters = 'q7WmZ2xKfB9tLpRn4vYdHs6GcJa3TkEu8NbXoQ5iVwMz1FgPrSyDhC0jUeAlIO'

const cycle = (alphabet: string, length: number): string =>
  alphabet.repeat(Math.ceil(length / alphabet.length)).slice(0, length)

export const alnum = (length: number): string => cycle(letters, length)
export const alpha = (length: number): string => cycle('qWmZxKfBtLpRnvYdHsGcJaTkEuNb', length)
export const base58 = (length: number): string => cycle('q7WmZ2xKfB9tLpRn4vYdHs6GcJa3TkEu8', length)
export const bech32 = (length: number): string => cycle('qpzry9x8gf2tvdw0s3jn54khce6mua7l', length)
export const digits = (length: number): string => cycle('7302918465', length)
export const hex = (length: number): string => cycle('3f9a07c5e1d8b264', length)
export const upper = (length: number): string => cycle('Q7WMZ2XKFB4TLPRN', length)

export const uuid: string = [hex(8), hex(4), '4a07', '9e1d', hex(12)].join('-')
