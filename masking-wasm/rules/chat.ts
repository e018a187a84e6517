/**
 * Bots, webhooks and signing secrets of chat services.
 *
 * @module
 */
import { assigned } from './context.ts'
import { alnum, alpha, digits, hex, uuid } from './filler.ts'
import type { Rule } from './rule.ts'

export const chat: readonly Rule[] = [
  {
    name: 'slack-token',
    pack: 'secrets',
    severity: 'critical',
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
    severity: 'medium',
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
    name: 'telegram-bot-token',
    pack: 'secrets',
    severity: 'high',
    // The bot's number is public, and every counter on a terminal looks like one.
    lead: '[0-9]{8,10}',
    pattern: ':AA[A-Za-z0-9_-]{33}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9_-]',
    source: 'https://core.telegram.org/bots/api#authorizing-your-bot',
    examples: [`/bot «${digits(9)}:${'AA'}${alnum(33)}»`, `t=«${digits(10)}:${'AA'}${alnum(33)}»`],
    counter_examples: [`${digits(9)}:AA${alnum(32)}`, `${digits(7)}:AA${alnum(33)}`],
  },
  {
    name: 'slack-signing-secret',
    pack: 'secrets',
    severity: 'high',
    before: `(?:SLACK_SIGNING_SECRET|slack_signing_secret)${assigned}`,
    pattern: '[a-f0-9]{32}',
    right: '[A-Fa-f0-9]',
    source: 'https://docs.slack.dev/authentication/verifying-requests-from-slack',
    examples: [`SLACK_SIGNING_SECRET=«${hex(32)}»`, `slack_signing_secret: "«${hex(32)}»"`],
    counter_examples: [`SLACK_SIGNING_SECRET=${hex(31)}`, `SLACK_APP_ID=${hex(32)}`],
  },
  {
    name: 'discord-bot-token',
    pack: 'secrets',
    severity: 'critical',
    // The first part is base64 of a number in digits, which leaves each place few characters.
    pattern:
      '(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){5,6}[A-Za-z0-9_-]{0,4}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,}',
    left: '[A-Za-z0-9_.-]',
    source: 'https://discord.com/developers/docs/reference#authentication',
    examples: [
      `key «MTk4NjIyNDgzNDcxOTI1MjQ4.${alnum(6)}.${alnum(27)}» `,
      `Authorization: Bot «NzkyNzE1NDU0MTk2MDg4ODQy.${alnum(6)}.${alnum(38)}»`,
    ],
    counter_examples: [
      `MTk4NjIyNDgzNDcxOTI1MjQ4.${alnum(5)}.${alnum(27)}`,
      `xMTk4NjIyNDgzNDcxOTI1MjQ4.${alnum(6)}.${alnum(27)}`,
      `MTabcdefghijklmnopqrstuv.${alnum(6)}.${alnum(27)}`,
    ],
  },
  {
    name: 'discord-webhook',
    pack: 'secrets',
    severity: 'medium',
    before: 'discord(?:app)?\\.com/api/(?:v[0-9]+/)?webhooks/[0-9]+/',
    pattern: '[A-Za-z0-9_-]{60,}',
    source: 'https://discord.com/developers/docs/resources/webhook',
    examples: [
      `https://discord.com/api/webhooks/${digits(18)}/«${alnum(68)}»`,
      `https://discordapp.com/api/v10/webhooks/${digits(19)}/«${alnum(68)}»`,
    ],
    counter_examples: [
      `https://discord.com/api/webhooks/${digits(18)}/${alnum(59)}`,
      `https://discord.com/api/channels/${digits(18)}/${alnum(68)}`,
    ],
  },
  {
    name: 'teams-webhook',
    pack: 'secrets',
    severity: 'medium',
    before: '\\.webhook\\.office\\.com/webhookb2/',
    pattern: '[A-Za-z0-9@/_-]{40,}',
    source:
      'https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook',
    examples: [
      `https://a.webhook.office.com/webhookb2/«${uuid}@${uuid}/IncomingWebhook/${hex(32)}/${uuid}»`,
      `https://outlook.webhook.office.com/webhookb2/«${uuid}@${uuid}/IncomingWebhook/${hex(32)}/${uuid}/V2${alnum(20)}»`,
    ],
    counter_examples: [
      `https://a.webhook.office.com/webhookb2/${uuid}`,
      `https://a.office.com/webhookb2/${uuid}@${uuid}`,
    ],
  },
  {
    name: 'mattermost-webhook',
    pack: 'secrets',
    severity: 'medium',
    before: '/hooks/',
    pattern: '[a-z0-9]{26}',
    right: '[A-Za-z0-9_/-]',
    source: 'https://developers.mattermost.com/integrate/webhooks/incoming/',
    examples: [
      `https://chat.example.org/hooks/«${alnum(26).toLowerCase()}»`,
      `"https://mm.example.org/hooks/«${alnum(26).toLowerCase()}»"`,
    ],
    counter_examples: [
      `https://chat.example.org/hooks/${alnum(25).toLowerCase()}`,
      `https://chat.example.org/hooks/${alnum(27).toLowerCase()}`,
    ],
  },
  {
    name: 'google-chat-webhook',
    pack: 'secrets',
    severity: 'medium',
    before: 'chat\\.googleapis\\.com/v1/spaces/[A-Za-z0-9_-]+/messages\\?key=',
    pattern: '[A-Za-z0-9_&=%-]{40,}',
    source: 'https://developers.google.com/workspace/chat/quickstart/webhooks',
    examples: [
      `https://chat.googleapis.com/v1/spaces/${alnum(11)}/messages?key=«${alnum(39)}&token=${alnum(43)}»`,
      `chat.googleapis.com/v1/spaces/${alnum(11)}/messages?key=«${alnum(39)}&token=${alnum(43)}%3D»`,
    ],
    counter_examples: [
      `https://chat.googleapis.com/v1/spaces/${alnum(11)}/messages?key=${alnum(20)}`,
      `https://chat.googleapis.com/v1/spaces/${alnum(11)}/members?key=${alnum(60)}`,
    ],
  },
  {
    name: 'matrix-token',
    pack: 'secrets',
    severity: 'high',
    pattern: 'syt_[A-Za-z0-9_]{28,}',
    left: '[A-Za-z0-9_]',
    source: 'https://github.com/element-hq/synapse (form of access tokens)',
    examples: [
      `key «syt_${alnum(12)}_${alpha(20)}_${alnum(6)}» `,
      `x="«syt_${alnum(8)}_${alpha(20)}_${alnum(6)}»"\n`,
    ],
    counter_examples: [
      `syt_${alnum(20)}_${alnum(6)}`,
      `sytx_${alnum(12)}_${alpha(20)}_${alnum(6)}`,
    ],
  },
  {
    name: 'zapier-webhook',
    pack: 'secrets',
    severity: 'medium',
    before: 'hooks\\.zapier\\.com/hooks/catch/',
    pattern: '[0-9]+/[A-Za-z0-9]+',
    source: 'https://help.zapier.com/hc/en-us/articles/8496288690317',
    examples: [
      `https://hooks.zapier.com/hooks/catch/«${digits(7)}/${alnum(7).toLowerCase()}»/`,
      `"https://hooks.zapier.com/hooks/catch/«${digits(8)}/${alnum(7).toLowerCase()}»"`,
    ],
    counter_examples: [
      'https://hooks.zapier.com/hooks/catch/',
      `https://zapier.com/hooks/catch/${digits(7)}/${alnum(7).toLowerCase()}`,
    ],
  },
]
