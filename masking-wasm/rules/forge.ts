/**
 * Tokens of forges.
 *
 * @module
 */
import { assigned, header } from './context.ts'
import { alnum, digits, hex } from './filler.ts'
import type { Rule } from './rule.ts'

export const forge: readonly Rule[] = [
  {
    name: 'github-token',
    pack: 'secrets',
    severity: 'critical',
    // Since 2026 an installation's token is its application's number and a JSON Web Token.
    pattern: 'gh[pour]_[A-Za-z0-9]{36,}|ghs_[A-Za-z0-9._-]{36,}',
    source:
      'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github',
    examples: [
      `GH=«${'ghp'}_${alnum(36)}»`,
      `x «${'ghs'}_${alnum(40)}»\n`,
      `«${'gho'}_${alnum(36)}»`,
      `t=«${'ghs'}_${digits(7)}_${'eyJ'}${alnum(40)}.${'eyJ'}${alnum(200)}.${alnum(43)}» `,
    ],
    counter_examples: [`ghp_${alnum(35)}`, `ghx_${alnum(36)}`],
  },
  {
    name: 'github-fine-grained-token',
    pack: 'secrets',
    severity: 'critical',
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
    severity: 'critical',
    pattern:
      'gl(?:pat|dt|rtr?|cbt|ptt|ft|wt|agent|oas|imt|soat|ffct)-[A-Za-z0-9_-]{20}[A-Za-z0-9_.-]*',
    source: 'https://docs.gitlab.com/security/tokens/#token-prefixes',
    examples: [
      `«${'glpat'}-${alnum(20)}»`,
      `runner «${'glrt'}-${alnum(27)}»\n`,
      `«${'glpat'}-${alnum(27)}.01.${hex(9)}» `,
    ],
    counter_examples: [`glpat-${alnum(19)}`, `glxat-${alnum(20)}`],
  },
  {
    name: 'atlassian-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'ATATT3[A-Za-z0-9_=-]{100,}',
    source:
      'https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/',
    examples: [`«${'ATATT'}3xFfGF0${alnum(170)}=${hex(8)}»`, `t «${'ATATT'}3${alnum(180)}»\n`],
    counter_examples: [`ATATT3${alnum(99)}`, `ATATT2${alnum(180)}`],
  },
  {
    name: 'gitlab-runner-registration',
    pack: 'secrets',
    severity: 'high',
    pattern: 'GR1348941[A-Za-z0-9_-]{20,}',
    source: 'https://docs.gitlab.com/security/tokens/#token-prefixes',
    examples: [`key «GR1348941${alnum(20)}» `, `x="«GR1348941${alnum(27)}»"\n`],
    counter_examples: [`GR1348941${alnum(19)}`, `GR1348942${alnum(20)}`],
  },
  {
    name: 'gitlab-header',
    pack: 'secrets',
    severity: 'high',
    before: `(?:(?:PRIVATE|JOB|DEPLOY)-TOKEN|(?:private|job|deploy)-token|(?:Private|Job|Deploy)-Token)${header}`,
    pattern: '[A-Za-z0-9_.-]{20,}',
    source: 'https://docs.gitlab.com/api/rest/authentication/',
    examples: [`PRIVATE-TOKEN: «${alnum(20)}»`, `-H 'job-token: «${alnum(64)}»'`],
    counter_examples: [`PRIVATE-TOKEN: ${alnum(19)}`, `PRIVATE-TOKENS: ${alnum(20)}`],
  },
  {
    name: 'gitea-token',
    pack: 'secrets',
    severity: 'high',
    before: `(?:GITEA|FORGEJO|gitea|forgejo)[A-Za-z_.-]{0,20}(?:TOKEN|[tT]oken)${assigned}`,
    pattern: '[a-f0-9]{40}',
    right: '[A-Fa-f0-9]',
    source: 'https://docs.gitea.com/development/api-usage',
    examples: [`GITEA_TOKEN=«${hex(40)}»`, `forgejo_access_token: "«${hex(40)}»"`],
    counter_examples: [`GITEA_TOKEN=${hex(39)}`, `GITEA_COMMIT=${hex(40)}`],
  },
  {
    name: 'sourcegraph-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'sg[pd]_(?:[A-Za-z0-9]{16}_|local_)?[a-f0-9]{40}',
    left: '[A-Za-z0-9_]',
    source: 'https://sourcegraph.com/docs/cli/how-tos/creating_an_access_token',
    examples: [`key «sgp_${hex(16)}_${hex(40)}» `, `x="«sgp_local_${hex(40)}»"\n`],
    counter_examples: [`sgp_${hex(39)}`, `sgx_${hex(40)}`],
  },
]
