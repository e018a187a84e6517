/** Tests over the bytes of a match that no automaton can make. The numbers are `compile/compile.ts`'s. */

import { identified } from './identity'
import { take } from './memory'

const luhn: u32 = 1
const mod97: u32 = 2
const npi: u32 = 3
const dea: u32 = 4

export function passes(check: u32, from: usize, to: usize): bool {
  switch (check) {
    case luhn:
      return card(from, to)
    case mod97:
      return iban(from, to)
    case npi:
      // 80840 is the issuer prefix that a provider number is checked with; it adds 24.
      return luhnSum(from, to, 24) % 10 == 0
    case dea:
      return registration(from, to)
    case 0:
      return true
    default:
      return identified(check, from, to)
  }
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 48 < 10
}

const card_digits_min: usize = 13

/** Cards are printed in groups of four to six; less would make cards of all tables of small numbers. */
const group_digits_min: u32 = 3

/** Issuers' ranges with their lengths, then Luhn (ISO/IEC 7812-1, annex B). */
function card(from: usize, to: usize): bool {
  const bytes = to - from
  if (bytes >= card_digits_min && bytes <= 16) {
    // There is room before the window. What stands before the number counts as zeros.
    const inside = i8x16.ge_s(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>(16 - bytes)))
    const values = v128.and(i8x16.sub(v128.load(to - 16), i8x16.splat(48)), inside)
    if (areDigits(values)) return issued(headOf(from), <u32>bytes) && isLuhn(values)
  } else if (bytes == 19 && !isDigit(load<u8>(from, 4)) && !isDigit(load<u8>(from, 9)) && !isDigit(load<u8>(from, 14))) {
    const groups = v128.shuffle<u8>(v128.load(from), v128.load(from, 3), 0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 28, 29, 30, 31)
    const values = i8x16.sub(groups, i8x16.splat(48))
    if (areDigits(values)) return issued(headOf(from), 16) && isLuhn(values)
  }
  return cardInGroups(from, to)
}

// @ts-ignore: decorator
@inline
function areDigits(values: v128): bool {
  return !v128.any_true(i8x16.gt_u(values, i8x16.splat(9)))
}

/** Of sixteen digits, the last of which is not doubled. */
// @ts-ignore: decorator
@inline
function isLuhn(values: v128): bool {
  const twice = i8x16.sub(i8x16.add(values, values), v128.and(i8x16.gt_u(values, i8x16.splat(4)), i8x16.splat(9)))
  const pairs = i16x8.extadd_pairwise_i8x16_u(v128.bitselect(twice, values, i16x8.splat(0xff)))
  const fours = i32x4.extadd_pairwise_i16x8_u(pairs)
  const eights = i32x4.add(fours, v128.shuffle<i64>(fours, fours, 1, 0))
  return <u32>(i32x4.extract_lane(eights, 0) + i32x4.extract_lane(eights, 1)) % 10 == 0
}

/** The first four digits. */
// @ts-ignore: decorator
@inline
function headOf(from: usize): u32 {
  const first: u32 = load<u8>(from)
  const second: u32 = load<u8>(from, 1)
  const third: u32 = load<u8>(from, 2)
  return first * 1000 + second * 100 + third * 10 + <u32>load<u8>(from, 3) - 48 * 1111
}

/** The same for all ways in which they are printed. */
function cardInGroups(from: usize, to: usize): bool {
  let head: u32 = 0
  let count: u32 = 0
  let group: u32 = 0
  // Luhn's sum with each first of two digits doubled, and with each second: the last one is not.
  let first_doubled: u32 = 0
  let second_doubled: u32 = 0
  for (let p = from; p < to; p++) {
    const byte: u32 = load<u8>(p)
    if (!isDigit(byte)) {
      // The last group may be short: thirteen digits are 4-4-4-1.
      if (group < group_digits_min) return false
      group = 0
      continue
    }
    group++
    const digit = byte - 48
    const doubled = digit * 2 - 9 * <u32>(digit > 4)
    if (count < 4) head = head * 10 + digit
    if ((count & 1) == 0) {
      first_doubled += doubled
      second_doubled += digit
    } else {
      first_doubled += digit
      second_doubled += doubled
    }
    count++
  }
  if (count < <u32>card_digits_min || count > 19 || !issued(head, count)) return false
  return ((count & 1) == 0 ? first_doubled : second_doubled) % 10 == 0
}

/** `head` is the first four digits. */
function issued(head: u32, count: u32): bool {
  const two = head / 100
  if (head / 1000 == 4) return count == 13 || count == 16 || count == 19 // Visa
  if (two == 34 || two == 37) return count == 15 // American Express
  if ((two >= 51 && two <= 55) || (head >= 2221 && head <= 2720)) return count == 16 // Mastercard
  if (head >= 3528 && head <= 3589) return count >= 16 // JCB
  if (head / 10 >= 300 && head / 10 <= 305) return count >= 14 // Diners Club
  if (two == 36 || two == 38 || two == 39) return count >= 14 // Diners Club
  if (head == 6011 || two == 65 || (head / 10 >= 644 && head / 10 <= 649)) return count >= 16 // Discover
  if (two == 62) return count >= 16 // UnionPay
  return two == 50 || (two >= 56 && two <= 69) // Maestro, 13 to 19
}

