/**
 * Check digits of numbers that states give to persons: what each of them has of its own. The patterns have
 * already seen to lengths and places. The numbers are `compile/compile.ts`'s.
 */

import { any, at, count, luhn, mod1110, negative, prepend, read, remainder, verhoeff } from './digits'

export function identified(check: u32, from: usize, to: usize): bool {
  read(from, to)
  if (count < 7) return false
  switch (check) {
    case 5:
      return luhn(0)
    case 6:
      // The century may stand before the ten digits that are checked.
      return luhn(count - 10)
    case 7:
      return remainder(nhs, 11) == 0
    case 8:
      return france()
    case 9:
      return mod1110() && germany()
    case 10:
      return mod1110()
    case 11:
      return spain()
    case 12:
      return italy()
    case 13:
      return remainder(netherlands, 11) == 0 && any()
    case 14:
      return belgium()
    case 15:
      return remainder(poland, 10) == 0
    case 16:
      return remainder(norway_first, 11) == 0 && remainder(norway_second, 11) == 0
    case 17:
      return finland(from)
    case 18:
      return cpf(9) && cpf(10)
    case 19:
      return cnpj(12) && cnpj(13)
    case 20:
      return verhoeff()
    case 21:
      return remainder(australia, 11) == 0 && any()
    case 22:
      return remainder(australia_medicare, 10) == at(8)
    case 23:
      return china()
    case 24:
      return turkey()
    case 25:
      return chile()
    case 26:
      return negative(argentina) == at(10)
    case 27:
      return mexico()
    case 28:
      return portugal()
    case 29:
      return ireland()
    case 30:
      return remainder(ean, 10) == 0
    case 31:
      return romania()
    case 32:
      return estonia()
    case 33:
      return singapore()
    case 34:
      return hongKong()
    case 35:
      return (remainder(russia, 101) % 100) == at(9) * 10 + at(10)
    case 36:
      return japan()
    case 37:
      return newZealand()
    case 38:
      return passport(from)
    case 39:
      return healthInsurant()
    case 40:
      return czechia()
    case 41:
      return (11 - remainder(thailand, 11)) % 10 == at(12)
    case 42:
      return taiwan()
    case 43:
      return remainder(bulgaria, 11) % 10 == at(9)
    default:
      return false
  }
}

const nhs: StaticArray<u8> = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
const netherlands: StaticArray<u8> = [9, 8, 7, 6, 5, 4, 3, 2, 10]
const poland: StaticArray<u8> = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]
const norway_first: StaticArray<u8> = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1]
const norway_second: StaticArray<u8> = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]
const australia: StaticArray<u8> = [1, 4, 3, 7, 5, 8, 6, 9, 10]
const australia_medicare: StaticArray<u8> = [1, 3, 7, 9, 1, 3, 7, 9]
const china_weights: StaticArray<u8> = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const argentina: StaticArray<u8> = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
const portugal_weights: StaticArray<u8> = [9, 8, 7, 6, 5, 4, 3, 2]
const ireland_weights: StaticArray<u8> = [8, 7, 6, 5, 4, 3, 2]
const ean: StaticArray<u8> = [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]
const romania_weights: StaticArray<u8> = [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]
const estonia_first: StaticArray<u8> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]
const estonia_second: StaticArray<u8> = [3, 4, 5, 6, 7, 8, 9, 1, 2, 3]
const singapore_weights: StaticArray<u8> = [0, 2, 7, 6, 5, 4, 3, 2]
const russia: StaticArray<u8> = [9, 8, 7, 6, 5, 4, 3, 2, 1]
const japan_weights: StaticArray<u8> = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
const new_zealand_first: StaticArray<u8> = [3, 2, 7, 6, 5, 4, 3, 2]
const new_zealand_second: StaticArray<u8> = [7, 4, 3, 2, 5, 2, 7, 6]
const thailand: StaticArray<u8> = [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
const bulgaria: StaticArray<u8> = [2, 4, 8, 5, 10, 9, 7, 3, 6]

/** Of the first ten digits, one is there twice or three times, the others once at most. */
function germany(): bool {
  let seen: u32 = 0
  let doubled: u32 = 0
  let tripled: u32 = 0
  for (let i: u32 = 0; i < 10; i++) {
    const bit: u32 = 1 << at(i)
    if (tripled & bit) return false
    tripled |= doubled & bit
    doubled |= seen & bit
    seen |= bit
  }
  return popcnt(doubled) == 1
}

/** 97 less the number; 2A and 2B of Corsica are read as 19 and 18. */
function france(): bool {
  let rest: u32 = 0
  for (let i: u32 = 0; i < 13; i++) {
    let digit = at(i)
    if (i == 5 && at(6) > 9) digit = 1
    if (digit > 9) digit = 19 - digit
    rest = (rest * 10 + digit) % 97
  }
  return 97 - rest == at(13) * 10 + at(14)
}

/** TRWAGMYFPDXBNJZSQVHLCKE */
const spain_letters: StaticArray<u8> = [84, 82, 87, 65, 71, 77, 89, 70, 80, 68, 88, 66, 78, 74, 90, 83, 81, 86, 72, 76, 67, 75, 69]

function spain(): bool {
  // X, Y and Z of foreigners are 0, 1 and 2.
  let number: u32 = at(0) > 9 ? at(0) - 33 : at(0)
  for (let i: u32 = 1; i < 8; i++) number = number * 10 + at(i)
  return <u32>unchecked(spain_letters[number % 23]) - 55 == at(8)
}

/** What a character at an odd place counts; digits count as the letters A to J. */
const italy_odd: StaticArray<u8> = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]

