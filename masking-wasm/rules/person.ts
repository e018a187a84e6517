/**
 * Persons (`pii`), whatever their country.
 *
 * @module
 */
import { labelled } from './context.ts'
import type { Rule } from './rule.ts'

/** 001-899 without 666; 9xx is not a social security number. */
const area = '(?:00[1-9]|0[1-9][0-9]|[1-57-8][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])'
const group = '(?:0[1-9]|[1-9][0-9])'
const serial = '(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})'

export const person: readonly Rule[] = [
  {
    name: 'email',
    pack: 'pii',
    severity: 'low',
    lead: '[A-Za-z0-9._%+-]{1,64}',
    pattern: '@(?:[A-Za-z0-9-]+\\.)+[A-Za-z][A-Za-z0-9-]+',
    left: '[A-Za-z0-9._%+-]',
    source: 'https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2',
    examples: ['from «jane.doe+x@mail.example.org», to', '<«a@b.io»>'],
    counter_examples: ['root@localhost', 'user@', '@scope/package', 'a@b.c'],
  },
  {
    name: 'iban',
    pack: 'pii',
    severity: 'medium',
    pattern: '[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    check: 'mod97',
    source: 'https://www.swift.com/standards/data-standards/iban (ISO 13616)',
    examples: [
      'IBAN «DE89370400440532013000»',
      'to «GB29 NWBK 6016 1331 9268 19», ref',
      '«NO9386011117947»\n',
    ],
    counter_examples: ['DE89370400440532013001', 'DE8937040044053201300', 'XX89370400440532013000'],
  },
  {
    name: 'us-ssn',
    pack: 'pii',
    severity: 'high',
    pattern: `${area}-${group}-${serial}|${area} ${group} ${serial}`,
    left: '[0-9-]',
    right: '[0-9-]',
    source: 'https://www.ssa.gov/employer/randomization.html',
    examples: ['ssn «078-05-1120»', 'x «219 09 9999»;'],
    counter_examples: [
      '000-12-3456',
      '666-12-3456',
      '900-12-3456',
      '123-00-4567',
      '123-45-0000',
      '1123-45-6789',
    ],
  },
  {
    name: 'uk-national-insurance',
    pack: 'pii',
    severity: 'high',
    pattern: '[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    source: 'https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110',
    examples: ['NINO «AB123456C»', 'n «JG 10 37 59 A».'],
    counter_examples: ['AB123456E', 'DA123456C', 'AB12345C'],
  },
  {
    name: 'passport-mrz',
    pack: 'pii',
    severity: 'high',
    pattern: '[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{6}[0-9][MFX<][0-9]{6}[0-9][A-Z0-9<]{14}[0-9<][0-9]',
    left: '[A-Z0-9<]',
    right: '[A-Z0-9]',
    check: 'mrz',
    source: 'https://www.icao.int/publications/doc-series/doc-9303 (part 4)',
    examples: [
      'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n«L898902C36UTO7408122F1204159ZE184226B<<<<<10»\n',
      '«9876543<<6GBR8507158M3101012<<<<<<<<<<<<<<<4»',
    ],
    counter_examples: [
      'L898902C36UTO7408122F1204159ZE184226B<<<<<11',
      'L898902C36UTO7408122F1204159ZE184226B<<<<<1',
    ],
  },
  {
    name: 'passport-mrz-name',
    pack: 'pii',
    severity: 'high',
    pattern: 'P[A-Z<][A-Z<]{3}[A-Z]+(?:<[A-Z]+)*<<[A-Z<]{5,}',
    left: '[A-Z0-9<]',
    source: 'https://www.icao.int/publications/doc-series/doc-9303 (part 4)',
    examples: [
      '«P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<»\n',
      '«PPGBRSMITH<<JANE<<<<<<<<<<<<<<<<<<<<<<<<<<<<»',
    ],
    counter_examples: ['P<UTOERIKSSON', 'PUBLIC<<KEY'],
  },
  {
    name: 'passport-number',
    pack: 'pii',
    severity: 'high',
    before: `passport${labelled}`,
    pattern: '[A-Z]{0,2}[0-9]{6,9}',
    left: '[A-Za-z0-9]',
    right: '[0-9A-Za-z-]',
    ignore_case: true,
    source: 'https://www.icao.int/publications/doc-series/doc-9303 (part 3)',
    examples: ['passport no: «C12345678»', '"passport_number": "«123456789»"'],
    counter_examples: ['passport: required', 'passports 123456789', 'passport no: 12345'],
  },
  {
    name: 'phone-e164',
    pack: 'pii',
    severity: 'low',
    pattern:
      '\\+[1-9][0-9]{7,14}|\\+[1-9][0-9]{0,2}[ .-](?:\\([0-9]{1,4}\\)|[0-9]{1,4})(?:[ .-][0-9]{2,4}){2,4}',
    left: '[0-9A-Za-z+]',
    right: '[0-9A-Za-z]',
    source: 'https://www.itu.int/rec/T-REC-E.164',
    examples: ['call «+14155552671»', 'tel «+44 20 7946 0958», «+1 (415) 555-2671»'],
    counter_examples: ['+123', '2+12345678', '+0155552671 '],
  },
]
