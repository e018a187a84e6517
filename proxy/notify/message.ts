/**
 * What a chat is told of a request: a body as Slack's incoming webhooks take it (`text`, and `blocks` of Block Kit),
 * which others read too. It has what an approver sees, masked; what came from a client or a policy is plain text, so that
 * it can mention nobody and format nothing.
 *
 * @module
 */
import type { ApprovalRequest, HoldOutcome, MaskedCommand } from '../core/approval.ts'
import { shown_command_characters, shown_line_characters } from './limits.ts'

export interface Message {
  readonly text: string
  readonly blocks: readonly Block[]
}

type Plain = { readonly type: 'plain_text'; readonly text: string; readonly emoji: false }

type Block =
  | { readonly type: 'section'; readonly text: Plain }
  | { readonly type: 'section'; readonly fields: readonly Plain[] }
  | {
      readonly type: 'actions'
      readonly elements: readonly {
        readonly type: 'button'
        readonly text: Plain
        readonly url: string
      }[]
    }

/** @param url opens the request in a browser */
export function requestMessage(request: ApprovalRequest, url: string): Message {
  const { subject, account, target, risk, says, findings, rule, reason, approvals } = request
  const found = says === '' ? '' : `: it ${says} (${findings.join(', ')})`
  const needs = approvals.map(
    ({ group, quorum }) => `${quorum} by ${group === '' ? 'any approver' : group}`,
  )
  const { release } = request
  const is_grant = request.session === '' && release === undefined
  const title =
    release !== undefined
      ? `${subject} asks to ${release === 'shred' ? 'shred a session' : 'lift a legal hold'} of ${target}`
      : is_grant
        ? `${subject} asks for a grant for ${target}${account === '' ? '' : ` as ${account}`}`
        : `${subject} asks to run a command as ${account} on ${target}`
  return {
    // Slack shows it in notifications, and reads markup in it.
    text: escaped(line(title)),
    blocks: [
      { type: 'section', text: plain(line(title)) },
      { type: 'section', text: plain(commandText(request.command)) },
      {
        type: 'section',
        fields: [
          ...(is_grant ? [] : [plain(line(`Risk: ${risk}${found}`))]),
          plain(line(`Waits by: ${rule}${reason === '' ? '' : `; ${reason}`}`)),
          plain(line(`Needs: ${needs.join(', ')}`)),
          plain(line(`Until: ${timeOf(request.expires_us)}`)),
          plain(line(`Request: ${request.id}`)),
        ],
      },
      {
        type: 'actions',
        elements: [{ type: 'button', text: plain('Sign in and decide'), url }],
      },
    ],
  }
}

export function endMessage(request: ApprovalRequest, outcome: HoldOutcome): Message {
  const by = 'by' in outcome ? ` by ${outcome.by.map(({ subject }) => subject).join(', ')}` : ''
  const why = outcome.kind === 'denied' && outcome.comment !== '' ? `: ${outcome.comment}` : ''
  const { id, subject, target } = request
  const text = line(`Request ${id} of ${subject} on ${target}: ${outcome.kind}${by}${why}`)
  return { text: escaped(text), blocks: [{ type: 'section', text: plain(text) }] }
}

/** Each masked part is followed by the name of its rule. */
function commandText({ text, spans = [] }: MaskedCommand): string {
  let named = ''
  let done = 0
  for (const { at, length, rule } of spans) {
    named += `${text.slice(done, at + length)}[${rule}]`
    done = at + length
    if (named.length > shown_command_characters) break
  }
  named = visible(named + text.slice(done))
  if (named.length <= shown_command_characters) return named
  const rest = named.length - shown_command_characters
  return `${named.slice(0, shown_command_characters)}... and ${rest} characters more: open it to see all`
}

const plain = (text: string): Plain => ({ type: 'plain_text', text, emoji: false })

/** Of a name or a reason. A block without text is none. */
const line = (text: string): string =>
  visible(text).replace(/\n/g, ' ').slice(0, shown_line_characters)

/** Nothing that is not seen, or turns the text around it. */
const visible = (text: string): string => text.replace(/[^\P{C}\n]/gu, '\ufffd')

/** The three characters of Slack's markup. */
const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

const timeOf = (us: number): string =>
  `${new Date(us / 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
