/**
 * Tokens of forges, package registries and development services.
 *
 * @module
 */
import { alnum, digits, hex } from './filler.ts'
import type { Rule } from './rule.ts'

export const forge: readonly Rule[] = [
  {
    name: 'github-token',
    pack: 'secrets',
    pattern: 'gh[pousr]_[A-Za-z0-9]{36,}',
    source:
      'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github',
    examples: [
      `GH=«${'ghp'}_${alnum(36)}»`,
      `x «${'ghs'}_${alnum(40)}»\n`,
      `«${'gho'}_${alnum(36)}»`,
    ],
    counter_examples: [`ghp_${alnum(35)}`, `ghx_${alnum(36)}`],
  },
  {
    name: 'github-fine-grained-token',
    pack: 'secrets',
    pattern: 'github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}',
    source:
      'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens',
    examples: [
      `«${'github'}_pat_${alnum(22)}_${alnum(59)}»`,
      `t=«${'github'}_pat_${alnum(22)}_${hex(59)}» `,
    ],
    counter_examples: [
      `github_pat_${alnum(22)}_${alnum(58)}`,
      `github_pat_${alnum(21)}_${alnum(59)}`,
    ],
  },
  {
    name: 'gitlab-token',
    pack: 'secrets',
    pattern: 'gl(?:pat|dt|rt|cbt|ptt|ft|agent|oas|imt|soat)-[A-Za-z0-9_-]{20,}',
    source: 'https://docs.gitlab.com/security/tokens/#token-prefixes',
    examples: [`«${'glpat'}-${alnum(20)}»`, `runner «${'glrt'}-${alnum(27)}»\n`],
    counter_examples: [`glpat-${alnum(19)}`, `glxat-${alnum(20)}`],
  },
  {
    name: 'npm-token',
    pack: 'secrets',
    pattern: 'npm_[A-Za-z0-9]{36}',
    right: '[A-Za-z0-9]',
    source: 'https://docs.npmjs.com/about-access-tokens',
    examples: [`:_authToken: «${'npm'}_${alnum(36)}»`, `«${'npm'}_${alnum(36)}»\n`],
    counter_examples: [`npm_${alnum(35)}`, 'npm_config_registry npm_lifecycle_event'],
  },
  {
    name: 'pypi-token',
    pack: 'secrets',
    pattern: 'pypi-AgE[A-Za-z0-9_-]{50,}',
    source: 'https://pypi.org/help/#apitoken',
    examples: [
      `«${'pypi'}-AgEIcHlwaS5vcmc${alnum(70)}»`,
      `p «${'pypi'}-AgENdGVzdC5weXBpLm9yZw${alnum(60)}» `,
    ],
    counter_examples: [`pypi-AgE${alnum(49)}`, `pypi-server-${alnum(70)}`],
  },
  {
    name: 'rubygems-key',
    pack: 'secrets',
    pattern: 'rubygems_[a-f0-9]{48}',
    source: 'https://guides.rubygems.org/api-key-scopes/',
    examples: [`«${'rubygems'}_${hex(48)}»`, `key «${'rubygems'}_${hex(48)}»\n`],
    counter_examples: [`rubygems_${hex(47)}`, `rubygem_${hex(48)}`],
  },
  {
    name: 'docker-token',
    pack: 'secrets',
    pattern: 'dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}',
    source: 'https://docs.docker.com/security/access-tokens/',
    examples: [`«${'dckr'}_pat_${alnum(27)}»`, `x=«${'dckr'}_oat_${alnum(32)}»\n`],
    counter_examples: [`dckr_pat_${alnum(26)}`, `dckr_xat_${alnum(27)}`],
  },
  {
    name: 'hugging-face-token',
    pack: 'secrets',
    pattern: 'hf_[A-Za-z0-9]{30,}',
    left: '[A-Za-z0-9_]',
    source: 'https://huggingface.co/docs/hub/security-tokens',
    examples: [`HF=«${'hf'}_${alnum(34)}»`, `«${'hf'}_${alnum(37)}»\n`],
    counter_examples: [`hf_${alnum(29)}`, `xhf_${alnum(34)}`],
  },
  {
    name: 'openai-key',
    pack: 'secrets',
    pattern: 'sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,}|[A-Za-z0-9]{48,})',
    left: '[A-Za-z0-9_-]',
    source: 'https://platform.openai.com/docs/api-reference/authentication',
    examples: [`«${'sk'}-${alnum(48)}»`, `k=«${'sk'}-proj-${alnum(74)}_-${alnum(20)}»\n`],
    counter_examples: [`sk-${alnum(47)}`, `task-${alnum(48)}`],
  },
  {
    name: 'anthropic-key',
    pack: 'secrets',
    pattern: 'sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,}',
    left: '[A-Za-z0-9_-]',
    source: 'https://docs.anthropic.com/en/api/overview',
    examples: [`«${'sk'}-ant-api03-${alnum(93)}AA»`, `k «${'sk'}-ant-admin01-${alnum(86)}»\n`],
    counter_examples: [`sk-ant-api03-${alnum(79)}`, `sk-ant-api-${alnum(95)}`],
  },
  {
    name: 'slack-token',
    pack: 'secrets',
    pattern: 'xox[abdeoprs][.-][A-Za-z0-9.-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}',
    left: '[A-Za-z0-9]',
    source: 'https://api.slack.com/concepts/token-types',
    examples: [
      `«${'xoxb'}-${digits(12)}-${digits(12)}-${alnum(24)}»`,
      `«${'xapp'}-1-A0${digits(9)}-${hex(64)}»\n`,
    ],
    counter_examples: [`xoxb-${digits(9)}`, `xoxz-${digits(12)}-${alnum(24)}`],
  },
  {
    name: 'slack-webhook',
    pack: 'secrets',
    before: 'hooks\\.slack\\.com/(?:services|workflows|triggers)/',
    pattern: '[A-Za-z0-9/_-]{20,}',
    source: 'https://api.slack.com/messaging/webhooks',
    examples: [
      `https://hooks.slack.com/services/«T${digits(8)}/B${digits(8)}/${alnum(24)}»`,
      `hooks.slack.com/workflows/«T${digits(8)}/A${digits(8)}/${digits(18)}/${alnum(24)}» `,
    ],
    counter_examples: [
      'https://hooks.slack.com/services/T00',
      `https://slack.com/services/${alnum(40)}`,
    ],
  },
  {
    name: 'grafana-token',
    pack: 'secrets',
    pattern: 'gl(?:sa|c)_[A-Za-z0-9+/_=]{32,}',
    left: '[A-Za-z0-9_]',
    source: 'https://grafana.com/docs/grafana/latest/administration/service-accounts/',
    examples: [`«${'glsa'}_${alnum(32)}_${hex(8)}»`, `x «${'glc'}_${alnum(80)}»\n`],
    counter_examples: [`glsa_${alnum(31)}`, `gls_${alnum(40)}`],
  },
  {
    name: 'postman-key',
    pack: 'secrets',
    pattern: 'PMAK-[a-f0-9]{24}-[a-f0-9]{34}',
    source: 'https://learning.postman.com/docs/developer/postman-api/authentication/',
    examples: [`«${'PMAK'}-${hex(24)}-${hex(34)}»`, `k:«${'PMAK'}-${hex(24)}-${hex(34)}»\n`],
    counter_examples: [`PMAK-${hex(24)}-${hex(33)}`, `PMAK-${hex(23)}-${hex(34)}`],
  },
  {
    name: 'linear-key',
    pack: 'secrets',
    pattern: 'lin_(?:api|oauth)_[A-Za-z0-9]{40,}',
    source: 'https://linear.app/developers/graphql',
    examples: [`«${'lin'}_api_${alnum(40)}»`, `«${'lin'}_oauth_${hex(64)}»\n`],
    counter_examples: [`lin_api_${alnum(39)}`, `lin_app_${alnum(40)}`],
  },
  {
    name: 'atlassian-token',
    pack: 'secrets',
    pattern: 'ATATT3[A-Za-z0-9_=-]{100,}',
    source:
      'https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/',
    examples: [`«${'ATATT'}3xFfGF0${alnum(170)}=${hex(8)}»`, `t «${'ATATT'}3${alnum(180)}»\n`],
    counter_examples: [`ATATT3${alnum(99)}`, `ATATT2${alnum(180)}`],
  },
]
