/**
 * Keys of monitoring and analytics services.
 *
 * @module
 */
import { assigned, header, uuid_form } from './context.ts'
import { alnum, hex, upper, uuid } from './filler.ts'
import type { Rule } from './rule.ts'

export const observe: readonly Rule[] = [
  {
    name: 'grafana-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'gl(?:sa|c)_[A-Za-z0-9+/_=]{32,}',
    left: '[A-Za-z0-9_]',
    source: 'https://grafana.com/docs/grafana/latest/administration/service-accounts/',
    examples: [`«${'glsa'}_${alnum(32)}_${hex(8)}»`, `x «${'glc'}_${alnum(80)}»\n`],
    counter_examples: [`glsa_${alnum(31)}`, `gls_${alnum(40)}`],
  },
  {
    name: 'new-relic-key',
    pack: 'secrets',
    severity: 'high',
    pattern: 'NRAK-[A-Z0-9]{27}',
    source: 'https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/',
    examples: [
      `«${'NRAK'}-${alnum(27).toUpperCase()}»`,
      `x «${'NRAK'}-${hex(27).toUpperCase()}»\n`,
    ],
    counter_examples: [`NRAK-${alnum(26).toUpperCase()}`, `NRAX-${alnum(27).toUpperCase()}`],
  },
  {
    name: 'datadog-key',
    pack: 'secrets',
    severity: 'high',
    before: `DD[_-](?:API|APP|APPLICATION)[_-]KEY${assigned}`,
    pattern: '[A-Za-z0-9_]{32,}',
    left: '[A-Za-z0-9_]',
    source: 'https://docs.datadoghq.com/account_management/api-app-keys/',
    examples: [`DD_API_KEY=«${hex(32)}»`, `DD-APPLICATION-KEY: «${hex(40)}»`],
    counter_examples: [`DD_API_KEY=${hex(31)}`, `DD_SITE=${hex(32)}`],
  },
  {
    name: 'new-relic-license-key',
    pack: 'secrets',
    severity: 'medium',
    before: `NEW_RELIC_LICENSE_KEY${assigned}`,
    pattern: '[A-Za-z0-9]{36,40}',
    source: 'https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/',
    examples: [
      `NEW_RELIC_LICENSE_KEY=«${hex(36)}NRAL»`,
      `NEW_RELIC_LICENSE_KEY: "«eu01xx${hex(30)}NRAL»"`,
    ],
    counter_examples: [`NEW_RELIC_LICENSE_KEY=${hex(35)}`, `NEW_RELIC_APP_NAME=${hex(40)}`],
  },
  {
    name: 'sentry-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'sntryu_[a-f0-9]{64}|sntrys_[A-Za-z0-9+/=_-]{60,}',
    source: 'https://docs.sentry.io/security-legal-pii/security/token-formats/',
    examples: [`key «sntryu_${hex(64)}» `, `x="«sntrys_eyJ${alnum(100)}=_${alnum(43)}»"\n`],
    counter_examples: [`sntryu_${hex(63)}`, `sntrys_${alnum(59)}`],
  },
  {
    name: 'honeycomb-key',
    pack: 'secrets',
    severity: 'high',
    pattern: 'hc[a-z][im]k_[a-z0-9]{50,}',
    left: '[A-Za-z0-9_]',
    source: 'https://docs.honeycomb.io/api/authentication',
    examples: [
      `key «hcxik_${alnum(58).toLowerCase()}» `,
      `x="«hcamk_${alnum(58).toLowerCase()}»"\n`,
    ],
    counter_examples: [`hcxik_${alnum(49).toLowerCase()}`, `hcxlk_${alnum(58).toLowerCase()}`],
  },
  {
    name: 'honeycomb-header',
    pack: 'secrets',
    severity: 'high',
    before: '(?:X-Honeycomb-Team|x-honeycomb-team)["\']?[ \\t]*[:=][ \\t]*["\']?',
    pattern: '[A-Za-z0-9_]{20,}',
    source: 'https://docs.honeycomb.io/api/authentication',
    examples: [
      `X-Honeycomb-Team: «${alnum(22)}»`,
      `x-honeycomb-team=«${hex(32)}»,x-honeycomb-dataset=a`,
    ],
    counter_examples: [`X-Honeycomb-Team: ${alnum(19)}`, `X-Honeycomb-Dataset: ${alnum(22)}`],
  },
  {
    name: 'pagerduty-token',
    pack: 'secrets',
    severity: 'high',
    before: 'Token token=["\']?',
    pattern: '[A-Za-z0-9_+-]{18,}',
    source: 'https://developer.pagerduty.com/docs/authentication',
    examples: [
      `Authorization: Token token=«${alnum(20)}»`,
      `-H 'Authorization: Token token="«${alnum(20)}»"'`,
    ],
    counter_examples: [
      `Authorization: Token token=${alnum(17)}`,
      `Authorization: Token tokens=${alnum(20)}`,
    ],
  },
  {
    name: 'dynatrace-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'dt0[a-z][0-9]{2}\\.[A-Z0-9]{24}\\.[A-Z0-9]{64}',
    source:
      'https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/access-tokens',
    examples: [
      `key «dt0c01.${upper(24)}.${upper(64)}» `,
      `x="«dt0s01.${upper(24)}.${upper(64)}»"\n`,
    ],
    counter_examples: [`dt0c01.${upper(24)}.${upper(63)}`, `dt0c01.${upper(23)}.${upper(64)}`],
  },
  {
    name: 'splunk-header',
    pack: 'secrets',
    severity: 'high',
    before: `authorization${header}splunk[ \\t]+`,
    pattern: '[A-Za-z0-9^_-]{20,}',
    ignore_case: true,
    source:
      'https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector',
    examples: [`Authorization: Splunk «${uuid}»`, `curl -H 'authorization: splunk «${uuid}»'`],
    counter_examples: [`Authorization: Splunk ${alnum(19)}`, `Splunk ${uuid}`],
  },
  {
    name: 'opsgenie-header',
    pack: 'secrets',
    severity: 'high',
    before: '(?:GenieKey|geniekey)[ \\t]+',
    pattern: '[A-Za-z0-9-]{30,}',
    source: 'https://docs.opsgenie.com/docs/authentication',
    examples: [`Authorization: GenieKey «${uuid}»`, `'authorization: geniekey «${uuid}»'`],
    counter_examples: [`Authorization: GenieKey ${alnum(29)}`, `GenieKeys ${uuid}`],
  },
  {
    name: 'influxdb-token',
    pack: 'secrets',
    severity: 'high',
    before: `INFLUX(?:DB)?_(?:INIT_ADMIN_)?TOKEN${assigned}`,
    pattern: '[A-Za-z0-9_/+-]{32,}={0,2}',
    source: 'https://docs.influxdata.com/influxdb/v2/reference/cli/influx/',
    examples: [
      `INFLUX_TOKEN=«${alnum(86)}==»`,
      `DOCKER_INFLUXDB_INIT_ADMIN_TOKEN=«${alnum(86)}==»`,
    ],
    counter_examples: [`INFLUX_TOKEN=${alnum(31)}`, `INFLUX_ORG=${alnum(86)}`],
  },
  {
    name: 'axiom-token',
    pack: 'secrets',
    severity: 'high',
    pattern: `xa(?:at|pt)-${uuid_form}`,
    source: 'https://axiom.co/docs/reference/tokens',
    examples: [`key «xaat-${uuid}» `, `x="«xapt-${uuid}»"\n`],
    counter_examples: [`xaat-${hex(32)}`, `xaxt-${uuid}`],
  },
  {
    name: 'posthog-key',
    pack: 'secrets',
    severity: 'high',
    pattern: 'phx_[A-Za-z0-9]{40,}',
    left: '[A-Za-z0-9_]',
    source: 'https://posthog.com/docs/api',
    examples: [`key «phx_${alnum(43)}» `, `x="«phx_${alnum(47)}»"\n`],
    counter_examples: [`phx_${alnum(39)}`, `phc_${alnum(43)}`],
  },
  {
    name: 'sumologic-collector',
    pack: 'secrets',
    severity: 'medium',
    before: 'sumologic\\.com/receiver/v1/http/',
    pattern: '[A-Za-z0-9_=-]{40,}',
    source: 'https://help.sumologic.com/docs/send-data/hosted-collectors/http-source/',
    examples: [
      `https://endpoint1.collection.eu.sumologic.com/receiver/v1/http/«${alnum(110)}==»`,
      `https://collectors.sumologic.com/receiver/v1/http/«${alnum(80)}»`,
    ],
    counter_examples: [
      `https://collectors.sumologic.com/receiver/v1/http/${alnum(39)}`,
      `https://collectors.sumologic.com/receiver/v1/${alnum(80)}`,
    ],
  },
  {
    name: 'loggly-token',
    pack: 'secrets',
    severity: 'medium',
    before: 'loggly\\.com/(?:inputs|bulk)/',
    pattern: `${uuid_form}`,
    source:
      'https://documentation.solarwinds.com/en/success_center/loggly/content/admin/token-based-api-authentication.htm',
    examples: [
      `https://logs-01.loggly.com/inputs/«${uuid}»/tag/http/`,
      `logs-01.loggly.com/bulk/«${uuid}»`,
    ],
    counter_examples: [
      `https://logs-01.loggly.com/inputs/${hex(32)}`,
      `https://logs-01.loggly.com/tag/${uuid}`,
    ],
  },
  {
    name: 'prefect-key',
    pack: 'secrets',
    severity: 'high',
    pattern: 'pn[ub]_[A-Za-z0-9]{36}',
    left: '[A-Za-z0-9_]',
    source: 'https://docs.prefect.io/v3/how-to-guides/cloud/manage-users/api-keys',
    examples: [`key «pnu_${alnum(36)}» `, `x="«pnb_${alnum(36)}»"\n`],
    counter_examples: [`pnu_${alnum(35)}`, `pnx_${alnum(36)}`],
  },
]
