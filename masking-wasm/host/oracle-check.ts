/**
 * Check digits written from their descriptions, over strings and whole numbers: slow, and without a line of
 * what the module does.
 *
 * @module
 */
import type { Check } from '../rules/rule.ts'

type Test = (plain: string, match: string) => boolean

/** `match` as it stands in the stream. */
export function checks(check: Check, match: string): boolean {
  return tests[check](match.replaceAll(/[^0-9A-Za-z]/g, '').toUpperCase(), match)
}

const numbers = (text: string): number[] => [...text].map(Number)
/** The sum of each number times its weight; what has no weight does not count. */
const dot = (values: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * (values[index] ?? 0), 0)
const from = (high: number, low: number): number[] =>
  Array.from({ length: high - low + 1 }, (_, index) => high - index)
const last = (text: string): string => text.slice(-1)
const nonzero = (text: string): boolean => /[1-9A-Z]/.test(text)

const tests: Readonly<Record<Check, Test>> = {
  luhn: (plain, match) =>
    /^\d{3,}([ -]\d{3,})*([ -]\d+)?$/.test(match) &&
    issuers.some((issuer) => issuer.test(plain)) &&
    luhn(plain),
  npi: (plain) => luhn(`80840${plain}`),
  mod97: (_, match) => iban(match.replaceAll(' ', '')),
  dea: (_, match) => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, check = 0] = numbers(match.slice(2))
    return (a + c + e + 2 * (b + d + f)) % 10 === check
  },
  'luhn-plain': (plain) => nonzero(plain) && luhn(plain),
  'luhn-ten': (plain) => nonzero(plain.slice(-10)) && luhn(plain.slice(-10)),
  'uk-nhs': (plain) => {
    const check = 11 - (dot(numbers(plain.slice(0, 9)), from(10, 2)) % 11)
    return String(check === 11 ? 0 : check) === last(plain)
  },
  'fr-nir': (plain) => {
    const number = BigInt(plain.slice(0, 13).replace('2A', '19').replace('2B', '18'))
    return 97n - (number % 97n) === BigInt(plain.slice(13))
  },
  'de-steuer-id': (plain) => {
    const counts = [...'0123456789'].map((digit) => plain.slice(0, 10).split(digit).length - 1)
    const often = counts.filter((count) => count > 1)
    return mod1110(plain) && often.length === 1 && (often[0] === 2 || often[0] === 3)
  },
  'mod-11-10': mod1110,
  'es-dni': (plain) => {
    const number = plain.slice(0, 8).replace('X', '0').replace('Y', '1').replace('Z', '2')
    return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(number) % 23] === last(plain)
  },
  'it-codice': (plain) => {
    const sum = [...plain.slice(0, 15)].reduce((total, char, index) => {
      const value = Number.parseInt(char, 36)
      const even = value < 10 ? value : value - 10
      return total + (index % 2 === 1 ? even : (italian_odd[even] ?? 0))
    }, 0)
    return String.fromCharCode(65 + (sum % 26)) === last(plain)
  },
  'nl-bsn': (plain) => nonzero(plain) && dot(numbers(plain), [...from(9, 2), -1]) % 11 === 0,
  'be-rrn': (plain) => {
    const check = 97 - Number(plain.slice(9))
    return ['', '2'].some((born) => Number(born + plain.slice(0, 9)) % 97 === check)
  },
  'pl-pesel': (plain) =>
    (10 - (dot(numbers(plain.slice(0, 10)), [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10 ===
    Number(last(plain)),
  'no-fnr': (plain) => {
    const first = (11 - (dot(numbers(plain), [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11)) % 11
    const second = (11 - (dot(numbers(plain), [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 11
    return `${first},${second}` === [...plain.slice(9)].join()
  },
  'fi-hetu': (_, match) => {
    const number = Number(match.slice(0, 6) + match.slice(7, 10))
    return '0123456789ABCDEFHJKLMNPRSTUVWXY'[number % 31] === last(match)
  },
  'br-cpf': (plain) =>
    new Set(plain.slice(0, 9)).size > 1 &&
    [9, 10].every((length) => {
      const rest = dot(numbers(plain.slice(0, length)), from(length + 1, 2)) % 11
      return String(rest < 2 ? 0 : 11 - rest) === plain[length]
    }),
  'br-cnpj': (plain) =>
    nonzero(plain) &&
    [12, 13].every((length) => {
      const values = Array.from(plain.slice(0, length), (char) => char.charCodeAt(0) - 48)
      const weights = [...from(length - 7, 2), ...from(9, 2)]
      const rest = dot(values, weights) % 11
      return String(rest < 2 ? 0 : 11 - rest) === plain[length]
    }),
  verhoeff: (plain) =>
    numbers(plain)
      .reverse()
      .reduce((product, digit, index) => dihedral(product, permuted(digit, index)), 0) === 0,
  'au-tfn': (plain) =>
    nonzero(plain) && dot(numbers(plain), [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0,
  'au-medicare': (plain) => dot(numbers(plain), [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === Number(plain[8]),
  'mod-11-2': (plain) => {
    const product = numbers(plain.slice(0, 17)).reduce((p, digit) => ((p + digit) * 2) % 11, 0)
    return '0123456789X'[(12 - product) % 11] === last(plain)
  },
  'tr-tckn': (plain) => {
    const digits = numbers(plain)
    const tenth = dot(digits, [7, -1, 7, -1, 7, -1, 7, -1, 7]) + 100
    const sum = digits.slice(0, 10).reduce((total, digit) => total + digit, 0)
    return tenth % 10 === digits[9] && sum % 10 === digits[10]
  },
  'cl-rut': (plain) => {
    const digits = numbers(plain.slice(0, -1)).reverse()
    const check = 11 - (dot(digits, [2, 3, 4, 5, 6, 7, 2, 3]) % 11)
    return (check === 11 ? '0' : check === 10 ? 'K' : String(check)) === last(plain)
  },
  'ar-cuit': (plain) => dot(numbers(plain), [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0,
  'mx-curp': (plain) => {
    const alphabet = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ'
    const values = Array.from(plain.slice(0, 17), (char) => alphabet.indexOf(char))
    return (10 - (dot(values, from(18, 2)) % 10)) % 10 === Number(last(plain))
  },
  'pt-nif': (plain) => {
    const check = 11 - (dot(numbers(plain), from(9, 2)) % 11)
    return (check > 9 ? 0 : check) === Number(last(plain))
  },
  'ie-pps': (plain) => {
    const letters = 'WABCDEFGHIJKLMNOPQRSTUV'
    const second = Math.max(0, letters.indexOf(plain[8] ?? 'W'))
    const sum = dot([...numbers(plain.slice(0, 7)), second], [...from(8, 2), 9])
    return letters[sum % 23] === plain[7]
  },
  ean: (plain) =>
    numbers(plain).reduce((sum, digit, index) => sum + digit * (index % 2 === 0 ? 1 : 3), 0) %
      10 ===
    0,
  'ro-cnp': (plain) => {
    const rest = dot(numbers(plain), numbers('279146358279')) % 11
    return String(rest).slice(0, 1) === last(plain)
  },
  'ee-isik': (plain) => {
    const rests = ['1234567891', '3456789123'].map(
      (weights) => dot(numbers(plain), numbers(weights)) % 11,
    )
    return (rests.find((rest) => rest < 10) ?? 0) === Number(last(plain))
  },
  'sg-nric': (plain) => {
    const sum = dot(numbers(plain.slice(1, 8)), [2, 7, 6, 5, 4, 3, 2])
    const rest = (sum + ('TG'.includes(plain[0] ?? '') ? 4 : 0)) % 11
    return ('ST'.includes(plain[0] ?? '') ? 'JZIHGFEDCBA' : 'XWUTRQPNMLK')[rest] === last(plain)
  },
  'hk-id': (plain) => {
    const values = Array.from(plain, (char) => Number.parseInt(char, 36))
    return dot(plain.length === 8 ? [36, ...values] : values, from(9, 1)) % 11 === 0
  },
  'ru-snils': (plain) => (dot(numbers(plain), from(9, 1)) % 101) % 100 === Number(plain.slice(9)),
  'jp-my-number': (plain) => {
    const rest = dot(numbers(plain.slice(0, 11)).reverse(), [
      ...[2, 3, 4, 5, 6, 7],
      ...[2, 3, 4, 5, 6],
    ])
    return (rest % 11 <= 1 ? 0 : 11 - (rest % 11)) === Number(last(plain))
  },
  'nz-ird': (plain) => {
    const digits = numbers(plain.padStart(9, '0'))
    const check = [
      [3, 2, 7, 6, 5, 4, 3, 2],
      [7, 4, 3, 2, 5, 2, 7, 6],
    ]
      .map((weights) => (11 - (dot(digits, weights) % 11)) % 11)
      .find((digit) => digit < 10)
    return check === digits[8]
  },
  mrz: (_, match) => {
    const value = (part: string): number =>
      Array.from(part, (char) => (char === '<' ? 0 : Number.parseInt(char, 36))).reduce(
        (sum, number, index) => sum + number * ([7, 3, 1][index % 3] ?? 0),
        0,
      ) % 10
    const field = (start: number, end: number): boolean => {
      const check = match[end] ?? ''
      const blank = check === '<' && end === 42
      return blank || String(value(match.slice(start, end))) === check
    }
    const composite = match.slice(0, 10) + match.slice(13, 20) + match.slice(21, 43)
    const parts = field(0, 9) && field(13, 19) && field(21, 27) && field(28, 42)
    return parts && String(value(composite)) === match[43]
  },
  'de-kvnr': (plain) => {
    const letter = String(plain.charCodeAt(0) - 64).padStart(2, '0')
    const sum = numbers(letter + plain.slice(1, 9)).reduce((total, digit, index) => {
      const product = digit * (1 + (index % 2))
      return total + Math.floor(product / 10) + (product % 10)
    }, 0)
    return sum % 10 === Number(last(plain))
  },
  'cz-rc': (plain) => {
    const early = Number(plain.slice(0, 9)) % 11 === 10 && last(plain) === '0'
    return Number(plain) % 11 === 0 || early
  },
  'th-id': (plain) => (11 - (dot(numbers(plain), from(13, 2)) % 11)) % 10 === Number(last(plain)),
  'tw-id': (plain) => {
    const letter = 10 + 'ABCDEFGHJKLMNPQRSTUVXYWZIO'.indexOf(plain[0] ?? '')
    const digits = numbers(String(letter) + plain.slice(1))
    return dot(digits, [1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1]) % 10 === 0
  },
  'bg-egn': (plain) =>
    (dot(numbers(plain), [2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11) % 10 === Number(last(plain)),
}

const italian_odd: readonly number[] = [
  1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
]

/** ISO/IEC 7064's hybrid system, in the standard's own words: the sum, and twice it. */
function mod1110(plain: string): boolean {
  const product = numbers(plain.slice(0, -1)).reduce((p, digit) => {
    const sum = (p + digit) % 10
    return ((sum === 0 ? 10 : sum) * 2) % 11
  }, 10)
  return (product + Number(last(plain))) % 10 === 1
}

/** The product in the group of the pentagon's turns (0-4) and flips (5-9). */
function dihedral(a: number, b: number): number {
  const turn = a < 5 ? a + b : a - b
  const part = ((turn % 5) + 5) % 5
  return a < 5 === b < 5 ? part : part + 5
}

/** Verhoeff's permutation (1 5 8 9 4 2 7 0)(3 6), `times` over. */
function permuted(digit: number, times: number): number {
  const next = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
  let result = digit
  for (let i = 0; i < times; i++) result = next[result] ?? 0
  return result
}

/** From the right, each second digit twice. */
function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, char, index) => {
    const digit = Number(char) * (index % 2 === 1 ? 2 : 1)
    return total + (digit > 9 ? digit - 9 : digit)
  }, 0)
  return sum % 10 === 0
}

const issuers: readonly RegExp[] = [
  /^4(\d{12}|\d{15}|\d{18})$/,
  /^3[47]\d{13}$/,
  /^5[1-5]\d{14}$/,
  /^(222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}$/,
  /^35(2[89]|[3-8]\d)\d{12,15}$/,
  /^(30[0-5]|36\d|38\d|39\d)\d{11,16}$/,
  /^(6011|65\d\d|64[4-9]\d)\d{12,15}$/,
  /^62\d{14,17}$/,
  /^(?!6011|65|64[4-9]|62)(50|5[6-9]|6\d)\d{11,17}$/,
]

/** Of SWIFT's registry of formats. */
const iban_lengths: ReadonlySet<string> = new Set(
  [
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24',
    'DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27',
    'GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20',
    'LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24',
    'PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25',
    'SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30',
  ].flatMap((line) => line.split(' ')),
)

function iban(text: string): boolean {
  if (!iban_lengths.has(`${text.slice(0, 2)}${text.length}`)) return false
  const moved = text.slice(4) + text.slice(0, 4)
  const number = moved.replaceAll(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))
  return BigInt(number) % 97n === 1n
}
