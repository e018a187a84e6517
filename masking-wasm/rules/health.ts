/**
 * Patients and those who treat them (`hipaa`).
 *
 * @module
 */
import { labelled } from './context.ts'
import { digits } from './filler.ts'
import type { Rule } from './rule.ts'

export const health: readonly Rule[] = [
  {
    name: 'us-medicare-number',
    pack: 'hipaa',
    severity: 'high',
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
    severity: 'low',
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
    severity: 'medium',
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
    severity: 'medium',
    before:
      '(?:mrn|medical[_ -]record[_ -](?:number|no)|patient[_ -]?(?:id|number)|member[_ -]?id|health[_ -]plan[_ -]?(?:id|number))["\']?[ \\t]*[:=#][ \\t]*["\']?',
    pattern: '[A-Za-z0-9-]{4,20}',
    left: '[A-Za-z0-9]',
    ignore_case: true,
    source: 'https://www.hhs.gov/hipaa/for-professionals/privacy/special-topics/de-identification/',
    examples: [`MRN: «${digits(8)}»`, '"patient_id": "«P-00412»"'],
    counter_examples: ['MRN:', 'emrn: 1234567', 'patient identity: yes'],
  },
  {
    name: 'uk-nhs-number',
    pack: 'hipaa',
    severity: 'high',
    before: `nhs${labelled}`,
    pattern: '[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}',
    left: '[A-Za-z0-9]',
    right: '[0-9A-Za-z-]',
    check: 'uk-nhs',
    ignore_case: true,
    source: 'https://www.datadictionary.nhs.uk/attributes/nhs_number.html',
    examples: ['NHS number: «943 476 5919»', '"nhs_no": "«9434765919»"'],
    counter_examples: ['NHS number: 943 476 5918', '943 476 5919'],
  },
  {
    name: 'au-medicare-number',
    pack: 'hipaa',
    severity: 'high',
    before: `medicare${labelled}`,
    pattern: '[2-6][0-9]{3} ?[0-9]{5} ?[0-9]',
    left: '[A-Za-z0-9]',
    right: '[0-9A-Za-z-]',
    check: 'au-medicare',
    ignore_case: true,
    source: 'https://www.servicesaustralia.gov.au/medicare-cards',
    examples: ['Medicare: «2123 45670 1»', 'medicare no «2428778591»'],
    counter_examples: ['Medicare: 2123 45671 1', '2123 45670 1'],
  },
  {
    name: 'de-health-insurance-number',
    pack: 'hipaa',
    severity: 'high',
    pattern: '[A-Z][0-9]{9}',
    left: '[0-9A-Za-z.-]',
    right: '[0-9A-Za-z-]',
    check: 'de-kvnr',
    source: 'https://www.gkv-datenaustausch.de/ (Krankenversichertennummer)',
    examples: ['KVNR «A000500015»', '«M123456785»,'],
    counter_examples: ['A000500016', 'A00050001'],
  },
]
