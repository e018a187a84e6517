/**
 * Keys of payment, mail, telephony and shop services.
 *
 * @module
 */
import { alnum, hex } from './filler.ts'
import type { Rule } from './rule.ts'

export const service: readonly Rule[] = [
  {
    name: 'stripe-key',
    pack: 'secrets',
    pattern: '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}',
    left: '[A-Za-z0-9_]',
    source: 'https://docs.stripe.com/keys',
    examples: [`«${'sk'}_live_${alnum(24)}»`, `k=«${'rk'}_test_${alnum(99)}»\n`],
    counter_examples: [`sk_live_${alnum(15)}`, `pk_live_${alnum(24)}`],
  },
  {
    name: 'stripe-webhook-secret',
    pack: 'secrets',
    pattern: 'whsec_[A-Za-z0-9+/=]{32,}',
    source: 'https://docs.stripe.com/webhooks/signature',
    examples: [`«${'whsec'}_${alnum(32)}»`, `x:«${'whsec'}_${alnum(40)}=»\n`],
    counter_examples: [`whsec_${alnum(31)}`, `whsec-${alnum(32)}`],
  },
  {
    name: 'square-token',
    pack: 'secrets',
    pattern: 'sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}',
    source: 'https://developer.squareup.com/docs/build-basics/access-tokens',
    examples: [`«${'sq0'}atp-${alnum(22)}»`, `«${'sq0'}csp-${alnum(43)}»\n`],
    counter_examples: [`sq0atp-${alnum(21)}`, `sq0idp-${alnum(22)}`],
  },
  {
    name: 'shopify-token',
    pack: 'secrets',
    pattern: 'shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}',
    source: 'https://shopify.dev/docs/apps/build/authentication-authorization',
    examples: [`«${'shp'}at_${hex(32)}»`, `x «${'shp'}ss_${hex(32)}»\n`],
    counter_examples: [`shpat_${hex(31)}`, `shpxx_${hex(32)}`],
  },
  {
    name: 'sendgrid-key',
    pack: 'secrets',
    pattern: 'SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}',
    left: '[A-Za-z0-9_]',
    source: 'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys',
    examples: [`«${'SG'}.${alnum(22)}.${alnum(43)}»`, `k=«${'SG'}.${alnum(22)}.${hex(43)}»\n`],
    counter_examples: [`SG.${alnum(22)}.${alnum(42)}`, `MSG.${alnum(22)}.${alnum(43)}`],
  },
  {
    name: 'twilio-key',
    pack: 'secrets',
    pattern: 'SK[0-9a-f]{32}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    source: 'https://www.twilio.com/docs/iam/api-keys',
    examples: [`«${'SK'}${hex(32)}»`, `sid=«${'SK'}${hex(32)}»\n`],
    counter_examples: [`SK${hex(31)}`, `TASK${hex(32)}`],
  },
  {
    name: 'mailgun-key',
    pack: 'secrets',
    pattern: 'key-[0-9a-f]{32}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    source: 'https://documentation.mailgun.com/docs/mailgun/api-reference/mg-auth',
    examples: [`api:«${'key'}-${hex(32)}»`, `«${'key'}-${hex(32)}»\n`],
    counter_examples: [`key-${hex(31)}`, `monkey-${hex(32)}`],
  },
  {
    name: 'new-relic-key',
    pack: 'secrets',
    pattern: 'NRAK-[A-Z0-9]{27}',
    source: 'https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/',
    examples: [
      `«${'NRAK'}-${alnum(27).toUpperCase()}»`,
      `x «${'NRAK'}-${hex(27).toUpperCase()}»\n`,
    ],
    counter_examples: [`NRAK-${alnum(26).toUpperCase()}`, `NRAX-${alnum(27).toUpperCase()}`],
  },
]