function luhnSum(from: usize, to: usize, initial: u32): u32 {
  let sum = initial
  let twice = false
  for (let p = to; p > from; p--) {
    const byte: u32 = load<u8>(p - 1)
    if (!isDigit(byte)) continue
    let digit = byte - 48
    if (twice) {
      digit *= 2
      if (digit > 9) digit -= 9
    }
    sum += digit
    twice = !twice
  }
  return sum
}

/** Country's length, then mod 97 over the rearranged number (ISO 13616, ISO 7064). */
function iban(from: usize, to: usize): bool {
  // Most candidates are of no country, or of another length, and must not cost much.
  const length = <usize>load<u8>(ibans + countryIndex(load<u8>(from), load<u8>(from, 1)))
  if (to - from < length || to - from > length + (length >>> 2)) return false
  let count: usize = 0
  for (let p = from; p < to; p++) if (load<u8>(p) != 32) count++
  if (count != length) return false
  let rest: u32 = 0
  for (let p = from + 4; p < to; p++) rest = fold(rest, load<u8>(p))
  for (let p = from; p < from + 4; p++) rest = fold(rest, load<u8>(p))
  return rest == 1
}

function fold(rest: u32, byte: u32): u32 {
  if (byte == 32) return rest
  return isDigit(byte) ? (rest * 10 + (byte - 48)) % 97 : (rest * 100 + (byte - 55)) % 97
}

/** Country, then length, from the SWIFT IBAN registry. */
const iban_lengths: StaticArray<u8> = [
  65, 68, 24, 65, 69, 23, 65, 76, 28, 65, 84, 20, 65, 90, 28, 66, 65, 20, 66, 69, 16, 66, 71, 22, // AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22
  66, 72, 22, 66, 73, 27, 66, 82, 29, 66, 89, 28, 67, 72, 21, 67, 82, 22, 67, 89, 28, 67, 90, 24, // BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24
  68, 69, 22, 68, 74, 27, 68, 75, 18, 68, 79, 28, 69, 69, 20, 69, 71, 29, 69, 83, 24, 70, 73, 18, // DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18
  70, 75, 18, 70, 79, 18, 70, 82, 27, 71, 66, 22, 71, 69, 22, 71, 73, 23, 71, 76, 18, 71, 82, 27, // FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27
  71, 84, 28, 72, 78, 28, 72, 82, 21, 72, 85, 28, 73, 69, 22, 73, 76, 23, 73, 81, 23, 73, 83, 26, // GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26
  73, 84, 27, 74, 79, 30, 75, 87, 30, 75, 90, 20, 76, 66, 28, 76, 67, 32, 76, 73, 21, 76, 84, 20, // IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20
  76, 85, 20, 76, 86, 21, 76, 89, 25, 77, 67, 27, 77, 68, 24, 77, 69, 22, 77, 75, 19, 77, 78, 20, // LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20
  77, 82, 27, 77, 84, 31, 77, 85, 30, 78, 73, 28, 78, 76, 18, 78, 79, 15, 79, 77, 23, 80, 75, 24, // MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24
  80, 76, 28, 80, 83, 29, 80, 84, 25, 81, 65, 29, 82, 79, 24, 82, 83, 22, 82, 85, 33, 83, 65, 24, // PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24
  83, 67, 31, 83, 68, 18, 83, 69, 24, 83, 73, 19, 83, 75, 24, 83, 77, 27, 83, 79, 23, 83, 84, 25, // SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25
  83, 86, 28, 84, 76, 23, 84, 78, 24, 84, 82, 26, 85, 65, 29, 86, 65, 22, 86, 71, 24, 88, 75, 20, // SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
  89, 69, 30, // YE30
]

/** The same, by two letters: a byte each, 0 where there is no such country. */
let ibans: usize = 0
const countries: usize = 26 * 26

// @ts-ignore: decorator
@inline
function countryIndex(first: u32, second: u32): usize {
  return (first - 65) * 26 + (second - 65)
}

export function initCheck(): bool {
  ibans = take(countries)
  if (ibans == 0) return false
  memory.fill(ibans, 0, countries)
  for (let i = 0; i < iban_lengths.length; i += 3) {
    store<u8>(ibans + countryIndex(iban_lengths[i], iban_lengths[i + 1]), iban_lengths[i + 2])
  }
  return true
}

/** Two letters (or a letter and 9), then seven digits, of which the last checks the others. */
function registration(from: usize, to: usize): bool {
  if (to - from != 9) return false
  const p = from + 2
  const odd = digit(p, 0) + digit(p, 2) + digit(p, 4)
  const even = digit(p, 1) + digit(p, 3) + digit(p, 5)
  return (odd + 2 * even) % 10 == digit(p, 6)
}

// @ts-ignore: decorator
@inline
function digit(at: usize, index: usize): u32 {
  return <u32>load<u8>(at + index) - 48
}
