/**
 * Credentials of cloud and infrastructure providers.
 *
 * @module
 */
import { alnum, digits, hex, upper } from './filler.ts'
import type { Rule } from './rule.ts'

export const cloud: readonly Rule[] = [
  {
    name: 'aws-access-key-id',
    pack: 'secrets',
    pattern: '(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    source: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html',
    examples: [
      `AWS_ACCESS_KEY_ID=«${'AKIA'}${upper(16).replaceAll('9', '3')}»`,
      `id: «${'ASIA'}IOSFODNN7EXAMPLE» region: eu-west-1`,
    ],
    counter_examples: ['AKIAIOSFODNN7EXAMPL', 'XAKIAIOSFODNN7EXAMPLE', 'AKIAIOSFODNN7EXAMPLE1'],
  },
  {
    name: 'aws-secret-access-key',
    pack: 'secrets',
    before: 'aws_?(?:secret|sec)?_?(?:access)?_?key["\']?[ \\t]*(?:=|:|=>)[ \\t]*["\']?',
    pattern: '[A-Za-z0-9/+=]{40}',
    right: '[A-Za-z0-9/+=]',
    ignore_case: true,
    source: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html',
    examples: [
      `aws_secret_access_key = «${alnum(38)}/+»`,
      `AWS_SECRET_ACCESS_KEY=«${alnum(40)}»\n`,
    ],
    counter_examples: [
      `aws_secret_access_key = ${alnum(41)}`,
      `aws_secret_access_key_file = ${alnum(40)}`,
    ],
  },
  {
    name: 'azure-storage-key',
    pack: 'secrets',
    before: '(?:AccountKey|SharedAccessKey)[ \\t]*=[ \\t]*',
    pattern: '[A-Za-z0-9+/]{42,86}={1,2}',
    ignore_case: true,
    source:
      'https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string',
    examples: [
      `AccountName=x;AccountKey=«${alnum(86)}==»;EndpointSuffix=core.windows.net`,
      `SharedAccessKeyName=root;SharedAccessKey=«${alnum(43)}=»`,
    ],
    counter_examples: [`AccountKey=${alnum(20)}==`, `AccountName=${alnum(86)}==`],
  },
  {
    name: 'google-api-key',
    pack: 'secrets',
    pattern: 'AIza[A-Za-z0-9_-]{35}',
    left: '[A-Za-z0-9_-]',
    right: '[A-Za-z0-9_-]',
    source: 'https://cloud.google.com/docs/authentication/api-keys',
    examples: [`key=«${'AIza'}${alnum(35)}»`, `maps?key=«${'AIza'}Sy${alnum(33)}»&v=3`],
    counter_examples: [`AIza${alnum(34)}`, `xAIza${alnum(35)}`],
  },
  {
    name: 'google-oauth-secret',
    pack: 'secrets',
    pattern: 'GOCSPX-[A-Za-z0-9_-]{28,}',
    source: 'https://developers.google.com/identity/protocols/oauth2',
    examples: [`"client":"«${'GOCSPX'}-${alnum(28)}»"`, `x=«${'GOCSPX'}-_-${alnum(26)}»`],
    counter_examples: [`GOCSPX-${alnum(27)}`, `GOCSP-${alnum(28)}`],
  },
  {
    name: 'google-oauth-token',
    pack: 'secrets',
    pattern: 'ya29\\.[A-Za-z0-9_-]{20,}',
    left: '[A-Za-z0-9_.-]',
    source: 'https://developers.google.com/identity/protocols/oauth2',
    examples: [`access «${'ya29'}.${alnum(40)}»`, `«${'ya29'}.a0${alnum(30)}»\n`],
    counter_examples: ['ya29.short', `ya29${alnum(40)}`],
  },
  {
    name: 'digitalocean-token',
    pack: 'secrets',
    pattern: 'do[opr]_v1_[a-f0-9]{64}',
    source: 'https://docs.digitalocean.com/reference/api/create-personal-access-token/',
    examples: [`DO=«${'dop'}_v1_${hex(64)}»`, `«${'doo'}_v1_${hex(64)}» `],
    counter_examples: [`dop_v1_${hex(63)}`, `dox_v1_${hex(64)}`],
  },
  {
    name: 'databricks-token',
    pack: 'secrets',
    pattern: 'dapi[a-f0-9]{32}(?:-[0-9])?',
    left: '[A-Za-z0-9]',
    right: '[a-f0-9]',
    source: 'https://docs.databricks.com/en/dev-tools/auth/pat.html',
    examples: [`host token «${'dapi'}${hex(32)}»`, `«${'dapi'}${hex(32)}-2»\n`],
    counter_examples: [`dapi${hex(31)}`, `xdapi${hex(32)}`],
  },
  {
    name: 'vault-token',
    pack: 'secrets',
    pattern: 'hv[sbr]\\.[A-Za-z0-9_-]{24,}',
    left: '[A-Za-z0-9]',
    source: 'https://developer.hashicorp.com/vault/docs/concepts/tokens',
    examples: [`X-Vault: «${'hvs'}.${alnum(24)}»`, `«${'hvb'}.${alnum(90)}»\n`],
    counter_examples: [`hvs.${alnum(23)}`, `hvx.${alnum(24)}`],
  },
  {
    name: 'terraform-token',
    pack: 'secrets',
    before: '\\.atlasv1\\.',
    pattern: '[A-Za-z0-9_=-]{60,}',
    source:
      'https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens',
    examples: [`${alnum(14)}.atlasv1.«${alnum(67)}»`, `x.atlasv1.«${alnum(60)}» `],
    counter_examples: [`x.atlasv1.${alnum(59)}`, `x.atlasv2.${alnum(67)}`],
  },
  {
    name: 'pulumi-token',
    pack: 'secrets',
    pattern: 'pul-[a-f0-9]{40}',
    left: '[A-Za-z0-9]',
    source: 'https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/',
    examples: [`PULUMI=«${'pul'}-${hex(40)}»`, `«${'pul'}-${hex(40)}»\n`],
    counter_examples: [`pul-${hex(39)}`, `xpul-${hex(40)}`],
  },
  {
    name: 'heroku-key',
    pack: 'secrets',
    pattern: 'HRKU-[A-Za-z0-9_-]{36,}',
    source: 'https://devcenter.heroku.com/articles/authentication',
    examples: [`«${'HRKU'}-${alnum(60)}»`, `k «${'HRKU'}-${hex(8)}-${hex(27)}»`],
    counter_examples: [`HRKU-${alnum(35)}`, `HRKV-${alnum(60)}`],
  },
  {
    name: 'age-secret-key',
    pack: 'secrets',
    pattern: 'AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}',
    source: 'https://github.com/C2SP/C2SP/blob/main/age.md',
    examples: [
      `«${'AGE-SECRET'}-KEY-1${'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.repeat(2).slice(0, 58)}»`,
      `key: «${'AGE-SECRET'}-KEY-1${'Q'.repeat(58)}»`,
    ],
    counter_examples: [`AGE-SECRET-KEY-1${'Q'.repeat(57)}`, `AGE-SECRET-KEY-2${'Q'.repeat(58)}`],
  },
  {
    name: 'telegram-bot-token',
    pack: 'secrets',
    // The bot's number is public, and every counter on a terminal looks like one.
    lead: '[0-9]{8,10}',
    pattern: ':AA[A-Za-z0-9_-]{33}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9_-]',
    source: 'https://core.telegram.org/bots/api#authorizing-your-bot',
    examples: [`/bot «${digits(9)}:${'AA'}${alnum(33)}»`, `t=«${digits(10)}:${'AA'}${alnum(33)}»`],
    counter_examples: [`${digits(9)}:AA${alnum(32)}`, `${digits(7)}:AA${alnum(33)}`],
  },
]