function italy(): bool {
  let sum: u32 = 0
  for (let i: u32 = 0; i < 15; i++) {
    const index = at(i) > 9 ? at(i) - 10 : at(i)
    sum += (i & 1) == 0 ? <u32>unchecked(italy_odd[index]) : index
  }
  return sum % 26 == at(15) - 10
}

function belgium(): bool {
  let number: u64 = 0
  for (let i: u32 = 0; i < 9; i++) number = number * 10 + at(i)
  const check = <u64>(at(9) * 10 + at(10))
  // Who was born since 2000 has a 2 before the number.
  return 97 - (number % 97) == check || 97 - ((number + 2000000000) % 97) == check
}

/** 0123456789ABCDEFHJKLMNPRSTUVWXY */
const finland_letters: StaticArray<u8> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 20, 21, 22, 23, 25, 27, 28, 29, 30, 31, 32, 33, 34]

function finland(from: usize): bool {
  let number: u32 = 0
  // The seventh byte names the century and is none of the number.
  for (let i: usize = 0; i < 10; i++) if (i != 6) number = number * 10 + (<u32>load<u8>(from + i) - 48)
  return <u32>unchecked(finland_letters[number % 31]) == at(count - 1)
}

/** The digit at `index` checks those before it. */
function cpf(index: u32): bool {
  let sum: u32 = 0
  let same = true
  for (let i: u32 = 0; i < index; i++) {
    sum += at(i) * (index + 1 - i)
    if (at(i) != at(0)) same = false
  }
  return !same && ((sum * 10) % 11) % 10 == at(index)
}

/** Weights run 2 to 9 and again from the right; since 2026 letters count as their code less 48. */
function cnpj(index: u32): bool {
  let sum: u32 = 0
  for (let i: u32 = 0; i < index; i++) {
    const value = at(i) > 9 ? at(i) + 7 : at(i)
    sum += value * (((index - 1 - i) & 7) + 2)
  }
  const rest = sum % 11
  return any() && (rest < 2 ? 0 : 11 - rest) == at(index)
}

/** ISO/IEC 7064, MOD 11-2, as GB 11643 writes it out. */
function china(): bool {
  const last = at(17) > 9 ? 10 : at(17)
  return (remainder(china_weights, 11) + last) % 11 == 1
}

function turkey(): bool {
  const odd = at(0) + at(2) + at(4) + at(6) + at(8)
  const even = at(1) + at(3) + at(5) + at(7)
  return (odd * 7 + 40 - even) % 10 == at(9) && (odd + even + at(9)) % 10 == at(10)
}

/** Weights run 2 to 7 and again from the right; 10 is a K. */
function chile(): bool {
  let sum: u32 = 0
  for (let i: u32 = 0; i < count - 1; i++) sum += at(i) * (((count - 2 - i) % 6) + 2)
  const check = (11 - (sum % 11)) % 11
  return (check == 10 ? 20 : check) == at(count - 1)
}

/** The letter Ñ, which no number has, counts between N and O. */
function mexico(): bool {
  let sum: u32 = 0
  for (let i: u32 = 0; i < 17; i++) sum += (at(i) > 23 ? at(i) + 1 : at(i)) * (18 - i)
  return (10 - (sum % 10)) % 10 == at(17)
}

function portugal(): bool {
  const rest = remainder(portugal_weights, 11)
  return (rest < 2 ? 0 : 11 - rest) == at(8)
}

/** The check letter stands after seven digits; a second one counts nine times, W as nothing. */
function ireland(): bool {
  let sum = remainder(ireland_weights, 23)
  if (count == 9 && at(8) != 32) sum += 9 * (at(8) - 9)
  const rest = sum % 23
  return (rest == 0 ? 32 : rest + 9) == at(7)
}

