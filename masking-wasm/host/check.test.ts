/**
 * Check digits against numbers that issuers and standards publish, and the module against the oracle: each
 * number with each digit replaced by each other.
 */
import { describe, expect, test } from 'bun:test'
import { Random } from '../rules/corpus/template.ts'
import { packs, rulesOf } from '../rules/index.ts'
import type { Check } from '../rules/rule.ts'
import { engineOf, feed, latin1 } from './fixture.ts'
import { Oracle } from './oracle.ts'
import { checks } from './oracle-check.ts'

/** Published as examples, by whom: the module's own answer is what the examples of the rules test. */
const published: Readonly<Record<Check, readonly string[]>> = {
  luhn: ['4111111111111111', '3782 822463 10005'], // the card networks' test cards
  mod97: ['GB29NWBK60161331926819', 'DE89370400440532013000'], // ISO 13616 registry
  npi: ['1234567893'], // CMS
  dea: ['AB1234563'],
  'luhn-plain': ['79927398713', '046454286'], // ISO/IEC 7812-1's usual example; Canada's specimen card
  'luhn-ten': ['811228-9874', '670919-9530'], // Skatteverket
  'uk-nhs': ['943 476 5919'], // NHS data dictionary
  'fr-nir': ['255081416802538'], // INSEE
  'de-steuer-id': ['86095742719', '47036892816', '65929970489'], // BZSt
  'mod-11-10': ['33392005961', '69435151530'],
  'es-dni': ['12345678Z', 'X2482300W'],
  'it-codice': ['RSSMRA85T10A562S'],
  'nl-bsn': ['111222333'], // RvIG
  'be-rrn': ['85.07.30-033.28', '17.07.30-033.84'],
  'pl-pesel': ['44051401359'],
  'no-fnr': ['15108695088'],
  'fi-hetu': ['131052-308T'], // DVV
  'br-cpf': ['390.533.447-05', '111.444.777-35'],
  'br-cnpj': ['11.222.333/0001-81', '12.ABC.345/01DE-35'], // Receita Federal
  verhoeff: ['2363', '123451'], // 236 and 12345 with their digits
  'au-tfn': ['123456782', '876543210'], // ATO
  'au-medicare': ['2123456701'],
  'mod-11-2': ['11010519491231002X', '440524188001010014'], // GB 11643
  'tr-tckn': ['10000000146'],
  'cl-rut': ['76.086.428-5', '30.686.957-4'],
  'ar-cuit': ['20-05536168-2'],
  'mx-curp': ['BOXW310820HNERXN09'],
  'pt-nif': ['501964843'],
  'ie-pps': ['6433435F', '6433435OA'],
  ean: ['756.9217.0769.85', '4006381333931'], // ZAS; GS1
  'ro-cnp': ['1630615123457'],
  'ee-isik': ['37605030299', '33309240064'],
  'sg-nric': ['S1234567D', 'T1234567J', 'F1234567N', 'G1234567X'],
  'hk-id': ['A123456(3)', 'AB987654(3)'], // Immigration Department
  'ru-snils': ['112-233-445 95'], // SFR
  'jp-my-number': ['123456789018'],
  'nz-ird': ['49091850', '35901981', '49098576', '136410132'], // Inland Revenue
  mrz: ['L898902C36UTO7408122F1204159ZE184226B<<<<<10'], // ICAO Doc 9303-4
  'de-kvnr': ['A000500015'],
  'cz-rc': ['710319/2745'],
  'th-id': ['1-2345-67890-12-1'],
  'tw-id': ['A123456789'],
  'bg-egn': ['7523169263', '8032056031'],
}

describe('published numbers have the check digits that the oracle expects', () => {
  for (const [check, examples] of Object.entries(published))
    test(check, () => {
      // The keys of a record are its checks.
      for (const example of examples) expect(checks(check as Check, example), example).toBe(true)
    })
})

const alphabet = '0123456789ABKTXZ<'

for (const rule of rulesOf(packs).filter(({ check }) => check !== undefined))
  test(`${rule.name}: the module agrees with the oracle about every changed digit`, () => {
    const engine = engineOf([rule])
    const oracle = new Oracle([rule])
    let passed = 0
    let failed = 0
    for (const example of rule.examples) {
      const from = Buffer.from(example.slice(0, example.indexOf('«'))).toString('latin1').length
      const text = Buffer.from(example.replaceAll(/[«»]/g, '')).toString('latin1')
      const end = from + (example.lastIndexOf('»') - example.indexOf('«') - 1)
      const texts = [text]
      for (let at = from; at < Math.min(end, text.length); at++)
        for (const other of alphabet) texts.push(text.slice(0, at) + other + text.slice(at + 1))
      for (const each of texts) {
        const due = oracle.spans(each).map((span) => `${span.start}-${span.end}:${span.rule}`)
        expect(feed(engine, latin1(each)).spans, each).toEqual(due)
        if (due.length > 0) passed++
        else failed++
      }
    }
    // The canary: both answers were seen.
    expect(passed).toBeGreaterThan(0)
    expect(failed).toBeGreaterThan(0)
  })

test('cards of each length, in digits, groups and neither: the module agrees with the oracle', () => {
  const rules = rulesOf(['pci']).filter(({ name }) => name === 'card-number')
  const engine = engineOf(rules)
  const oracle = new Oracle(rules)
  const random = new Random(7)
  const heads = ['4', '34', '37', '51', '2221', '2720', '3528', '36', '6011', '65', '62', '50', '9']
  const lengths = new Set<number>()
  let failed = 0
  for (let round = 0; round < 3000; round++) {
    const length = 12 + (round % 8)
    const head = heads[random.below(heads.length)] ?? ''
    let digits = head
    while (digits.length < length - 1) digits += String(random.below(10))
    // One in two is right.
    const last = Array.from({ length: 10 }, (_, digit) => `${digits}${digit}`).find((number) =>
      isLuhn(number),
    )
    const number = round % 2 === 0 ? (last ?? '') : `${digits}${random.below(10)}`
    const separator = ['', '', ' ', '-', ':', ''][random.below(6)] ?? ''
    const text = ` ${number.replaceAll(/.{4}(?=.)/g, `$&${separator}`)} `
    const due = oracle.spans(text).map((span) => `${span.start}-${span.end}:${span.rule}`)
    expect(feed(engine, latin1(text)).spans, text).toEqual(due)
    if (due.length > 0) lengths.add(length)
    else failed++
  }
  // The canary: both answers were seen, the first for each length that there is.
  expect([...lengths].sort((a, b) => a - b)).toEqual([13, 14, 15, 16, 17, 18, 19])
  expect(failed).toBeGreaterThan(0)
})

function isLuhn(number: string): boolean {
  let sum = 0
  for (const [index, digit] of [...number].reverse().entries()) {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2)
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === 0
}
