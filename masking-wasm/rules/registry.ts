/**
 * Tokens of package and image registries.
 *
 * @module
 */
import { alnum, hex, uuid } from './filler.ts'
import type { Rule } from './rule.ts'

export const registry: readonly Rule[] = [
  {
    name: 'npm-token',
    pack: 'secrets',
    severity: 'critical',
    pattern: 'npm_[A-Za-z0-9]{36}',
    right: '[A-Za-z0-9]',
    source: 'https://docs.npmjs.com/about-access-tokens',
    examples: [`:_authToken: «${'npm'}_${alnum(36)}»`, `«${'npm'}_${alnum(36)}»\n`],
    counter_examples: [`npm_${alnum(35)}`, 'npm_config_registry npm_lifecycle_event'],
  },
  {
    name: 'pypi-token',
    pack: 'secrets',
    severity: 'critical',
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
    severity: 'critical',
    pattern: 'rubygems_[a-f0-9]{48}',
    source: 'https://guides.rubygems.org/api-key-scopes/',
    examples: [`«${'rubygems'}_${hex(48)}»`, `key «${'rubygems'}_${hex(48)}»\n`],
    counter_examples: [`rubygems_${hex(47)}`, `rubygem_${hex(48)}`],
  },
  {
    name: 'docker-token',
    pack: 'secrets',
    severity: 'critical',
    pattern: 'dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}',
    source: 'https://docs.docker.com/security/access-tokens/',
    examples: [`«${'dckr'}_pat_${alnum(27)}»`, `x=«${'dckr'}_oat_${alnum(32)}»\n`],
    counter_examples: [`dckr_pat_${alnum(26)}`, `dckr_xat_${alnum(27)}`],
  },
  {
    name: 'npmrc-auth',
    pack: 'secrets',
    severity: 'high',
    before: ':_(?:authToken|auth|password)[ \\t]*=[ \\t]*["\']?',
    pattern: '[^\\s"\'$]{8,}',
    source: 'https://docs.npmjs.com/cli/v11/configuring-npm/npmrc#auth-related-configuration',
    examples: [
      `//npm.example.org/:_authToken=«${uuid}»`,
      `//npm.example.org/:_password="«${alnum(16)}==»"`,
    ],
    counter_examples: [
      '//npm.example.org/:_authToken=${NPM_TOKEN}',
      `//npm.example.org/:username=${alnum(12)}`,
    ],
  },
  {
    name: 'crates-io-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'cio[A-Za-z0-9]{32}',
    left: '[A-Za-z0-9_+/]',
    right: '[A-Za-z0-9_+/=]',
    source: 'https://github.com/rust-lang/crates.io (prefix of API tokens)',
    examples: [`key «cio${alnum(32)}» `, `x="«cio${alnum(32)}»"\n`],
    counter_examples: [`cio${alnum(31)}`, `xcio${alnum(32)}`, `cio${alnum(33)}`],
  },
  {
    name: 'nuget-key',
    pack: 'secrets',
    severity: 'high',
    pattern: 'oy2[a-z0-9]{43}',
    left: '[A-Za-z0-9_+/]',
    right: '[A-Za-z0-9_+/=]',
    source: 'https://github.com/NuGet/NuGetGallery (prefix of API keys)',
    examples: [`key «oy2${alnum(43).toLowerCase()}» `, `x="«oy2${alnum(43).toLowerCase()}»"\n`],
    counter_examples: [
      `oy2${alnum(42).toLowerCase()}`,
      `xoy2${alnum(43).toLowerCase()}`,
      `oy2${alnum(44).toLowerCase()}`,
    ],
  },
  {
    name: 'clojars-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'CLOJARS_[a-z0-9]{60}',
    source: 'https://github.com/clojars/clojars-web/wiki/Deploy-Tokens',
    examples: [`key «CLOJARS_${alnum(60).toLowerCase()}» `, `x="«CLOJARS_${hex(60)}»"\n`],
    counter_examples: [`CLOJARS_${alnum(59).toLowerCase()}`, `CLOJARS-${alnum(60).toLowerCase()}`],
  },
  {
    name: 'docker-config-auth',
    pack: 'secrets',
    severity: 'high',
    before: '"auth"[ \\t]*:[ \\t]*"',
    pattern: '[A-Za-z0-9+/]{16,}={0,2}',
    next: '"',
    source: 'https://docs.docker.com/reference/cli/docker/login/#credential-stores',
    examples: [
      `{"auths":{"r.example.org":{"auth":"«${alnum(24)}==»"}}}`,
      `"https://index.docker.io/v1/": {\n\t\t\t"auth": "«${alnum(28)}»"\n`,
    ],
    counter_examples: ['{"auth":""}', '"auth": "required"', `{"auth":"<${alnum(24)}>"}`],
  },
  {
    name: 'docker-swarm-token',
    pack: 'secrets',
    severity: 'critical',
    pattern: 'SWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}',
    source: 'https://docs.docker.com/engine/swarm/join-nodes/',
    examples: [
      `docker swarm join --token «SWMTKN-1-${alnum(50).toLowerCase()}-${alnum(25).toLowerCase()}» 10.0.0.1:2377`,
      `x="«SWMTKN-1-${alnum(50).toLowerCase()}-${alnum(25).toLowerCase()}»"\n`,
    ],
    counter_examples: [
      `SWMTKN-1-${alnum(50).toLowerCase()}-${alnum(24).toLowerCase()}`,
      `SWMTKN-2-${alnum(50).toLowerCase()}-${alnum(25).toLowerCase()}`,
    ],
  },
]