function romania(): bool {
  const rest = remainder(romania_weights, 11)
  return (rest == 10 ? 1 : rest) == at(12)
}

function estonia(): bool {
  let rest = remainder(estonia_first, 11)
  if (rest == 10) rest = remainder(estonia_second, 11) % 10
  return rest == at(10)
}

/** JZIHGFEDCBA for S and T, XWUTRQPNMLK for F and G. */
const singapore_citizens: StaticArray<u8> = [19, 35, 18, 17, 16, 15, 14, 13, 12, 11, 10]
const singapore_others: StaticArray<u8> = [33, 32, 30, 29, 27, 26, 25, 23, 22, 21, 20]

function singapore(): bool {
  const citizen = at(0) == 28 || at(0) == 29
  // T and G are of this century.
  const rest = (remainder(singapore_weights, 11) + (at(0) == 29 || at(0) == 16 ? 4 : 0)) % 11
  return <u32>(citizen ? unchecked(singapore_citizens[rest]) : unchecked(singapore_others[rest])) == at(8)
}

/** One letter counts as a blank, which is 36, and the letter. */
function hongKong(): bool {
  let sum: u32 = count == 8 ? 36 * 9 : 0
  for (let i: u32 = 0; i < count; i++) sum += at(i) * (count - i)
  return sum % 11 == 0
}

function japan(): bool {
  const rest = remainder(japan_weights, 11)
  return (rest < 2 ? 0 : 11 - rest) == at(11)
}

function newZealand(): bool {
  if (count == 8) prepend()
  let check = negative(new_zealand_first)
  if (check == 10) check = negative(new_zealand_second)
  return check == at(8)
}

/** ICAO Doc 9303, part 3, section 4.9: weights 7, 3, 1; `<` counts nothing. */
function passport(from: usize): bool {
  let sum = zone(from, 0, 9, 0)
  if (sum % 10 != digitAt(from, 9)) return false
  sum = zone(from, 13, 19, 0)
  if (sum % 10 != digitAt(from, 19)) return false
  sum = zone(from, 21, 27, 0)
  if (sum % 10 != digitAt(from, 27)) return false
  sum = zone(from, 28, 42, 0)
  // Without personal data the digit may be left out.
  if (load<u8>(from + 42) != 60 && sum % 10 != digitAt(from, 42)) return false
  sum = zone(from, 0, 10, 0) + zone(from, 13, 20, 10) + zone(from, 21, 43, 17)
  return sum % 10 == digitAt(from, 43)
}

// @ts-ignore: decorator
@inline
function digitAt(from: usize, index: usize): u32 {
  return <u32>load<u8>(from + index) - 48
}

/** `place`: how many characters have been weighed before. */
function zone(from: usize, first: usize, end: usize, place: u32): u32 {
  let sum: u32 = 0
  for (let i = first; i < end; i++) {
    const byte: u32 = load<u8>(from + i)
    const value = byte == 60 ? 0 : byte > 64 ? byte - 55 : byte - 48
    const turn = place % 3
    sum += value * (turn == 0 ? 7 : turn == 1 ? 3 : 1)
    place++
  }
  return sum
}

/** The letter as two digits, then eight; each second one twice, their digits summed. */
function healthInsurant(): bool {
  const letter = at(0) - 9
  let sum = letter / 10 + twice(letter % 10)
  for (let i: u32 = 1; i < 9; i++) sum += (i & 1) == 1 ? at(i) : twice(at(i))
  return sum % 10 == at(9)
}

// @ts-ignore: decorator
@inline
function twice(digit: u32): u32 {
  return digit > 4 ? digit * 2 - 9 : digit * 2
}

/** Divisible by 11; before 1985 a rest of 10 was written 0. */
function czechia(): bool {
  let rest: u32 = 0
  for (let i: u32 = 0; i < 9; i++) rest = (rest * 10 + at(i)) % 11
  return rest % 10 == at(9)
}

/** What the district's letter counts, its digits being weighed 1 and 9. */
const taiwan_letters: StaticArray<u8> = [1, 10, 19, 28, 37, 46, 55, 64, 39, 73, 82, 2, 11, 20, 48, 29, 38, 47, 56, 65, 74, 83, 21, 3, 12, 30]

function taiwan(): bool {
  let sum: u32 = unchecked(taiwan_letters[at(0) - 10])
  for (let i: u32 = 1; i < 9; i++) sum += at(i) * (9 - i)
  return (sum + at(9)) % 10 == 0
}
