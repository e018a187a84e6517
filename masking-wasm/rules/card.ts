/**
 * Cards (`pci`).
 *
 * @module
 */
import { digits } from './filler.ts'
import type { Rule } from './rule.ts'

export const card: readonly Rule[] = [
  {
    name: 'card-number',
    pack: 'pci',
    severity: 'high',
    // Which issuer has which range and length, the size of groups and the Luhn digit are the check's part.
    // The first six digits name the issuer and may be shown (PCI DSS v4, requirement 3.4.1); every counter
    // on a terminal begins like that.
    // In groups of four, or of four, six and the rest, as cards print them: a table of small numbers, or of bytes
    // in hex, is none.
    lead: '(?:[3-6][0-9]|2[2-7])[0-9]{2}[ -]?[0-9]{2}',
    pattern:
      '[0-9]{7,13}|[0-9]{2}[ -][0-9]{4}[ -][0-9]{1,4}|[0-9]{2}(?:[ -][0-9]{4}){2}[ -][0-9]{3}|' +
      '[0-9]{4}[ -][0-9]{4,5}',
    // After a dot it is the fraction of a number, of which one in twenty would pass; between letters a part
    // of a digest, and before a dash one of a UUID.
    left: '[0-9A-Za-z.]',
    right: '[0-9A-Za-z-]',
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
      'sha256:ab4111111111111111cd',
      '41111111-1111-1111-8abc-0123456789ab',
      '30 31 32 33 34 35 36 37 38',
    ],
  },
  {
    name: 'card-track',
    pack: 'pci',
    severity: 'critical',
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
    severity: 'critical',
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
    name: 'card-track-chip',
    pack: 'pci',
    severity: 'critical',
    pattern: '[2-6][0-9]{12,18}D[0-9]{7,}F?',
    left: '[0-9A-Za-z.]',
    source: 'https://www.emvco.com/specifications/ (EMV Book 3, annex A, tag 57)',
    examples: [
      `57 13 «4111111111111111D3012${digits(13)}F»`,
      `track2="«5555555555554444D3012101${digits(8)}»"`,
    ],
    counter_examples: ['x4111111111111111D30121010000', '4111111111111111D3012'],
  },
]
