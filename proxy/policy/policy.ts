/**
 * The static policy of this version: whoever is identified may reach every configured target and account
 * and run commands there, but for tools that lead past the gateway; file transfers, forwarding and the agent are each
 * allowed or denied as a whole.
 * What it does not know is denied. A transfer whose wire is known passes the content of files unmasked; any other
 * that is allowed is masked like any output.
 *
 * @module
 */
import type { ChannelRequest } from '../core/connector.ts'
import type { Policy } from '../core/ports.ts'
import type { TransferChoice, TransferDirection } from '../core/transfer.ts'
import type { Capability, Denial, Verdict } from '../core/verdict.ts'
import { recogniseDetour } from './detour.ts'
import { recogniseTransfer, sftp_subsystem, type Transfer } from './transfer.ts'

type Choice = 'allow' | 'deny'
type TransferChoices = Readonly<Record<TransferDirection, TransferChoice>>

/** The part of the configuration that policy reads. */
export interface PolicySource {
  readonly policy: {
    readonly forwarding: Choice
    readonly agent_forwarding: Choice
    readonly transfers: TransferChoices
  }
  readonly targets: readonly {
    readonly name: string
    readonly accounts: Readonly<Record<string, unknown>>
  }[]
}

export interface StaticPolicy extends Policy {
  /** The whole policy as canonical JSON: members sorted, no spaces. Holds no secret. */
  readonly text: string
  /** SHA-256 of {@link text}, hex; part of every session's evidence. */
  readonly hash: string
}

/** A name in a message: long enough for any that is configured. */
const shown_characters_max = 64

export function createPolicy(config: PolicySource): StaticPolicy {
  const targets = new Map(
    config.targets.map(({ name, accounts }) => [name, new Set(Object.keys(accounts))]),
  )
  const text = canonicalPolicy(config)
  return {
    text,
    hash: new Bun.CryptoHasher('sha256').update(text).digest('hex'),
    connect: (_, account, target) => connect(targets, account, target),
    channel: (_, target, request) =>
      targets.has(target) ? channel(config, request) : unknownTarget(target),
    capability: (_, target, name) =>
      targets.has(target) ? capability(config, name) : unknownTarget(target),
  }
}

function connect(
  targets: ReadonlyMap<string, ReadonlySet<string>>,
  account: string,
  target: string,
): Verdict {
  const accounts = targets.get(target)
  if (accounts === undefined) return unknownTarget(target)
  if (!accounts.has(account))
    return denied(
      'policy.unknown_account',
      `${shown(target)} has no account ${shown(account)} here; log in as ACCOUNT@TARGET, or ask the gateway's administrator`,
    )
  return { allowed: true, rule: 'policy.identified' }
}

// Which targets exist is nothing that a guess should teach.
function unknownTarget(target: string): Denial {
  return denied(
    'policy.unknown_target',
    `no target ${shown(target)} here; log in as ACCOUNT@TARGET, or ask the gateway's administrator`,
  )
}

function channel(config: PolicySource, request: ChannelRequest): Verdict {
  switch (request.kind) {
    case 'shell':
      return { allowed: true, rule: 'policy.shell' }
    case 'exec': {
      const detour = recogniseDetour(request.command)
      if (detour !== undefined) return denied(`policy.detour.${detour.tool}`, detour.message)
      const transfer = recogniseTransfer(request.command)
      return transfer === undefined
        ? { allowed: true, rule: 'policy.exec' }
        : transferVerdict(config, transfer)
    }
    case 'subsystem': {
      const name = new TextDecoder().decode(request.command)
      return name === 'sftp'
        ? transferVerdict(config, sftp_subsystem)
        : denied('policy.subsystem', `the subsystem ${shown(name)} is not known and not allowed`)
    }
    case 'forward':
    case 'reverse':
      return capability(config, 'forwarding')
    case 'agent':
      return capability(config, 'agent_forwarding')
  }
}

function transferVerdict(config: PolicySource, transfer: Transfer): Verdict {
  const { tool, directions, argv } = transfer
  const choices = config.policy.transfers
  const refused = directions.filter((each) => choices[each] === 'deny')
  const rule = `policy.transfers.${directions.filter((each) => !refused.includes(each)).join('+')}`
  // The codec of sftp denies each request that policy does not allow.
  if (tool === 'sftp' && argv !== undefined && refused.length < directions.length)
    return { allowed: true, rule, transfer: { tool, argv, choices } }
  if (refused.length === 0) {
    if (argv !== undefined) return { allowed: true, rule, transfer: { tool, argv, choices } }
    const unread = directions.filter((each) => choices[each] === 'scan')
    if (unread.length === 0) return { allowed: true, rule }
    return denied(
      `policy.transfers.${unread.join('+')}`,
      `file transfer by ${tool} in this form cannot be scanned, and policy demands it: ${unread
        .map((each) => `policy.transfers.${each}: scan`)
        .join(', ')}`,
    )
  }
  const keys = refused.map((each) => `policy.transfers.${each}: deny`).join(', ')
  const needs =
    directions.length === 2 && argv === undefined
      ? ' (it can do both, so it needs both allowed)'
      : ''
  return denied(
    `policy.transfers.${refused.join('+')}`,
    `file transfer by ${tool} is off by policy: ${keys}${needs}`,
  )
}

function capability(config: PolicySource, name: Capability): Verdict {
  const { policy } = config
  switch (name) {
    case 'forwarding':
    case 'agent_forwarding': {
      if (policy[name] === 'allow') return { allowed: true, rule: `policy.${name}` }
      const what = name === 'forwarding' ? 'port forwarding' : 'agent forwarding'
      return denied(`policy.${name}`, `${what} is off by policy: policy.${name}: deny`)
    }
    case 'upload':
    case 'download':
      if (policy.transfers[name] !== 'deny')
        return { allowed: true, rule: `policy.transfers.${name}` }
      return denied(
        `policy.transfers.${name}`,
        `${name} is off by policy: policy.transfers.${name}: deny`,
      )
    case 'x11':
      return denied(
        'policy.x11',
        'X11 forwarding is never allowed: it carries what is not recorded',
      )
  }
}

/** Targets and accounts are part of it: who may reach what depends on which there are. */
function canonicalPolicy({ policy, targets }: PolicySource): string {
  const reachable = Object.fromEntries(
    targets
      .map(({ name, accounts }) => [name, Object.keys(accounts).toSorted()] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
  return JSON.stringify({
    agent_forwarding: policy.agent_forwarding,
    forwarding: policy.forwarding,
    targets: reachable,
    transfers: { download: policy.transfers.download, upload: policy.transfers.upload },
    v: 1,
  })
}

/** What came from a client is shown in quotes, short, and without anything that moves a cursor. */
function shown(text: string): string {
  const short =
    text.length > shown_characters_max ? `${text.slice(0, shown_characters_max)}...` : text
  return JSON.stringify(short.replace(/\p{C}/gu, '?'))
}

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule, message }
}
