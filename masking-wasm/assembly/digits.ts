/**
 * The digits and letters of a match, whatever separates them, and the sums over them that several numbers share.
 */

/** Of the match: 0-9 for digits, 10-35 for letters. A checked match is at most 128 bytes. */
const values: usize = memory.data(128)
export let count: u32 = 0

export function read(from: usize, to: usize): void {
  count = 0
  for (let p = from; p < to; p++) {
    const byte: u32 = load<u8>(p)
    const letter = (byte | 0x20) - 97
    if (byte - 48 < 10) push(byte - 48)
    else if (letter < 26) push(letter + 10)
  }
}

/** A zero before the others. */
export function prepend(): void {
  for (let i = count; i > 0; i--) store<u8>(values + i, <u8>at(i - 1))
  store<u8>(values, 0)
  count++
}

// @ts-ignore: decorator
@inline
function push(value: u32): void {
  store<u8>(values + count, <u8>value)
  count++
}

// @ts-ignore: decorator
@inline
export function at(index: u32): u32 {
  return load<u8>(values + index)
}

/** The weighted sum of the first values, modulo `modulus`. */
export function remainder(weights: StaticArray<u8>, modulus: u32): u32 {
  let sum: u32 = 0
  for (let i = 0; i < weights.length; i++) sum += <u32>unchecked(weights[i]) * at(i)
  return sum % modulus
}

/** What is missing to a multiple of 11, where 11 stands for 0. */
export function negative(weights: StaticArray<u8>): u32 {
  const rest = remainder(weights, 11)
  return rest == 0 ? 0 : 11 - rest
}

/** Nine zeros satisfy every weighted sum. */
export function any(): bool {
  for (let i: u32 = 0; i < count; i++) if (at(i) != 0) return true
  return false
}

export function luhn(first: u32): bool {
  let sum: u32 = 0
  for (let i = first; i < count; i++) {
    const twice = ((count - i) & 1) == 0
    const digit = twice ? at(i) * 2 : at(i)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 == 0 && any()
}

/** ISO/IEC 7064, MOD 11,10. */
export function mod1110(): bool {
  let product: u32 = 10
  for (let i: u32 = 0; i < count - 1; i++) {
    let sum = (product + at(i)) % 10
    if (sum == 0) sum = 10
    product = (sum * 2) % 11
  }
  return (11 - product) % 10 == at(count - 1)
}

const verhoeff_product: StaticArray<u8> = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 0, 6, 7, 8, 9, 5, 2, 3, 4, 0, 1, 7, 8, 9, 5, 6, 3, 4, 0, 1, 2, 8, 9, 5, 6, 7, 4, 0, 1, 2, 3, 9, 5, 6, 7, 8,
  5, 9, 8, 7, 6, 0, 4, 3, 2, 1, 6, 5, 9, 8, 7, 1, 0, 4, 3, 2, 7, 6, 5, 9, 8, 2, 1, 0, 4, 3, 8, 7, 6, 5, 9, 3, 2, 1, 0, 4, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
]
const verhoeff_place: StaticArray<u8> = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 5, 7, 6, 2, 8, 3, 0, 9, 4, 5, 8, 0, 3, 7, 9, 6, 1, 4, 2, 8, 9, 1, 6, 0, 4, 3, 5, 2, 7,
  9, 4, 5, 3, 1, 2, 6, 8, 7, 0, 4, 2, 8, 6, 5, 7, 3, 9, 0, 1, 2, 7, 9, 3, 8, 0, 6, 4, 1, 5, 7, 0, 4, 6, 9, 1, 3, 2, 5, 8,
]

export function verhoeff(): bool {
  let product: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const placed: u32 = unchecked(verhoeff_place[(i & 7) * 10 + at(count - 1 - i)])
    product = unchecked(verhoeff_product[product * 10 + placed])
  }
  return product == 0
}
