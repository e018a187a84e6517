/**
 * Cards (`pci`), persons (`pii`) and patients (`hipaa`).
 *
 * @module
 */
import { digits } from './filler.ts'
import type { Rule } from './rule.ts'

/** 001-899 without 666; 9xx is not a social security number. */
const area = '(?:00[1-9]|0[1-9][0-9]|[1-57-8][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])'
const group = '(?:0[1-9]|[1-9][0-9])'
const serial = '(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})'

export const person: readonly Rule[] = [
  {
    name: 'card-number',
    pack: 'pci',
    // Which issuer has which range and length, the size of groups and the Luhn digit are the check's part.
    // The first six digits name the issuer and may be shown (PCI DSS v4, requirement 3.4.1); every counter
    // on a terminal begins like that.
    lead: '(?:[3-6][ -]?[0-9]|2[ -]?[2-7])(?:[ -]?[0-9]){4}',
    pattern: '(?:[ -]?[0-9]){7,13}',
    // After a dot it is the fraction of a number, of which one in twenty would pass.
    left: '[0-9.]',
    right: '[0-9]',
    check: 'luhn',
    source: 'https://www.iso.org/standard/70484.html (ISO/IEC 7812-1)',
    examples: [
      'PAN «4111111111111111»',
      'card: «5555 5555 5555 4444», ok',
      '«3782-822463-10005»\n',
      'x=«6011111111111117»',
      '«2223003122003222» «30569309025904»',
    ],
    counter_examples: [
      '4111111111111112',
      '41111111111111111',
      '4111  1111  1111  1111',
      '9111111111111111',
      '0.4028235677973366',
      '30 31 32 33 34 35 36 37 38',
    ],
  },
  {
    name: 'card-track',
    pack: 'pci',
    pattern: '%?B[0-9]{12,19}\\^[^\\x00-\\x1f^]{2,26}\\^[0-9]{7,}|;[0-9]{12,19}=[0-9]{7,}\\?',
    source: 'https://www.iso.org/standard/80614.html (ISO/IEC 7813)',
    examples: [
      `«%B4111111111111111^DOE/JOHN^30121010000000000»?`,
      `«;4111111111111111=30121010000?»`,
    ],
    counter_examples: ['%B4111^DOE/JOHN^3012101', ';4111111111111111=30?'],
  },
  {
    name: 'card-verification',
    pack: 'pci',
    before: '(?:cvv2?|cvc2?|card[_ -]?verification[a-z_ -]{0,16})["\']?[ \\t]*[:=][ \\t]*["\']?',
    pattern: '[0-9]{3,4}',
    left: '[A-Za-z0-9]',
    right: '[0-9A-Za-z]',
    ignore_case: true,
    source: 'https://www.pcisecuritystandards.org/document_library/ (PCI DSS v4, requirement 3.3)',
    examples: ['cvv: «123»', '{"cvc":"«1234»"}'],
    counter_examples: ['cvv: 12', 'cvv=12345', 'xcvv: 123'],
  },
  {
    name: 'email',
    pack: 'pii',
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
    pattern: '[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    source: 'https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110',
    examples: ['NINO «AB123456C»', 'n «JG 10 37 59 A».'],
    counter_examples: ['AB123456E', 'DA123456C', 'AB12345C'],
  },
  {
    name: 'us-medicare-number',
    pack: 'hipaa',
    pattern:
      '[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    source: 'https://www.cms.gov/medicare/new-medicare-card/understanding-the-mbi',
    examples: ['MBI «1EG4-TE5-MK73»', 'm=«1EG4TE5MK73»'],
    counter_examples: ['1EG4-TE5-MK7', '0EG4-TE5-MK73', '1SG4-TE5-MK73'],
  },
  {
    name: 'us-provider-number',
    pack: 'hipaa',
    before: 'npi["\']?[ \\t]*[:=#]?[ \\t]*["\']?',
    pattern: '[12][0-9]{9}',
    left: '[A-Za-z0-9]',
    right: '[0-9]',
    check: 'npi',
    ignore_case: true,
    source:
      'https://www.cms.gov/regulations-and-guidance/administrative-simplification/nationalprovidentstand',
    examples: ['NPI: «1234567893»', '"npi":"«1245319599»"'],
    counter_examples: ['NPI: 1234567890', '1234567893', 'npi 12345678931'],
  },
  {
    name: 'us-dea-number',
    pack: 'hipaa',
    pattern: '[ABFGMPRX][A-Z9][0-9]{7}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    check: 'dea',
    source: 'https://www.deadiversion.usdoj.gov/ (registration numbers)',
    examples: ['DEA «AB1234563»', '«F91234563»\n'],
    counter_examples: ['AB1234567', 'ZB1234563', 'AB123456'],
  },
  {
    name: 'medical-record-number',
    pack: 'hipaa',
    before:
      '(?:mrn|medical[_ -]record[_ -](?:number|no)|patient[_ -]?(?:id|number)|member[_ -]?id|health[_ -]plan[_ -]?(?:id|number))["\']?[ \\t]*[:=#][ \\t]*["\']?',
    pattern: '[A-Za-z0-9-]{4,20}',
    left: '[A-Za-z0-9]',
    ignore_case: true,
    source: 'https://www.hhs.gov/hipaa/for-professionals/privacy/special-topics/de-identification/',
    examples: [`MRN: «${digits(8)}»`, '"patient_id": "«P-00412»"'],
    counter_examples: ['MRN:', 'emrn: 1234567', 'patient identity: yes'],
  },
]
