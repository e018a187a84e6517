/**
 * Persons (`pii`), whatever their country.
 *
 * @module
 */
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
]
