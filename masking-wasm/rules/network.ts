/**
 * Addresses of machines (`network`): by choice, for logs are full of them and mostly need them.
 *
 * @module
 */
import type { Rule } from './rule.ts'

export const network: readonly Rule[] = [
  {
    name: 'ipv4-address',
    pack: 'network',
    severity: 'low',
    pattern:
      '(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])',
    left: '[0-9A-Za-z.]',
    right: '[0-9A-Za-z]',
    source: 'https://www.rfc-editor.org/rfc/rfc791',
    examples: ['from «192.0.2.17» port 22', '«198.51.100.255»:443'],
    counter_examples: ['192.0.2', '192.0.2.256', 'x192.0.2.1'],
  },
  {
    name: 'ipv6-address',
    pack: 'network',
    severity: 'low',
    pattern:
      '(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,7}:(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?|::[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}',
    left: '[0-9A-Za-z:]',
    right: '[0-9A-Za-z:]',
    source: 'https://www.rfc-editor.org/rfc/rfc4291#section-2.2',
    examples: ['to «2001:db8::8a2e:370:7334»', '«2001:0db8:85a3:0000:0000:8a2e:0370:7334»'],
    counter_examples: ['12:34:56', 'std::move(x)'],
  },
  {
    name: 'mac-address',
    pack: 'network',
    severity: 'low',
    pattern:
      '(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}|[0-9a-f]{4}\\.[0-9a-f]{4}\\.[0-9a-f]{4}',
    left: '[0-9A-Za-z:.-]',
    right: '[0-9A-Za-z:-]',
    source: 'https://standards.ieee.org/products-programs/regauth/ (IEEE 802)',
    examples: ['ether «02:42:ac:11:00:02»', '«02-42-AC-11-00-02» «0242.ac11.0002»'],
    counter_examples: ['02:42:ac:11:00', '02:42:ac:11:00:02:03'],
  },
]
